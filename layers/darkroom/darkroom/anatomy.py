"""How a picture's file is put together, looked at before a decoder is: some keep each of endless parts, some go over
all the pixels for each. No part is decoded here, and what is broken is left to the decoder to say.
"""

import re
import struct
from collections.abc import Iterator
from itertools import islice

from darkroom import boxes

MOST_PARTS = 100_000  # segments or chunks; a decoder keeps a few hundred bytes of each
MOST_SCANS = 100  # of a JPEG, as in libtiff: photos have ten
MOST_VALUES = 500_000  # of one TIFF tag: 100 megapixels in tiles of 16 x 16 have fewer

# A marker of a JPEG, past whatever lies before it. What follows 0xFF within a scan is 0 or a restart.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM*\0", b"MM\0+", b"II\0*")  # Pillow reads the wrong ones too
_TEXT_TYPES = (1, 2, 6, 7)  # of TIFF: these values stay bytes


def is_sound(data: bytes) -> bool:
    """Whether the file has no more parts than a picture has."""
    if data.startswith(b"\xff\xd8"):
        markers = list(islice(_markers(data), MOST_PARTS + 1))
        return len(markers) <= MOST_PARTS and markers.count(_START_OF_SCAN) <= MOST_SCANS
    if data.startswith(b"\x89PNG"):
        return sum(1 for _ in islice(_chunks(data), MOST_PARTS + 1)) <= MOST_PARTS
    if data[:4] in _TIFF_HEADS:
        return all(count <= MOST_VALUES for count in _counts(data))
    if data[4:8] == b"ftyp":
        return boxes.is_sound(data)
    return True


def _markers(data: bytes) -> Iterator[int]:
    """The kinds of a JPEG's segments, up to its end: a film may follow."""
    position = 2
    while (marker := _MARKER.search(data, position)) and marker[1][0] != _END_OF_IMAGE:
        yield marker[1][0]
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])


def _chunks(data: bytes) -> Iterator[bytes]:
    """The names of a PNG's chunks, without those of its pixels, which no decoder keeps."""
    position = 8
    while len(name := data[position + 4 : position + 8]) == 4:
        if name != b"IDAT":
            yield name
        position += 12 + int.from_bytes(data[position : position + 4])


def _counts(data: bytes) -> Iterator[int]:
    """How many values the tags of a TIFF's first directory have, but those that stay bytes."""
    order, is_big = ("<" if data.startswith(b"I") else ">"), data.startswith(b"II+")
    offset = struct.Struct(order + ("8xQ" if is_big else "4xL"))
    number = struct.Struct(order + ("Q" if is_big else "H"))
    entry = struct.Struct(order + ("HHQ8x" if is_big else "HHL4x"))
    try:
        (position,) = offset.unpack_from(data)
        (tags,) = number.unpack_from(data, position)
    except (struct.error, OverflowError):
        return
    position += number.size
    whole = min(tags, (len(data) - position) // entry.size)
    for _, kind, count in entry.iter_unpack(data[position : position + whole * entry.size]):
        if kind not in _TEXT_TYPES:
            yield count
