"""The uploads bucket in memory: it keeps every version, has times in whole seconds, and announces new objects."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from darkroom.aws.s3 import PART_BYTES
from darkroom.domain.ports import Listed, Stored
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.errors import TooLarge
from tests.fakes.edge import Clock
from tests.fakes.objects import MemoryObjects, cut

BUCKET = "uploads"


@dataclass(frozen=True, slots=True)
class Version:
    """An object put at a key, the `number`th of all. Its data is None if it was deleted."""

    number: int
    key: str
    data: bytes | None
    metadata: Mapping[str, str] = field(compare=False)
    at: float

    @property
    def id(self) -> str:
        return f"v{self.number}"

    @property
    def etag(self) -> str:
        return hashlib.md5(self.data or b"", usedforsecurity=False).hexdigest()

    @property
    def announced(self) -> Upload:
        """The announcement of S3."""
        size, sequencer = len(self.data or b""), f"{self.number:06X}"
        return Upload(BUCKET, self.key, self.etag, self.id, sequencer, size, self.at)


class VersionedBucket(MemoryObjects):
    """The object store in memory, with versions of the uploads. Other buckets have none."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._time = clock
        self.versions: list[Version] = []
        self.found_at: float | None = None  # the time of all objects that are read, if it is the same

    def upload(self, key: str, data: bytes | None, metadata: Mapping[str, str] | None = None) -> Version:
        """Put an object, or delete it, at least a second after the one before."""
        self._time.advance(1)
        version = Version(len(self.versions), key, data, metadata or {}, self._time())
        self.versions.append(version)
        return version

    def newest(self, key: str) -> Version | None:
        """The present object at the key."""
        found = next((version for version in reversed(self.versions) if version.key == key), None)
        return found if found and found.data is not None else None

    def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Stored | None:
        found = self._found(ref)
        if found is None or found.data is None:
            return None
        if most_bytes is not None and len(found.data) > most_bytes:
            raise TooLarge(ref.key)
        return Stored(found.data, found.etag, found.metadata, self.found_at or float(int(found.at)))

    def metadata(self, ref: ImageRef) -> Mapping[str, str] | None:
        found = self._found(ref)
        return found.metadata if found else None

    def listed(self, bucket: str, folder: str, most: int) -> Listed:
        keys = {version.key for version in self.versions if version.key.startswith(folder)}
        return cut(folder, [key for key in keys if self.newest(key)], most)

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        found = self._found(ref)
        return found.data[offset : offset + PART_BYTES] if found and found.data is not None else None

    def _found(self, ref: ImageRef) -> Version | None:
        if ref.version_id is None:
            return self.newest(ref.key)
        return next((version for version in self.versions if version.id == ref.version_id), None)
