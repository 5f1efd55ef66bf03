"""The object store in memory."""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import md5, sha256
from typing import IO, Any

from darkroom.aws.s3 import PART_BYTES
from darkroom.domain.ports import Fetched, Listed, ObjectStore, Stored
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import TooLarge, Unreadable
from darkroom.pictures.handler import Normalizer
from darkroom.pictures.renditions import Renditions
from darkroom.streaming.blob import Blob
from tests.fakes.edge import Clock


class MemoryObjects:
    """S3 in memory."""

    def __init__(self, clock: Callable[[], float] = Clock()) -> None:  # noqa: B008 - its time is never advanced
        self._clock = clock
        self.objects: dict[tuple[str, str], Stored] = {}
        self.writes: list[str] = []
        self.overwritten: list[tuple[str, str]] = []
        self.parts_read = 0
        self.locked: set[tuple[str, str]] = set()  # objects that exist and may not be read

    def put(
        self, bucket: str, key: str, data: bytes, metadata: Mapping[str, str] | None = None, parts: int | None = None
    ) -> str:
        """Upload as a person does, replacing an existing object; in so many parts if it is large."""
        if (bucket, key) in self.objects:
            self.overwritten.append((bucket, key))
        etag = md5(data, usedforsecurity=False).hexdigest()
        if parts:
            etag = f"{md5(b'%d' % parts + data, usedforsecurity=False).hexdigest()}-{parts}"
        self.objects[bucket, key] = Stored(data, etag, metadata or {}, self._clock())
        return etag

    def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Stored | None:
        stored = self._stored(ref)
        if stored and most_bytes is not None and len(stored.data) > most_bytes:
            raise TooLarge(ref.key)
        return stored

    def fetch(
        self, ref: ImageRef, *, most_bytes: int | None = None, known: Mapping[str, str] | None = None
    ) -> Fetched | None:
        stored = self.read(ref, most_bytes=most_bytes)
        if stored is None:
            return None
        digest = (known or {}).get(stored.etag) or sha256(stored.data).hexdigest()
        return Fetched(stored.data, stored.etag, digest, stored.metadata)

    def metadata(self, ref: ImageRef) -> Mapping[str, str] | None:
        stored = self._stored(ref)
        return stored.metadata if stored else None

    def _stored(self, ref: ImageRef) -> Stored | None:
        if (ref.bucket, ref.key) in self.locked:
            raise Unreadable(f"s3://{ref.bucket}/{ref.key} may not be read")
        return self.objects.get((ref.bucket, ref.key))

    def write_once(
        self, bucket: str, key: str, data: Blob, media_type: str, metadata: Mapping[str, str] | None = None
    ) -> bool:
        if (bucket, key) in self.objects:
            return False
        self.put(bucket, key, data[:], metadata)
        self.writes.append(key)
        return True

    def listed(self, bucket: str, folder: str, most: int) -> Listed:
        return cut(folder, self.keys(bucket, folder), most)

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        self.parts_read += 1
        stored = self._stored(ref)
        return stored.data[offset : offset + PART_BYTES] if stored else None

    def write(
        self, bucket: str, key: str, data: IO[bytes], media_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        self.put(bucket, key, data.read(), metadata)

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop((bucket, key), None)

    def document(self, bucket: str, key: str) -> dict[str, Any]:
        """The JSON object with this key."""
        return dict(json.loads(self.objects[bucket, key].data))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return sorted(key for where, key in self.objects if where == bucket and key.startswith(prefix))


def cut(folder: str, keys: Sequence[str], most: int) -> Listed:
    """The part of these keys that S3 lists. Folders below count too."""
    names = {key.removeprefix(folder).partition("/")[:2] for key in keys}
    first = sorted(names, key=lambda name: "".join(name).encode())[:most]
    return Listed([folder + name for name, slash in first if not slash], len(names) > most)


def developed(objects: ObjectStore) -> Renditions:
    """Renditions that are made in this process, in the spool of this store."""
    return Renditions(objects, Normalizer(objects, "spool"), "spool")
