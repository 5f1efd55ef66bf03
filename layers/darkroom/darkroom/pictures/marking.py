"""Write a mark into pictures that say nothing of their making, and remove it again.

The mark is a constant XMP packet with the IPTC's digital source type. It lies beside the pixels and changes nothing
else in the file, so it can be removed byte for byte. A signed file (C2PA) is never touched, because any change breaks
its signature. A file with an odd structure stays as it is.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Literal, get_args

from darkroom.domain.outcome import Mark, Provenance
from darkroom.pictures import declared, file_structure
from darkroom.pictures.declared import EXIF, JPEG_XMP, PNG_XMP, WEBP_XMP, Declared
from darkroom.pictures.strip_metadata import Unusual
from darkroom.streaming.blob import Blob, Joined, Part

SourceType = Literal["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"]
SOURCE_TYPES: tuple[SourceType, ...] = get_args(SourceType)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)
_VP8X_HEAD = b"VP8X" + struct.pack("<L", 10)
_HAS_XMP, _HAS_ALPHA = 0x04, 0x10
_FIRST_FRAME = b"\x9d\x01\x2a"  # of a lossy WebP
_LOSSLESS = b"\x2f"
_MAX_SIDE = 0x3FFF


def source_type(*, has_source: bool) -> SourceType:
    """The type of a result that was made from words alone, or with a person's picture."""
    return SOURCE_TYPES[has_source]


def marked(data: Blob, source_type: SourceType | None) -> tuple[Blob, Provenance]:
    """Return the file with its mark, and its provenance; or the very same file, if it gets no mark.

    `source_type` None marks nothing. The same file always becomes the same bytes.
    """
    try:
        said = declared.read(data)
        if said is None:
            return data, _provenance(None, None, "other_format")
        if source_type is None or said.is_signed or said.has_xmp:
            return data, _provenance(said.is_signed, said.source_type, _why_not(said))
        return Joined(_with_mark(data, source_type)), _provenance(False, source_type, "written")
    except (Unusual, struct.error):
        return data, _provenance(None, None, "unusual_file")


def unmarked(data: Blob) -> Blob:
    """Return the file as it was before it was marked; the very same file if it has no mark."""
    try:
        return next(_without_mark(data), data)
    except (Unusual, struct.error):
        return data


def carried(data: Blob) -> Provenance:
    """Return the provenance of a stored file, its mark included."""
    found = marked(data, None)[1]
    return found if unmarked(data) is data else {**found, "mark": "written"}


def _provenance(c2pa: bool | None, source_type: str | None, mark: Mark) -> Provenance:
    return {"c2pa": c2pa, "digital_source_type": source_type, "mark": mark}


def _why_not(said: Declared) -> Mark:
    if said.is_signed:
        return "signed"
    if said.has_xmp:
        return "there_already" if said.source_type else "other_xmp"
    return "off"


def _packet(source_type: SourceType) -> bytes:
    return _PACKET.format(source_type).encode()


def _with_mark(data: Blob, source_type: SourceType) -> tuple[Blob, ...]:
    if file_structure.is_webp(data):
        return _marked_webp(data, source_type)
    place, mark = _place(data), _mark(data, source_type)
    return Part(data, 0, place), mark, Part(data, place, len(data))


def _without_mark(data: Blob) -> Iterator[Blob]:
    """Yield the original if the file has a mark."""
    if file_structure.is_webp(data):
        yield from _original_webps(data)
    elif file_structure.is_png(data) or data[:2] == b"\xff\xd8":
        place = _place(data)
        for source_type in SOURCE_TYPES:
            mark = _mark(data, source_type)
            if data[place : place + len(mark)] == mark:
                yield Joined((Part(data, 0, place), Part(data, place + len(mark), len(data))))


def _place(data: Blob) -> int:
    """The start of the mark in a PNG or JPEG: behind the parts that have to come first."""
    if file_structure.is_png(data):
        return declared.END_OF_IHDR
    place = 2
    for kind, start, end in declared.segments(data):
        if kind != declared.FIRST_REMARK and not (kind == EXIF and data[start + 4 : start + 8] == b"Exif"):
            break
        place = end
    return place


def _mark(data: Blob, source_type: SourceType) -> bytes:
    packet = _packet(source_type)
    if file_structure.is_png(data):
        chunk = b"iTXt" + PNG_XMP + bytes(4) + packet  # not compressed, in no language
        return struct.pack(">L", len(chunk) - 4) + chunk + zlib.crc32(chunk).to_bytes(4)
    return struct.pack(">BBH", 0xFF, EXIF, 2 + len(JPEG_XMP) + len(packet)) + JPEG_XMP + packet


def _marked_webp(data: Blob, source_type: SourceType) -> tuple[Blob, ...]:
    """Only the extended form holds XMP. A simple file gets the extended head, and a longer mark, which says so."""
    if data[12:20] == _VP8X_HEAD:
        flags, rest, is_simple = data[20:21][0], Part(data, 21, len(data)), False
        if flags & _HAS_XMP:
            raise Unusual("it says that it has XMP, and has none")
        head = _VP8X_HEAD + bytes((flags | _HAS_XMP,))
    else:
        head, rest, is_simple = _extended_head(data), Part(data, 12, len(data)), True
    return _webp(head, rest, _webp_mark(source_type, is_simple=is_simple))


def _original_webps(data: Blob) -> Iterator[Blob]:
    if 8 + int.from_bytes(data[4:8], "little") != len(data) or data[12:20] != _VP8X_HEAD:
        return
    for source_type in SOURCE_TYPES:
        for is_simple in (True, False):
            mark = _webp_mark(source_type, is_simple=is_simple)
            end = len(data) - len(mark)
            if data[end:] == mark and is_simple:
                yield Joined(_webp(Part(data, 30, end)))
            elif data[end:] == mark:
                yield Joined(_webp(_VP8X_HEAD + bytes((data[20:21][0] & ~_HAS_XMP,)), Part(data, 21, end)))


def _webp(*parts: Blob) -> tuple[Blob, ...]:
    return b"RIFF" + struct.pack("<L", 4 + sum(map(len, parts))) + b"WEBP", *parts


def _webp_mark(source_type: SourceType, *, is_simple: bool) -> bytes:
    packet = _packet(source_type)
    packet += b" " * (len(packet) % 2 + 2 * is_simple)
    return WEBP_XMP + struct.pack("<L", len(packet)) + packet


def _extended_head(data: Blob) -> bytes:
    """The extended head for a simple file."""
    width, height, flags = _simple_head(data[12:16], data[20:30])
    if not (width and height):
        raise Unusual("it has no pixels")
    return (
        _VP8X_HEAD + struct.pack("<L", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )


def _simple_head(kind: bytes, frame: bytes) -> tuple[int, int, int]:
    """The width, the height and the flags of a simple file's picture."""
    if kind == b"VP8 " and frame[3:6] == _FIRST_FRAME:
        width, height = struct.unpack("<HH", frame[6:10])
        return width & _MAX_SIDE, height & _MAX_SIDE, _HAS_XMP
    if kind == b"VP8L" and frame[:1] == _LOSSLESS:
        (bits,) = struct.unpack("<L", frame[1:5])
        return (bits & _MAX_SIDE) + 1, (bits >> 14 & _MAX_SIDE) + 1, _HAS_XMP | (_HAS_ALPHA * (bits >> 28 & 1))
    raise Unusual("it begins with no picture")
