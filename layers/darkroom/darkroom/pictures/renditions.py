"""Renditions: normalized pictures, which may be sent. Each is made once, and kept in the spool.

The spool also keeps pictures of answers that have to be decoded, to check whether they are whole.
"""

from collections.abc import Callable

from darkroom.domain import keys
from darkroom.domain.context import Image
from darkroom.domain.ports import ObjectStore, PictureNormalizer
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Unavailable
from darkroom.streaming.blob import Blob

MEDIA_TYPE = "media-type"  # of a rendition, in its metadata
WHOLE, SINGLE_COLOUR = "whole", "single_colour"  # the results of a check


class Renditions:
    """The renditions in `bucket`. A missing one is made."""

    def __init__(
        self,
        objects: ObjectStore,
        normalizer: PictureNormalizer,
        bucket: str,
        check_time: Callable[[], None] = lambda: None,
    ) -> None:
        self._objects = objects
        self._normalizer = normalizer
        self._bucket = bucket
        self._check_time = check_time

    def checking(self, check_time: Callable[[], None]) -> "Renditions":
        """The same, with `check_time` called before each order. It raises if too little time is left."""
        return Renditions(self._objects, self._normalizer, self._bucket, check_time)

    def of(self, ref: ImageRef, sha256: str, most_bytes: int) -> Image:
        """The rendition of the picture at `ref` with this hash. Raises as a normalizer does."""
        kept = self._kept(sha256, most_bytes)
        if kept is None:
            self._check_time()
            self._normalizer.normalize(ref, most_bytes)
            kept = self._kept(sha256, most_bytes)
        if kept is None:
            raise Unavailable("aws", "the picture changed while it was read")
        return kept

    def check(self, data: Blob, sha256: str) -> bool:
        """Whether a picture of an answer is one colour all over. Raises as a normalizer does."""
        self._check_time()
        doubtful = ImageRef(self._bucket, keys.doubtful_key(sha256))
        self._objects.write_once(doubtful.bucket, doubtful.key, data, "application/octet-stream")
        return self._normalizer.check(doubtful)

    def _kept(self, sha256: str, most_bytes: int) -> Image | None:
        found = self._objects.fetch(ImageRef(self._bucket, keys.rendition_key(sha256, most_bytes)))
        return Image(found.data, found.metadata[MEDIA_TYPE], sha256) if found else None
