"""Checks the structure of a picture's file before a decoder reads it.

Some decoders keep every part of an endless file, or go over all pixels for each part. This module decodes no part, and
still recognises most files that are incomplete.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice, takewhile

from darkroom.streaming.blob import CHUNK_BYTES, Blob, as_file, search

MAX_PARTS = 100_000  # segments or chunks; a decoder keeps a few hundred bytes of each
MAX_SCANS = 100  # of a JPEG, as in libtiff: photos have ten
MAX_VALUES = 500_000  # of one TIFF tag: 100 megapixels in tiles of 16 x 16 have fewer
# Pixels for each byte: a photo has ten, one colour has sixty and more, a head without a picture any number.
FEW_BYTES, TOO_FEW_BYTES = 32, 400

# A marker of a JPEG. Within a scan, 0 or a restart follows 0xFF: neither is a marker here.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
FRAMES = frozenset((0xC0, 0xC1, 0xC2))  # every decoder knows these kinds
_JPEG_HEAD, _PNG_HEAD = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_NEEDED_CHUNKS = {b"IHDR", b"IDAT", b"IEND"}
PNG_CHUNKS = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))  # a decoder must read these, and knows them
_IHDR, _IHDR_BYTES = b"\0\0\0\rIHDR", 21
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # in a pixel, by the kind of colour
_PALETTE = 3
_ONE_PASS = ((0, 0, 1, 1),)  # its first pixel, and the distance of its pixels, across and down
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# A PNG's rows are counted up to so many pixels: of any file, and of one with few bytes for its rows.
MAX_COUNTED, MAX_COUNTED_DOUBTFUL, _HALF = 1 << 20, 1 << 24, 0.55
_WEBP_CHUNKS = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "))
_PACKED_TEXTS = (b"zTXt", b"iTXt")
_TASTED_BYTES, _TASTED_PIXELS = 1024, 4096  # of a PNG's pixels, packed and unpacked
_LAST_FILTER = 4  # of a row of a PNG
_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM*\0", b"MM\0+", b"II\0*")  # Pillow reads the wrong ones too
_TEXT_TYPES = (1, 2, 6, 7)  # of TIFF: these values stay bytes


def is_sound(data: Blob, *, to_decode: bool) -> bool:
    """Whether the file has no more parts than a picture has. Only `to_decode` reads a JPEG or PNG beyond its head."""
    if data[:2] == _JPEG_HEAD:
        every = (kind for kind, _ in segments(data))
        kinds = every if to_decode else takewhile(lambda kind: kind != _START_OF_SCAN, every)
        markers = list(islice(kinds, MAX_PARTS + 1))
        return len(markers) <= MAX_PARTS and markers.count(_START_OF_SCAN) <= MAX_SCANS
    if data[:4] == _PNG_HEAD[:4]:
        names = _chunks(data) if to_decode else takewhile(lambda name: name != b"IDAT", _chunks(data))
        kept = (name for name in names if name != b"IDAT")  # no decoder keeps the chunks of pixels
        return sum(1 for _ in islice(kept, MAX_PARTS + 1)) <= MAX_PARTS
    if data[:4] in _TIFF_HEADS:
        return all(count <= MAX_VALUES for count in _counts(data))
    if data[4:8] == b"ftyp":
        from darkroom.pictures import isobmff  # few pictures need it, and each cold start would pay for it

        return isobmff.is_sound(data)
    return True


def pixel_bytes(data: Blob, most_counted: int = MAX_COUNTED) -> int:
    """The number of bytes of the pixels in a complete and sound JPEG, PNG or WebP file; 0 if it may be something else.

    A PNG's rows are counted if it has at most `most_counted` pixels, or few bytes for them.
    """
    if data[:2] == _JPEG_HEAD:
        return _jpeg_pixel_bytes(list(islice(segments(data), MAX_PARTS)))
    if is_png(data):
        return _png_pixel_bytes(data, most_counted)
    return len(data) if is_webp(data) and is_right_webp(data) else 0


def is_png(data: Blob) -> bool:
    """Whether the file begins like a PNG."""
    return data[:8] == _PNG_HEAD


def is_webp(data: Blob) -> bool:
    """Whether the file begins like a WebP."""
    return data[:4] + data[8:12] == b"RIFFWEBP"


def is_right_webp(data: Blob) -> bool:
    """Whether a WebP file is as long as it states, and states a length that holds all its parts."""
    return end_of_webp(data) <= 8 + int.from_bytes(data[4:8], "little") <= len(data)


def end_of_webp(data: Blob) -> int:
    """The end of the last complete part of a WebP file."""
    position = end = 12
    while data[position : position + 4] in _WEBP_CHUNKS:
        following = position + 8 + int.from_bytes(data[position + 4 : position + 8], "little")
        if following > len(data):
            break
        end, position = following, following + following % 2
    return end


def segments(data: Blob) -> Iterator[tuple[int, int]]:
    """The kind and the start of each segment of a JPEG. Its end is the last: a film may follow that."""
    position, kind = 2, 0
    while kind != END_OF_IMAGE and (found := search(_MARKER, data, position, width=2)):
        kind, after = found[1][1], found[0] + 2
        yield kind, found[0]
        position = after + int.from_bytes(data[after : after + 2])


def _jpeg_pixel_bytes(found: list[tuple[int, int]]) -> int:
    kinds = [kind for kind, _ in found]
    if kinds[-1:] != [END_OF_IMAGE] or _START_OF_SCAN not in kinds or sum(kind in FRAMES for kind in kinds) != 1:
        return 0
    return found[-1][1] - found[kinds.index(_START_OF_SCAN)][1]


def is_whole_png(data: Blob) -> bool:
    """Whether a PNG has every chunk in its place, and every row. Pillow makes missing rows black."""
    return bool(_png_pixel_bytes(data, most_counted=None))


def _png_pixel_bytes(data: Blob, most_counted: int | None) -> int:
    """See `pixel_bytes`. With None, the rows of any PNG are counted, and packed texts are left to the decoder."""
    rows = _rows_of(data, most_counted)
    if rows is None:
        return 0
    file, seen, last, pixels = as_file(data, ahead=CHUNK_BYTES), set[bytes](), b"", 0
    file.seek(8)
    for _ in range(MAX_PARTS):
        head = file.read(8)
        name = head[4:]
        if name in PNG_CHUNKS or name[:1].isupper():
            if not _is_in_its_place(name, seen, last):
                return 0
        elif pixels and name in _PACKED_TEXTS and most_counted is not None:
            return 0  # a decoder unpacks them after all rows, and may fail on them
        left, checksum = int.from_bytes(head[:4]), zlib.crc32(name)
        while left and (read := file.read(min(left, CHUNK_BYTES))):
            if name == b"IDAT":
                if not (pixels or _are_rows(read[:_TASTED_BYTES])) or not rows.take(read):
                    return 0
                pixels += len(read)
            checksum, left = zlib.crc32(read, checksum), left - len(read)
        if file.read(4) != checksum.to_bytes(4):
            return 0
        seen.add(name)
        last = name
        if name == b"IEND":
            return pixels if seen >= rows.needed and rows.are_there() else 0
    return 0


def _is_in_its_place(name: bytes, seen: set[bytes], last: bytes) -> bool:
    """Whether a chunk that decoders must read may come now. It may come once; only pixels have several, together."""
    if name == b"IDAT" and last == name:
        return True
    return name in PNG_CHUNKS and name not in seen and (name != b"PLTE" or b"IDAT" not in seen)


def _rows_of(png: Blob, most_counted: int | None) -> "_Rows | None":
    """The rows to count. None if the PNG has no head, or has few bytes and too many pixels to count."""
    head = png[8 : 8 + _IHDR_BYTES]
    if not head.startswith(_IHDR) or len(head) < _IHDR_BYTES:
        return None
    width, height, depth, colour, is_interlaced = struct.unpack(">LLBB2xB", head[len(_IHDR) :])
    bits = depth * _SAMPLES.get(colour, 0)
    passes = (
        (-(-(width - left) // across), -(-(height - top) // down))
        for left, top, across, down in (_ADAM7 if is_interlaced else _ONE_PASS)
    )
    row_bytes = sum(rows * (1 + (row * bits + 7) // 8) for row, rows in passes if row > 0 and rows > 0)
    needed = _NEEDED_CHUNKS | {b"PLTE"} if colour == _PALETTE else _NEEDED_CHUNKS
    if most_counted is None:
        return _Rows(needed, row_bytes, needs_end=False)
    if width * height > most_counted and len(png) >= row_bytes * _HALF:
        return _Rows(needed)
    return _Rows(needed, row_bytes) if width * height <= MAX_COUNTED_DOUBTFUL else None


class _Rows:
    """Counts the rows of a PNG while it unpacks them, and keeps none. If `missing` is None, it counts nothing."""

    def __init__(self, needed: set[bytes], missing: int | None = None, *, needs_end: bool = True) -> None:
        self.needed = needed
        self._missing = missing
        self._needs_end = needs_end
        self._unpacker = zlib.decompressobj()

    def take(self, packed: bytes) -> bool:
        """Count packed rows. Return whether they are sound so far. At most a chunk after the last row is unpacked."""
        if self._missing is None:
            return True
        try:
            while not self._unpacker.eof and self._missing > -CHUNK_BYTES:
                rows = self._unpacker.decompress(packed, CHUNK_BYTES)
                if not rows:
                    break
                self._missing, packed = self._missing - len(rows), self._unpacker.unconsumed_tail
        except zlib.error:
            return not self._needs_end and self._missing <= 0
        return True

    def are_there(self) -> bool:
        """Whether no row is missing, as far as they were counted."""
        return self._missing is None or (self._missing <= 0 and (self._unpacker.eof or not self._needs_end))


def _are_rows(packed: bytes) -> bool:
    """Whether the pixels of a PNG begin like rows. Its checksums do not show that."""
    try:
        first = zlib.decompressobj().decompress(packed, _TASTED_PIXELS)
    except zlib.error:
        return False
    return not first or first[0] <= _LAST_FILTER


def _chunks(data: Blob) -> Iterator[bytes]:
    """The names of a PNG's chunks."""
    position = 8
    while len(head := data[position : position + 8]) == 8:
        yield head[4:]
        position += 12 + int.from_bytes(head[:4])


def _counts(data: Blob) -> Iterator[int]:
    """The number of values of each tag in a TIFF's first directory, except tags whose values stay bytes."""
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
