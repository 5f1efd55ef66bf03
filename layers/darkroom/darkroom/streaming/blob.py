"""Bytes in memory or on disk, as one sequence. Large ones are read in chunks and never held in memory whole."""

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

CHUNK_BYTES = 384 << 10  # whole groups of Base64; each chunk costs calls, and ten turns run at once
_FIRST_SEARCHED_BYTES = 4096  # a match is often near the start of a very long text


class Blob(Protocol):
    """A sequence of bytes, read by slices. `bytes` are one."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class File:
    """Bytes in a temporary file without a name, which disappears with its last reference. It only grows."""

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
        """Append the bytes. Raises Unavailable if the disk is full."""
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

    def read_into(self, buffer: "memoryview | bytearray", start: int) -> int:
        """Fill the buffer with the bytes from `start` on, without a copy of them. Return how many there were."""
        return os.preadv(self._descriptor, [buffer], start)


class Hashed(File):
    """A file that computes its SHA-256 while it is written."""

    def __init__(self, parts: Iterable[bytes] = ()) -> None:
        self._digest = hashlib.sha256()
        super().__init__(parts)

    def append(self, data: bytes) -> None:
        """Append the bytes, as `File` does, and hash them."""
        super().append(data)
        self._digest.update(data)

    @property
    def sha256(self) -> str:
        """The SHA-256 in hex."""
        return self._digest.hexdigest()


def _no_room(error: OSError) -> Unavailable:
    return Unavailable("aws", f"there is no room on the disk ({type(error).__name__} {error.errno})")


def free_disk_bytes() -> int:
    """The free bytes of the disk."""
    return shutil.disk_usage(tempfile.gettempdir()).free


class Part:
    """A part of a blob, from `start` up to `stop`, without a copy."""

    def __init__(self, whole: Blob, start: int, stop: int) -> None:
        self.whole = whole
        self.start, stop, _ = slice(start, stop).indices(len(whole))
        self._size = max(0, stop - self.start)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(self._size)
        return self.whole[self.start + start : self.start + max(start, stop)]


class Joined:
    """Blobs one after the other. Only neighbours in memory are copied."""

    def __init__(self, parts: Iterable[Blob]) -> None:
        self.parts: list[Blob] = []
        for is_in_memory, neighbours in groupby(parts, key=lambda part: isinstance(part, bytes)):
            some = list(neighbours)
            self.parts += [b"".join(cast("list[bytes]", some))] if is_in_memory else some
        self._ends = list(accumulate(map(len, self.parts)))
        begins = (0, *self._ends)
        # The blob that each part is read from, and the offset from a position here to a position there.
        self._sources = [
            (part.whole, part.start - begin) if isinstance(part, Part) else (part, -begin)
            for part, begin in zip(self.parts, begins, strict=False)
        ]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(len(self))
        position = bisect_right(self._ends, start)
        if start < stop <= self._ends[position]:  # nearly every read is of one part alone
            source, shift = self._sources[position]
            return source[start + shift : stop + shift]
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
    """A blob with its SHA-256, which is computed once."""

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
        """Set the position, as files do. It may lie past the end."""
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
        if isinstance(self._blob, File):
            count = self._blob.read_into(buffer, self._position)
            self._position += count
            return count
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def as_file(blob: Blob, *, ahead: int = 0) -> IO[bytes]:
    """The blob as a file, for code that takes nothing else. `ahead` buffers so many bytes for small reads."""
    if isinstance(blob, bytes):
        return io.BytesIO(blob)
    return io.BufferedReader(_Reader(blob), ahead) if ahead else cast("IO[bytes]", _Reader(blob))


def chunks(blob: Blob, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The blob, chunk by chunk. The parts of a joined blob are cut separately."""
    if isinstance(blob, Joined):
        for part in blob.parts:
            yield from chunks(part, size)
        return
    for start in range(0, len(blob), size):
        yield blob[start : start + size]


def at_least(size: int, chunks: Iterator[bytes], begun: bytes = b"") -> bytes:
    """The next bytes: at least so many, or all that remain. A server may send them one by one."""
    while len(begun) < size and (chunk := next(chunks, None)) is not None:
        begun += chunk
    return begun


def sha256(blob: Blob) -> str:
    """The SHA-256 in hex."""
    if isinstance(blob, Hashed | HashedBlob):
        return blob.sha256
    digest = hashlib.sha256()
    for chunk in chunks(blob):
        digest.update(chunk)
    return digest.hexdigest()


def search(pattern: re.Pattern[bytes], blob: Blob, start: int, *, width: int) -> tuple[int, bytes] | None:
    """The position and the bytes of the first match from `start` on. Matches have `width` bytes each."""
    size = _FIRST_SEARCHED_BYTES
    while len(chunk := blob[start : start + size]) >= width:
        if found := pattern.search(chunk):
            return start + found.start(), found[0]
        start += len(chunk) - width + 1
        size = CHUNK_BYTES
    return None
