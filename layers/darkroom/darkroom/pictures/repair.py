"""Repairs a picture's file: its compressed pixels stay as they are, and a decoder decides whether all are there.

Decoders fail on faults beside the pixels: a wrong checksum, an end or a length that is missing or wrong, a broken
remark.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import reduce
from itertools import islice
from typing import NamedTuple, TypeVar, cast

from darkroom.errors import Undecodable
from darkroom.pictures import colour, file_structure, strip_metadata
from darkroom.pictures.decoding import BROKEN, MAX_PIXELS, opened
from darkroom.streaming.blob import CHUNK_BYTES, Blob, Joined, Part, chunks

_T = TypeVar("_T")
_JPEG_HEAD, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_HEAD, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"
_ZLIB_HEAD_BYTES, _SUM_BYTES = 2, 4  # around packed bytes
_MAX_PIXEL_BYTES = 8  # of a PNG
_PACKED = (b"iCCP", b"zTXt")  # PNG chunks that name their compression, after a keyword
_IHDR_BYTES = 13  # no decoder reads appended bytes
_KEYWORD_BYTES = 80  # with the zero that ends it
_MOVES = frozenset((b"acTL", b"fcTL", b"fdAT"))  # numbered chunks: all of them, or none
# After the last row, a JPEG decoder ignores these bytes. If rows are missing, it makes pixels of them. The markers
# lead it from one restart to the next.
_NO_ROWS = b"".join(b"\x55" * 64 + bytes((0xFF, restart)) for restart in range(0xD0, 0xD8)) * 2
_STRIP = 64  # rows
_SAME_LEVELS = 8  # of 256: a lossy encoder spreads one colour over so many


def first_whole(data: Blob, read: Callable[[Blob], _T]) -> tuple[Blob, _T]:
    """The file with the least repair that `read` accepts, and the result of `read`. Raises Undecodable."""
    refused: Undecodable | None = None
    for candidate in _candidates(data):
        try:
            return candidate, read(candidate)
        except Undecodable as error:
            refused = refused or error
    raise refused or Undecodable(BROKEN)


def read_whole(data: Blob, *, is_doubtful: bool = True) -> bool:
    """Decode the picture, and return whether it is one colour all over. Raises TooManyPixels or Undecodable.

    A picture that `is_doubtful` is also Undecodable if its decoder fills missing rows.
    """
    is_single_colour, ends_black = _is_single_colour(data)
    if (is_doubtful or ends_black) and not has_every_row(data):
        raise Undecodable(BROKEN)
    return is_single_colour


def has_every_row(data: Blob) -> bool:
    """Whether a PNG or JPEG has all its rows: their decoders fill missing ones. True for other formats.

    A PNG's rows are counted. A JPEG with missing rows changes with the bytes that are appended in their place.
    """
    if file_structure.is_png(data):
        return file_structure.is_whole_png(data)
    starts = dict(file_structure.segments(data)) if data[:2] == _JPEG_HEAD else {}
    if not starts.keys() & file_structure.FRAMES:
        return True
    rows = Part(data, 0, starts.get(file_structure.END_OF_IMAGE, len(data)))
    return _pixels(Joined((rows, _JPEG_END))) == _pixels(Joined((rows, _NO_ROWS, _JPEG_END)))


def mended(data: Blob) -> Blob:
    """The file as decoders expect it; the very same if it needs no repair, or is of another format."""
    if data[:2] == _JPEG_HEAD:
        return _mended_jpeg(data)
    if data[:8] == _PNG_HEAD:
        return _mended_png(data)
    return _mended_webp(data) if file_structure.is_webp(data) else data


def _candidates(data: Blob) -> Iterator[Blob]:
    """The file and its repairs. Each differs from those before it."""
    yield data
    candidate = mended(data)
    if candidate is not data:
        yield candidate
    with suppress(strip_metadata.Unusual):
        stripped = strip_metadata.stripped(candidate)
        if len(stripped) != len(candidate):
            yield stripped
            candidate = stripped
    summed = _with_right_sum(candidate)
    if summed is not candidate:
        yield summed


def _is_single_colour(data: Blob) -> tuple[bool, bool]:
    """Whether the picture is one colour, and whether a PNG may lack its last row, which the decoder leaves black."""
    with opened(data, to_decode=True) as picture:
        picture.load()
        last = picture.crop((0, picture.height - 1, *picture.size)) if picture.format == "PNG" else None
        # The passes of an interlaced one begin at the top, so that its last row may be there in part.
        ends_black = last is not None and (bool(picture.info.get("interlace")) or not any(last.tobytes()))
        extrema = colour.eight_bit(picture).getextrema()
    bands = cast("tuple[tuple[float, float], ...]", extrema if isinstance(extrema[0], tuple) else (extrema,))
    return all(highest - lowest <= _SAME_LEVELS for lowest, highest in bands), ends_black


def _pixels(jpeg: Blob) -> int:
    """A checksum of the rows, strip by strip: all their bytes together would take the picture's memory again."""
    with opened(jpeg, to_decode=True) as picture:
        tops = range(0, picture.height, _STRIP)
        strips = (picture.crop((0, top, picture.width, min(top + _STRIP, picture.height))) for top in tops)
        return reduce(lambda so_far, strip: zlib.crc32(strip.tobytes(), so_far), strips, 0)


def _mended_jpeg(data: Blob) -> Blob:
    kinds = [kind for kind, _ in islice(file_structure.segments(data), file_structure.MAX_PARTS)]
    if file_structure.END_OF_IMAGE in kinds[-1:] or len(kinds) == file_structure.MAX_PARTS:
        return data
    return Joined((Part(data, 0, len(data) - (data[-1:] == _JPEG_END[:1])), _JPEG_END))


class _Chunk(NamedTuple):
    """A PNG's chunk: all its bytes, and the available content. `is_sound`: decoders read it."""

    name: bytes
    whole: Blob
    content: Blob
    checksum: int
    is_sound: bool

    def parts(self) -> tuple[Blob, ...]:
        """The chunk itself, or a sound one with its content."""
        if self.is_sound:
            return (self.whole,)
        return (struct.pack(">L4s", len(self.content), self.name), self.content, self.checksum.to_bytes(4))


def _mended_png(data: Blob) -> Blob:
    found = list(islice(_png_chunks(data), file_structure.MAX_PARTS))
    broken = {chunk.name for chunk in found if not chunk.is_sound}
    has_end = bool(found) and found[-1].name == b"IEND"
    if has_end and not broken:
        return data
    left_out = _MOVES if broken & _MOVES else frozenset[bytes]()
    needed = file_structure.PNG_CHUNKS
    kept = [chunk for chunk in found if (chunk.is_sound or chunk.name in needed) and chunk.name not in left_out]
    parts = [part for chunk in kept for part in chunk.parts()]
    return Joined((_PNG_HEAD, *parts, b"" if has_end else _PNG_END))


def _png_chunks(data: Blob) -> Iterator[_Chunk]:
    """The chunks up to the end, or to bytes that are no chunk."""
    position, name = 8, b""
    while name != b"IEND" and len(head := data[position : position + 8]) == 8 and head[4:].isalpha():
        name, end = head[4:], position + 8 + int.from_bytes(head[:4])
        content = Part(data, position + 8, min(end, position + 8 + _IHDR_BYTES) if name == b"IHDR" else end)
        checksum = reduce(lambda so_far, chunk: zlib.crc32(chunk, so_far), chunks(content), zlib.crc32(name))
        is_known = name in file_structure.PNG_CHUNKS or not name[:1].isupper()
        is_packed_well = name not in _PACKED or not _is_packed_oddly(content)
        is_sound = is_known and is_packed_well and data[end : end + 4] == checksum.to_bytes(4)
        yield _Chunk(name, Part(data, position, end + 4), content, checksum, is_sound)
        position = end + 4


def _is_packed_oddly(content: Blob) -> bool:
    """Whether a chunk names a compression other than 0, the only one that PNG has."""
    return content[: _KEYWORD_BYTES + 1].partition(b"\0")[2][:1] != b"\0"


def _with_right_sum(data: Blob) -> Blob:
    """The PNG with the right checksum of its rows; the very same if it has that, or the checksum is unknown.

    The checksums of the chunks may be right all the same.
    """
    found = list(islice(_png_chunks(data), file_structure.MAX_PARTS)) if data[:8] == _PNG_HEAD else []
    at = [number for number, chunk in enumerate(found) if chunk.name == b"IDAT"]
    packed = Joined(found[number].content for number in at)
    right = _sum_of_rows(packed, most=_most_bytes(data))
    if right is None or packed[right.start : right.start + _SUM_BYTES] == right.checksum:
        return data
    pixels = Joined((Part(packed, 0, right.start), right.checksum))
    checksum = reduce(lambda so_far, chunk: zlib.crc32(chunk, so_far), chunks(pixels), zlib.crc32(b"IDAT"))
    whole = _Chunk(b"IDAT", b"", pixels, checksum, is_sound=False)
    kept = (*found[: at[0]], whole, *found[at[-1] + 1 :])
    return Joined((_PNG_HEAD, *(part for chunk in kept for part in chunk.parts())))


def _most_bytes(png: Blob) -> int:
    """The most bytes that a PNG's unpacked rows have. Each row begins with its filter, and may come in two parts."""
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    return min(height * (2 + _MAX_PIXEL_BYTES * width), 2 * _MAX_PIXEL_BYTES * MAX_PIXELS)


class _Sum(NamedTuple):
    """The checksum of the rows, and its place."""

    checksum: bytes
    start: int


def _sum_of_rows(packed: Blob, most: int) -> _Sum | None:
    """The checksum of the rows; None if the packed rows have no end, or over `most` bytes."""
    unpacker, checksum, position = zlib.decompressobj(-zlib.MAX_WBITS), zlib.adler32(b""), _ZLIB_HEAD_BYTES
    try:
        for chunk in chunks(Part(packed, position, len(packed))):
            position += len(chunk)
            rest = chunk
            while not unpacker.eof and most >= 0 and (rows := unpacker.decompress(rest, CHUNK_BYTES)):
                checksum, most, rest = zlib.adler32(rows, checksum), most - len(rows), unpacker.unconsumed_tail
            if unpacker.eof and most >= 0:
                return _Sum(checksum.to_bytes(_SUM_BYTES), position - len(unpacker.unused_data))
    except zlib.error:
        return None
    return None


def _mended_webp(data: Blob) -> Blob:
    if file_structure.is_right_webp(data):
        return data
    end = file_structure.end_of_webp(data)
    length = min(end + end % 2, len(data)) - 8
    return Joined((b"RIFF", struct.pack("<L", length), Part(data, 8, 8 + length)))
