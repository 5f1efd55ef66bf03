"""Read how a picture was made from its file: whether it is signed, and the digital source type in its XMP.

A file is signed if it holds a C2PA manifest. This module checks no signature and reads no pixel.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from darkroom.pictures import file_structure
from darkroom.pictures.strip_metadata import MAX_PARTS, Unusual
from darkroom.streaming.blob import Blob

PNG_XMP, JPEG_XMP, WEBP_XMP = b"XML:com.adobe.xmp\0", b"http://ns.adobe.com/xap/1.0/\0", b"XMP "
END_OF_IHDR = 33  # in a PNG
FIRST_REMARK, EXIF = 0xE0, 0xE1  # segments of a JPEG
_PNG_TEXTS = (b"iTXt", b"tEXt", b"zTXt")
_PNG_XMPS = (PNG_XMP, b"Raw profile type xmp\0")
_WITH_LENGTH = frozenset((*range(0xC0, 0xD0), *range(0xDA, 0xFF)))
_SCAN, _MANY, _JUMBF = 0xDA, 0xE2, 0xEB
_C2PA = b"c2pa"  # how the label of a manifest begins
_READ_BYTES = 80  # of a part: enough to recognise it
_MAX_XMP_BYTES = 1 << 16  # a JPEG has room for no more; the rest of a longer packet is not read
_SOURCE_TYPE = (  # compiled when it is needed: a cold start would pay for it, and few pictures have XMP
    rb"DigitalSourceType(?:\s+rdf:resource)?\s*(?:=\s*[\"']|>)\s*"
    rb"https?://cv\.iptc\.org/newscodes/digitalsourcetype/(\w{1,64})"
)


class Declared(NamedTuple):
    """A file's statements. `source_type` is the last part of the IPTC's address."""

    is_signed: bool
    has_xmp: bool
    source_type: str | None


def read(data: Blob) -> Declared | None:
    """Read the file's statements; None for a format other than PNG, JPEG and WebP.

    Raises Unusual for a file with an odd structure.
    """
    try:
        if file_structure.is_png(data):
            return _in_png(data)
        if data[:2] == b"\xff\xd8":
            return _in_jpeg(data)
        return _in_webp(data) if file_structure.is_webp(data) else None
    except struct.error as error:
        raise Unusual("the file ends too soon") from error


def segments(data: Blob) -> Iterator[tuple[int, int, int]]:
    """The kind, start and end of each segment of a JPEG, up to its first scan.

    Raises Unusual, or struct.error.
    """
    position = 2
    for _ in range(MAX_PARTS):
        edge, kind, length = struct.unpack(">BBH", data[position : position + 4])
        end = position + 2 + length
        if edge != 0xFF or kind not in _WITH_LENGTH or length < 2 or end > len(data):
            raise Unusual("something lies between the segments")
        yield kind, position, end
        if kind == _SCAN:
            return
        position = end


def _in_png(data: Blob) -> Declared:
    position, is_signed, xmp = 8, False, None
    for number in range(MAX_PARTS):
        length, name = struct.unpack(">L4s", data[position : position + 8])
        end = position + 12 + length
        if end > len(data) or (number == 0) != (name == b"IHDR") or (number == 0 and end != END_OF_IHDR):
            raise Unusual("a chunk is longer than the file, or its head is not at its beginning")
        if name == b"IEND":
            return _found(is_signed, xmp)
        is_signed = is_signed or name == b"caBX"
        if name in _PNG_TEXTS and data[position + 8 : position + 8 + _READ_BYTES].startswith(_PNG_XMPS):
            xmp = data[position + 8 : min(end, position + _MAX_XMP_BYTES)]
        position = end
    raise Unusual("the file has more parts than any picture")


def _in_jpeg(data: Blob) -> Declared:
    is_signed, xmp = False, None
    for kind, start, end in segments(data):
        content = data[start + 4 : min(end, start + _READ_BYTES)]
        if kind == _SCAN:
            return _found(is_signed, xmp)
        if kind == _MANY and content.startswith(b"MPF\0"):
            raise Unusual("other pictures follow, and their places are listed")
        is_signed = is_signed or (kind == _JUMBF and _C2PA in content)
        if kind == EXIF and content.startswith(JPEG_XMP):
            xmp = data[start:end]
    raise Unusual("the file has more parts than any picture")


def _in_webp(data: Blob) -> Declared:
    is_signed, xmp = False, None
    for name, start, end in _chunks(data):
        is_signed = is_signed or name == b"C2PA"
        if name == WEBP_XMP:
            xmp = data[start : min(end, start + _MAX_XMP_BYTES)]
    return _found(is_signed, xmp)


def _chunks(data: Blob) -> Iterator[tuple[bytes, int, int]]:
    """The name, start and end of each chunk of a WebP file."""
    position = 12
    if 8 + int.from_bytes(data[4:8], "little") != len(data):
        raise Unusual("the file is not as long as it says")
    for _ in range(MAX_PARTS):
        if position == len(data):
            return
        name, length = struct.unpack("<4sL", data[position : position + 8])
        end = position + 8 + length + length % 2
        if end > len(data):
            raise Unusual("a chunk is longer than the file")
        yield name, position, end
        position = end
    raise Unusual("the file has more parts than any picture")


def _found(is_signed: bool, xmp: bytes | None) -> Declared:
    source_type = re.search(_SOURCE_TYPE, xmp) if xmp else None
    return Declared(is_signed, xmp is not None, source_type[1].decode() if source_type else None)
