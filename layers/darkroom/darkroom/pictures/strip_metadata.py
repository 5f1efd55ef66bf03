"""Cuts metadata out of a picture's file: place and time, camera, words, thumbnails, and trailing bytes.

The compressed pixels stay as they are, bit for bit. The parts that a decoder needs are kept, by name. A file with an
unusual structure is not cut, and has to be encoded anew.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from darkroom.streaming.blob import CHUNK_BYTES, Blob, Joined, Part, search

MAX_PARTS = 20_000  # a PNG of 7 MB in parts of 8 KB has 900
_END, _SCAN = 0xD9, 0xDA
_JFIF, _ADOBE = 0xE0, 0xEE
_JFIF_BYTES, _ADOBE_BYTES = 14, 12  # without a thumbnail or other appended bytes
_TABLES = frozenset((0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDC, 0xDD))  # usual frames, tables, lines, restarts
_MAX_TABLES = 8  # of one segment
_LENGTHS: Mapping[int, Callable[[bytes], int]] = {  # of segments that state the size of their content, with the marker
    0xC4: lambda segment: _end_of_tables(segment, lambda at: 17 + sum(segment[at + 1 : at + 17])),
    0xDB: lambda segment: _end_of_tables(segment, lambda at: 129 if segment[at] >> 4 else 65),
    0xDD: lambda _: 6,
    _SCAN: lambda segment: 8 + 2 * segment[4],
    **dict.fromkeys((0xC0, 0xC1, 0xC2), lambda segment: 10 + 3 * segment[9]),
}
_REMARKS = frozenset((*range(0xE0, 0xF0), 0xFE))
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # within a scan 0 or a restart follows 0xFF

_PNG_LENGTHS = {  # of the kept chunks; a longer one has something appended
    b"IHDR": range(13, 14), b"PLTE": range(769), b"IDAT": range(1 << 31), b"IEND": range(1),
    b"tRNS": range(257), b"gAMA": range(4, 5), b"cHRM": range(32, 33), b"sRGB": range(1, 2),
}  # fmt: skip
_WEBP_CHUNKS = frozenset((b"VP8X", b"ALPH", b"VP8 ", b"VP8L"))
_WEBP_MOVES = frozenset((b"ANIM", b"ANMF"))
_VP8X_BYTES = 10
_WEBP_METADATA = 0x20 | 0x08 | 0x04  # the flags of a profile, EXIF and XMP


class Unusual(ValueError):
    """The file has a structure that encoders do not make."""


def stripped(data: Blob) -> Blob:
    """A still JPEG, PNG or WebP picture without its metadata and its profile.

    Raises Unusual, also if a part is missing.
    """
    try:
        if data[:2] == b"\xff\xd8":
            return Joined(_few(_jpeg(data)))
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return Joined(_few(_png(data)))
        return _webp(data)
    except (struct.error, IndexError) as error:
        raise Unusual("the file ends too soon") from error


def have_same_pixels(one: Blob, other: Blob) -> bool:
    """Whether two files differ only beside their compressed pixels. Another compression counts as a difference."""
    stripped, beside = _stripped_if_usual(one), _stripped_if_usual(other)
    return len(stripped) == len(beside) and all(
        stripped[start : start + CHUNK_BYTES] == beside[start : start + CHUNK_BYTES]
        for start in range(0, len(stripped), CHUNK_BYTES)
    )


def _stripped_if_usual(data: Blob) -> Blob:
    try:
        return stripped(data)
    except Unusual:
        return data


def _few(parts: Iterator[Blob]) -> list[Blob]:
    kept = list(islice(parts, MAX_PARTS + 1))
    if len(kept) > MAX_PARTS:
        raise Unusual("the file has more parts than any picture")
    return kept


def _jpeg(data: Blob) -> Iterator[Blob]:
    yield data[:2]
    position = 2
    while True:
        edge, marker = struct.unpack("BB", data[position : position + 2])
        if edge != 0xFF:
            raise Unusual("something lies between the segments")
        if marker == _END:
            yield data[position : position + 2]
            return
        (length,) = struct.unpack(">H", data[position + 2 : position + 4])
        end = position + 2 + length
        yield _segment(marker, data[position:end])
        if marker == _SCAN:
            end = _end_of_scan(data, start=end)
            yield Part(data, position + 2 + length, end)
        position = end


def _segment(marker: int, segment: bytes) -> bytes:
    if marker in _LENGTHS and len(segment) != _LENGTHS[marker](segment):
        raise Unusual("something is appended to a segment")
    if marker == _SCAN or marker in _TABLES:
        return segment
    if marker not in _REMARKS:
        raise Unusual("a segment is of no kind that pictures have")
    content = segment[4:]
    if marker == _JFIF and content.startswith(b"JFIF\0") and len(content) >= _JFIF_BYTES:
        return b"\xff\xe0\0\x10" + content[: _JFIF_BYTES - 2] + b"\0\0"
    if marker == _ADOBE and content.startswith(b"Adobe") and len(content) >= _ADOBE_BYTES:
        return b"\xff\xee\0\x0e" + content[:_ADOBE_BYTES]
    return b""


def _end_of_tables(segment: bytes, size: Callable[[int], int]) -> int:
    """The end of the last table. `size` returns the length of the table at a place."""
    end = 4
    for _ in range(_MAX_TABLES):
        end += size(end) if end < len(segment) else 0
    return end


def _end_of_scan(data: Blob, start: int) -> int:
    marker = search(_AFTER_SCAN, data, start, width=2)
    if not marker:
        raise Unusual("the picture has no end")
    return marker[0]


def _png(data: Blob) -> Iterator[Blob]:
    yield data[:8]
    position, name, has_pixels = 8, b"", False
    while name != b"IEND":
        length, name = struct.unpack(">L4s", data[position : position + 8])
        end = position + 12 + length
        if end > len(data):
            raise Unusual("a chunk is longer than the file")
        if length in _PNG_LENGTHS.get(name, ()):
            yield Part(data, position, end)
        elif name == b"eXIf" and has_pixels:
            raise Unusual("its orientation follows its pixels")
        elif name[:1].isupper():  # PNG marks the chunks so that decoders must read
            raise Unusual("a needed chunk has an impossible length or an unknown kind")
        position, has_pixels = end, has_pixels or name == b"IDAT"


def _webp(data: Blob) -> Blob:
    signature, length, kind = struct.unpack("<4sL4s", data[:12])
    if (signature, kind) != (b"RIFF", b"WEBP"):
        raise Unusual("it is no picture whose metadata can be cut")
    chunks = Joined(_webp_chunks(Part(data, 0, 8 + length)))
    return Joined((b"RIFF" + struct.pack("<L", 4 + len(chunks)) + b"WEBP", chunks))


def _webp_chunks(data: Blob) -> Iterator[Blob]:
    position, seen = 12, set()
    while position < len(data):
        name, length = struct.unpack("<4sL", data[position : position + 8])
        end = position + 8 + length + length % 2
        if end > len(data) or name in _WEBP_MOVES:
            raise Unusual("a chunk is longer than the file, or the picture moves")
        if name in seen:
            raise Unusual("a chunk comes again")
        seen.add(name)
        if name == b"VP8X" and length != _VP8X_BYTES:
            raise Unusual("the picture's head has an impossible length")
        if name == b"VP8X":
            flags = data[position + 8 : position + 9][0] & ~_WEBP_METADATA
            yield data[position : position + 8] + bytes((flags,)) + data[position + 9 : end]
        elif name in _WEBP_CHUNKS:
            yield Part(data, position, end)
        position = end
