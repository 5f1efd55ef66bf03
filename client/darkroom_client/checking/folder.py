"""A local folder, read as the part of the uploads bucket that it would become."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from darkroom.domain.ports import Listed, Stored
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import TooLarge

PART_BYTES = 1 << 20


class LocalFolder(NamedTuple):
    """The part of the port `ObjectStore` that a check needs. The keys of its files begin with `prefix`."""

    root: Path
    prefix: str

    def path(self, key: str) -> Path | None:
        """The file that would become the object of this key, or None."""
        path = self.root / key.removeprefix(self.prefix)
        return path if key.startswith(self.prefix) and path.is_file() else None

    def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Stored | None:
        """See `ObjectStore`."""
        path = self.path(ref.key)
        if path is None:
            return None
        if most_bytes is not None and path.stat().st_size > most_bytes:
            raise TooLarge(f"{path} is over {most_bytes} bytes")
        data = path.read_bytes()
        return Stored(data, hashlib.md5(data, usedforsecurity=False).hexdigest(), {}, path.stat().st_mtime)

    def metadata(self, ref: ImageRef) -> Mapping[str, str] | None:
        """No metadata: a local file has none. None if there is no file."""
        return {} if self.path(ref.key) else None

    def listed(self, _: str, folder: str, most: int) -> Listed:
        """See `ObjectStore`."""
        start = folder.rpartition("/")[0]
        place = self.root / start.removeprefix(self.prefix.rstrip("/")).lstrip("/")
        names = (each.name for each in place.iterdir() if each.is_file()) if place.is_dir() else ()
        keys = sorted(
            (f"{start}/{name}" if start else name for name in names),
            key=lambda key: key.encode(errors="surrogateescape"),
        )
        found = [key for key in keys if key.startswith(folder)]
        return Listed(found[:most], len(found) > most)

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        """See `ObjectStore`."""
        path = self.path(ref.key)
        if path is None:
            return None
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PART_BYTES)
