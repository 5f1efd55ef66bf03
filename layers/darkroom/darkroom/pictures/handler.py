"""The use case of pictures: one that may not be sent as it is, normalized, and its rendition kept."""

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from darkroom.domain import keys
from darkroom.domain.ports import ObjectStore
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Fault, TooLarge, TooManyPixels, Unavailable, Undecodable
from darkroom.pictures import normalize
from darkroom.pictures.decoding import MAX_FILE_BYTES
from darkroom.pictures.renditions import MEDIA_TYPE


class Telemetry(Protocol):
    """Where it is written what became of a picture."""

    def ended(self, ref: ImageRef, result: str) -> None: ...

    def broke(self, ref: ImageRef, error: Exception) -> None: ...


class Normalizer:
    """The picture normalizer of `domain.ports`, where there is memory for it. It keeps renditions in `bucket`."""

    def __init__(self, objects: ObjectStore, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    def normalize(self, ref: ImageRef, most_bytes: int) -> None:
        """See `domain.ports.PictureNormalizer`."""
        original = self._objects.read(ref, most_bytes=MAX_FILE_BYTES)
        if original is None:
            raise Unavailable("aws", "the picture is gone")  # who asks for it again is told so
        key = keys.rendition_key(hashlib.sha256(original.data).hexdigest(), most_bytes)
        data, media_type = normalize.normalized(original.data, most_bytes)
        self._objects.write_once(self._bucket, key, data, media_type, {MEDIA_TYPE: media_type})


class Orders:
    """What is asked of a normalizer and what it answers, as JSON."""

    def __init__(self, normalizer: Normalizer, telemetry: Telemetry) -> None:
        self._normalizer = normalizer
        self._telemetry = telemetry

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What became of the picture. Raises Fault, which fails the invocation, where nobody knows why not."""
        ref = ImageRef(order["bucket"], order["key"], order["version_id"])
        try:
            result, message = self._normalized(ref, order["most_bytes"])
        except Exception as error:  # noqa: BLE001 - the one boundary: it is logged in our words
            self._telemetry.broke(ref, error)
            raise Fault("a picture could not be normalized") from None
        self._telemetry.ended(ref, result)
        return {"became": result, "message": message}

    def _normalized(self, ref: ImageRef, most_bytes: int) -> tuple[str, str]:
        try:
            self._normalizer.normalize(ref, most_bytes)
        except Undecodable as error:
            return "unsupported_image", str(error)
        except (TooLarge, TooManyPixels) as error:
            return "image_too_large", str(error)
        except Unavailable as trouble:
            return "waits", trouble.message
        return "developed", ""
