"""How a picture's file is put together, looked at before a decoder is: some keep each of endless parts, some go over
all the pixels for each. No part is decoded here; of most it can be told all the same whether the whole file is there.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice, takewhile

from darkroom.pictures import isobmff
from darkroom.streaming.blob import CHUNK_BYTES, Blob, as_file, search

MAX_PARTS = 100_000  # segments or chunks; a decoder keeps a few hundred bytes of each
MAX_SCANS = 100  # of a JPEG, as in libtiff: photos have ten
MAX_VALUES = 500_000  # of one TIFF tag: 100 megapixels in tiles of 16 x 16 have fewer

# A marker of a JPEG, past whatever lies before it. What follows 0xFF within a scan is 0 or a restart.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_FRAMES = (0xC0, 0xC1, 0xC2)  # of which every decoder knows the kind
_JPEG_HEAD, _PNG_HEAD = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_NEEDED_CHUNKS = {b"IHDR", b"IDAT", b"IEND"}
_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM*\0", b"MM\0+", b"II\0*")  # Pillow reads the wrong ones too
_TEXT_TYPES = (1, 2, 6, 7)  # of TIFF: these values stay bytes


def is_sound(data: Blob, *, to_decode: bool) -> bool:
    """Whether the file has no more parts than a picture has; of a JPEG or PNG not `to_decode`, before its pixels."""
    if data[:2] == _JPEG_HEAD:
        kinds = _markers(data) if to_decode else takewhile(lambda kind: kind != _START_OF_SCAN, _markers(data))
        markers = list(islice(kinds, MAX_PARTS + 1))
        return len(markers) <= MAX_PARTS and markers.count(_START_OF_SCAN) <= MAX_SCANS
    if data[:4] == _PNG_HEAD[:4]:
        names = _chunks(data) if to_decode else takewhile(lambda name: name != b"IDAT", _chunks(data))
        kept = (name for name in names if name != b"IDAT")
        return sum(1 for _ in islice(kept, MAX_PARTS + 1)) <= MAX_PARTS
    if data[:4] in _TIFF_HEADS:
        return all(count <= MAX_VALUES for count in _counts(data))
    if data[4:8] == b"ftyp":
        return isobmff.is_sound(data)
    return True


def is_whole(data: Blob) -> bool:
    """Whether all of a JPEG, PNG or WebP file is there and as it was made; of what is unusual it is never said."""
    if data[:2] == _JPEG_HEAD:
        kinds = list(islice(_markers(data), MAX_PARTS))
        return kinds[-1:] == [_END_OF_IMAGE] and _START_OF_SCAN in kinds and sum(map(_FRAMES.count, kinds)) == 1
    if data[:8] == _PNG_HEAD:
        return _is_whole_png(data)
    return data[:4] + data[8:12] == b"RIFFWEBP" and 8 + int.from_bytes(data[4:8], "little") <= len(data)


def _markers(data: Blob) -> Iterator[int]:
    """The kinds of a JPEG's segments, with its end as the last: a film may follow."""
    position, kind = 2, 0
    while kind != _END_OF_IMAGE and (found := search(_MARKER, data, position, width=2)):
        kind, after = found[1][1], found[0] + 2
        yield kind
        position = after + int.from_bytes(data[after : after + 2])


def _is_whole_png(data: Blob) -> bool:
    file, seen = as_file(data, ahead=CHUNK_BYTES), set()
    file.seek(8)
    for _ in range(MAX_PARTS):
        head = file.read(8)
        left, checksum = int.from_bytes(head[:4]), zlib.crc32(head[4:])
        while left and (read := file.read(min(left, CHUNK_BYTES))):
            checksum, left = zlib.crc32(read, checksum), left - len(read)
        if file.read(4) != checksum.to_bytes(4):
            return False
        seen.add(head[4:])
        if head[4:] == b"IEND":
            return seen >= _NEEDED_CHUNKS
    return False


def _chunks(data: Blob) -> Iterator[bytes]:
    """The names of a PNG's chunks. Those of its pixels no decoder keeps."""
    position = 8
    while len(head := data[position : position + 8]) == 8:
        yield head[4:]
        position += 12 + int.from_bytes(head[:4])


def _counts(data: Blob) -> Iterator[int]:
    """How many values the tags of a TIFF's first directory have, but those that stay bytes."""
    order, is_big = ("<" if data[:1] == b"I" else ">"), data[:3] == b"II+"
    offset = struct.Struct(order + ("8xQ" if is_big else "4xL"))
    number = struct.Struct(order + ("Q" if is_big else "H"))
    entry = struct.Struct(order + ("HHQ8x" if is_big else "HHL4x"))
    try:
        (position,) = offset.unpack(data[: offset.size])
        (tags,) = number.unpack(data[position : position + number.size])
    except struct.error:
        return
    position += number.size
    whole = min(tags, (len(data) - position) // entry.size)
    for _, kind, count in entry.iter_unpack(data[position : position + whole * entry.size]):
        if kind not in _TEXT_TYPES:
            yield count
