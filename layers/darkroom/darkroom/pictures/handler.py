"""The use cases of pictures: normalize one and keep its rendition, or check whether an answer's picture is whole."""

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from darkroom.domain import keys
from darkroom.domain.ports import ObjectStore
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Fault, TooLarge, TooManyPixels, Unavailable, Undecodable
from darkroom.pictures import normalize, repair
from darkroom.pictures.decoding import MAX_FILE_BYTES
from darkroom.pictures.renditions import MEDIA_TYPE, SINGLE_COLOUR, WHOLE


class Telemetry(Protocol):
    """Records the results of pictures."""

    def ended(self, ref: ImageRef, result: str) -> None: ...

    def broke(self, ref: ImageRef, error: Exception) -> None: ...


class Normalizer:
    """The picture normalizer of `domain.ports`, in a function with enough memory. It keeps renditions in `bucket`."""

    def __init__(self, objects: ObjectStore, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    def normalize(self, ref: ImageRef, most_bytes: int) -> None:
        """See `domain.ports.PictureNormalizer`."""
        original = self._original(ref)
        key = keys.rendition_key(hashlib.sha256(original).hexdigest(), most_bytes)
        data, media_type = normalize.normalized(original, most_bytes)
        self._objects.write_once(self._bucket, key, data, media_type, {MEDIA_TYPE: media_type})

    def check(self, ref: ImageRef) -> bool:
        """See `domain.ports.PictureNormalizer`."""
        return repair.read_whole(self._original(ref))

    def _original(self, ref: ImageRef) -> bytes:
        original = self._objects.read(ref, most_bytes=MAX_FILE_BYTES)
        if original is None:
            raise Unavailable("aws", "the picture is gone")  # the next attempt reports that
        return original.data


class Orders:
    """A normalizer's orders and its results, as JSON."""

    def __init__(self, normalizer: Normalizer, telemetry: Telemetry) -> None:
        self._normalizer = normalizer
        self._telemetry = telemetry

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The picture's result. Raises Fault, which fails the invocation, for an unknown error."""
        ref = ImageRef(order["bucket"], order["key"], order["version_id"])
        try:
            result, message = self._done(ref, order)
        except Exception as error:  # noqa: BLE001 - the one boundary: it is logged in Darkroom's words
            self._telemetry.broke(ref, error)
            raise Fault("a picture could not be normalized") from None
        self._telemetry.ended(ref, result)
        return {"became": result, "message": message}

    def _done(self, ref: ImageRef, order: Mapping[str, Any]) -> tuple[str, str]:
        try:
            if order.get("check"):
                return (SINGLE_COLOUR if self._normalizer.check(ref) else WHOLE), ""
            self._normalizer.normalize(ref, order["most_bytes"])
        except Undecodable as error:
            return "unsupported_image", str(error)
        except (TooLarge, TooManyPixels) as error:
            return "image_too_large", str(error)
        except Unavailable as trouble:
            return "waits", trouble.message
        return "developed", ""
