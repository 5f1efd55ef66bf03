"""Renditions: pictures made into what may be sent. Each is made once, and kept in the spool."""

from darkroom import naming
from darkroom.context import Image
from darkroom.errors import Unavailable
from darkroom.ports import Developer, ObjectStore
from darkroom.request import ImageRef

MEDIA_TYPE = "media-type"  # of a rendition, in its metadata


class Renditions:
    """The renditions in `bucket`, made where they are not there yet."""

    def __init__(self, objects: ObjectStore, developer: Developer, bucket: str) -> None:
        self._objects = objects
        self._developer = developer
        self._bucket = bucket

    def of(self, ref: ImageRef, sha256: str, most_bytes: int) -> Image:
        """What may be sent of the picture that lay at `ref` with these bytes. Raises what a developer does."""
        kept = self._kept(sha256, most_bytes)
        if kept is None:
            self._developer.develop(ref, most_bytes)
            kept = self._kept(sha256, most_bytes)
        if kept is None:
            raise Unavailable("aws", "the picture changed while it was read")
        return kept

    def _kept(self, sha256: str, most_bytes: int) -> Image | None:
        stored = self._objects.read(ImageRef(self._bucket, naming.rendition_key(sha256, most_bytes)))
        return Image(stored.data, stored.metadata[MEDIA_TYPE], sha256) if stored else None
