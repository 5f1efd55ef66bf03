"""The use case of pictures: one that may not go as it is, developed, and its rendition kept."""

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from darkroom import development, naming
from darkroom.errors import Fault, TooLarge, TooManyPixels, Unavailable, Undecodable
from darkroom.ports import ObjectStore
from darkroom.renditions import MEDIA_TYPE
from darkroom.request import ImageRef
from darkroom.sources import MOST_BYTES


class Journal(Protocol):
    """Where it is written what became of a picture."""

    def ended(self, ref: ImageRef, became: str) -> None: ...

    def broke(self, ref: ImageRef, error: Exception) -> None: ...


class Laboratory:
    """The developer of `ports`, where there is memory for it. It keeps renditions in `bucket`."""

    def __init__(self, objects: ObjectStore, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    def develop(self, ref: ImageRef, most_bytes: int) -> None:
        """See `ports.Developer`."""
        original = self._objects.read(ref, most_bytes=MOST_BYTES)
        if original is None:
            raise Unavailable("aws", "the picture is gone")  # who asks for it again is told so
        key = naming.rendition_key(hashlib.sha256(original.data).hexdigest(), most_bytes)
        data, media_type = development.develop(original.data, most_bytes)
        self._objects.write_once(self._bucket, key, data, media_type, {MEDIA_TYPE: media_type})


class Orders:
    """What is asked of a laboratory and what it answers, as JSON."""

    def __init__(self, laboratory: Laboratory, journal: Journal) -> None:
        self._laboratory = laboratory
        self._journal = journal

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What became of the picture. Raises Fault, which fails the invocation, where nobody knows why not."""
        ref = ImageRef(order["bucket"], order["key"], order["version_id"])
        try:
            became, message = self._developed(ref, order["most_bytes"])
        except Exception as error:  # noqa: BLE001 - the one boundary: it is logged in our words
            self._journal.broke(ref, error)
            raise Fault("a picture could not be developed") from None
        self._journal.ended(ref, became)
        return {"became": became, "message": message}

    def _developed(self, ref: ImageRef, most_bytes: int) -> tuple[str, str]:
        try:
            self._laboratory.develop(ref, most_bytes)
        except Undecodable as error:
            return "unsupported_image", str(error)
        except (TooLarge, TooManyPixels) as error:
            return "image_too_large", str(error)
        except Unavailable as trouble:
            return "waits", trouble.message
        return "developed", ""
