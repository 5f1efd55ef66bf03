"""Renditions: pictures made into what may be sent. Each is made once, and kept in the spool."""

from collections.abc import Callable

from darkroom import naming
from darkroom.context import Image
from darkroom.errors import Unavailable
from darkroom.ports import Developer, ObjectStore
from darkroom.request import ImageRef

MEDIA_TYPE = "media-type"  # of a rendition, in its metadata


class Renditions:
    """The renditions in `bucket`, made where they are not there yet."""

    def __init__(
        self, objects: ObjectStore, developer: Developer, bucket: str, check_time: Callable[[], None] = lambda: None
    ) -> None:
        self._objects = objects
        self._developer = developer
        self._bucket = bucket
        self._check_time = check_time

    def checking(self, check_time: Callable[[], None]) -> "Renditions":
        """The same, where `check_time` is asked before each that is made: it raises where too little is left."""
        return Renditions(self._objects, self._developer, self._bucket, check_time)

    def of(self, ref: ImageRef, sha256: str, most_bytes: int) -> Image:
        """What may be sent of the picture that lay at `ref` with these bytes. Raises what a developer does."""
        kept = self._kept(sha256, most_bytes)
        if kept is None:
            self._check_time()
            self._developer.develop(ref, most_bytes)
            kept = self._kept(sha256, most_bytes)
        if kept is None:
            raise Unavailable("aws", "the picture changed while it was read")
        return kept

    def _kept(self, sha256: str, most_bytes: int) -> Image | None:
        found = self._objects.fetch(ImageRef(self._bucket, naming.rendition_key(sha256, most_bytes)))
        return Image(found.data, found.metadata[MEDIA_TYPE], sha256) if found else None
