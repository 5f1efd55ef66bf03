"""Bytes in memory or on disk, as one sequence. What is large is read in chunks, and never held in memory whole."""

import hashlib
import io
import os
import re
import shutil
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, groupby
from pathlib import Path
from typing import IO, Protocol, cast

from darkroom.errors import Unavailable

CHUNK_BYTES = 384 << 10  # whole groups of Base64; each costs calls, and there are ten turns at once
_FIRST_SEARCHED_BYTES = 4096  # what is looked for is often near, and there may be very much of it


class Blob(Protocol):
    """A sequence of bytes, read by slices. `bytes` are one."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class File:
    """Bytes in a temporary file that has no name, and goes with its last reference. They are only ever appended."""

    def __init__(self, parts: Iterable[bytes] = ()) -> None:
        try:
            self._descriptor, path = tempfile.mkstemp(prefix="darkroom-")
            Path(path).unlink()
        except OSError as error:
            raise _no_room(error) from error
        weakref.finalize(self, os.close, self._descriptor)
        self._size = 0
        for part in parts:
            self.append(part)

    def append(self, data: bytes) -> None:
        """Raises Unavailable where the disk is full."""
        try:
            written = os.write(self._descriptor, data)
            while written < len(data):
                written += os.write(self._descriptor, memoryview(data)[written:])
        except OSError as error:
            raise _no_room(error) from error
        self._size += len(data)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(self._size)
        return os.pread(self._descriptor, max(0, stop - start), start)


class Hashed(File):
    """A file whose SHA-256 is worked out while its bytes are at hand."""

    def __init__(self, parts: Iterable[bytes] = ()) -> None:
        self._digest = hashlib.sha256()
        super().__init__(parts)

    def append(self, data: bytes) -> None:
        """See `File`."""
        super().append(data)
        self._digest.update(data)

    @property
    def sha256(self) -> str:
        """In hex."""
        return self._digest.hexdigest()


def _no_room(error: OSError) -> Unavailable:
    return Unavailable("aws", f"there is no room on the disk ({type(error).__name__} {error.errno})")


def free_disk_bytes() -> int:
    """How many bytes there is room for on the disk."""
    return shutil.disk_usage(tempfile.gettempdir()).free


class Part:
    """A part of a blob, from `start` up to `stop`; without a copy."""

    def __init__(self, whole: Blob, start: int, stop: int) -> None:
        self._whole = whole
        self._start, stop, _ = slice(start, stop).indices(len(whole))
        self._size = max(0, stop - self._start)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(self._size)
        return self._whole[self._start + start : self._start + max(start, stop)]


class Joined:
    """Blobs one after the other; without a copy, but of neighbours that are in memory."""

    def __init__(self, parts: Iterable[Blob]) -> None:
        self.parts: list[Blob] = []
        for is_in_memory, neighbours in groupby(parts, key=lambda part: isinstance(part, bytes)):
            some = list(neighbours)
            self.parts += [b"".join(cast("list[bytes]", some))] if is_in_memory else some
        self._ends = list(accumulate(map(len, self.parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(len(self))
        return b"".join(self._between(start, stop))

    def _between(self, start: int, stop: int) -> Iterator[bytes]:
        position = bisect_right(self._ends, start)
        while start < stop:
            piece = self.parts[position]
            before = self._ends[position] - len(piece)
            yield piece[start - before : stop - before]
            start = self._ends[position]
            position += 1


class HashedBlob(Joined):
    """A blob with its SHA-256, which is worked out once."""

    def __init__(self, blob: Blob) -> None:
        super().__init__(blob.parts if isinstance(blob, Joined) else (blob,))
        self.sha256 = sha256(blob)


class _Reader(io.RawIOBase):
    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As files do it, past the end too."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._blob)}[whence]
        if origin + offset < 0:
            raise ValueError("there is nothing before the beginning")
        self._position = origin + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        end = len(self._blob) if size is None or size < 0 else self._position + size
        data = self._blob[self._position : end]
        self._position += len(data)
        return data

    # Its parent takes any buffer; BufferedReader gives these.
    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def as_file(blob: Blob, *, ahead: int = 0) -> IO[bytes]:
    """For those who take nothing else. Who takes little at a time has so many bytes read `ahead`."""
    if isinstance(blob, bytes):
        return io.BytesIO(blob)
    return io.BufferedReader(_Reader(blob), ahead) if ahead else cast("IO[bytes]", _Reader(blob))


def chunks(blob: Blob, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The blob, a chunk after the other; the parts of what is joined each by itself."""
    if isinstance(blob, Joined):
        for part in blob.parts:
            yield from chunks(part, size)
        return
    for start in range(0, len(blob), size):
        yield blob[start : start + size]


def at_least(size: int, chunks: Iterator[bytes], begun: bytes = b"") -> bytes:
    """So many of the next bytes, or more, or all that come: a server may send them one by one."""
    while len(begun) < size and (chunk := next(chunks, None)) is not None:
        begun += chunk
    return begun


def sha256(blob: Blob) -> str:
    """In hex."""
    if isinstance(blob, Hashed | HashedBlob):
        return blob.sha256
    digest = hashlib.sha256()
    for chunk in chunks(blob):
        digest.update(chunk)
    return digest.hexdigest()


def search(pattern: re.Pattern[bytes], blob: Blob, start: int, *, width: int) -> tuple[int, bytes] | None:
    """The first match from `start` on, where it begins and what it is. Matches have `width` bytes each."""
    size = _FIRST_SEARCHED_BYTES
    while len(chunk := blob[start : start + size]) >= width:
        if found := pattern.search(chunk):
            return start + found.start(), found[0]
        start += len(chunk) - width + 1
        size = CHUNK_BYTES
    return None
