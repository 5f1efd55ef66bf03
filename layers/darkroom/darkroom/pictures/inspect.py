"""Inspects pictures. Each is hostile until then: its bytes decide what it is, never a name or a label."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from darkroom.domain.context import ApiLimits
from darkroom.domain.picture_formats import FORMATS
from darkroom.errors import Undecodable
from darkroom.pictures import colour, file_structure, repair, strip_metadata
from darkroom.pictures.decoding import BROKEN, opened
from darkroom.pictures.normalize import turn
from darkroom.streaming.blob import Blob

PROVEN = ("PNG", "JPEG", "MPO")  # checksums or an end mark prove these without decoding
MAX_DECODED, MAX_DECODED_PROVEN = 3_000_000, 250_000  # pixels; a WebP takes 17 bytes for each
MAX_LOOKED_AT = 2  # times the bytes that may be sent: a much larger file is mostly something else
_HEADS = (b"\xff\xd8", b"\x89PNG", b"RIFF")  # of the formats that the API takes
_PNG_DEPTH = 24  # where a PNG says how many bits a sample has

ReadWhole = Callable[[Blob], bool]


class Facts(NamedTuple):
    """A picture's properties, by its bytes. `width` and `height` are in pixels."""

    media_type: str
    extension: str
    width: int
    height: int


class _Head(NamedTuple):
    """A picture's head. `kind` is the name of its format."""

    kind: str
    width: int
    height: int


class Inspected(NamedTuple):
    """A whole picture: its file, which may have been repaired, and its properties."""

    data: Blob
    facts: Facts
    is_repaired: bool
    is_single_colour: bool


def inspect(data: Blob, read_large: ReadWhole = repair.read_whole) -> Inspected:
    """The picture, if it is whole or can be repaired. Raises Undecodable or TooManyPixels.

    A header proves nothing, so small pictures are decoded. Large ones are not: that would take most of a turn's memory
    and work. If they are doubtful, `read_large` decodes them, as `repair.read_whole` does.
    """
    whole, (head, is_single_colour) = repair.first_whole(data, partial(_read, data, read_large))
    return Inspected(whole, _facts(head), whole is not data, is_single_colour)


def facts(data: Blob) -> Facts:
    """The picture's properties, by its head. Raises Undecodable or TooManyPixels."""
    return _facts(_head(data))


def _read(original: Blob, read_large: ReadWhole, data: Blob) -> tuple[_Head, bool]:
    """The head, and whether the picture is one colour, unless it is large and sound. Raises Undecodable."""
    head = _head(data)
    pixels = head.width * head.height
    is_small = pixels <= (MAX_DECODED_PROVEN if head.kind in PROVEN else MAX_DECODED)
    # A decoder may leave missing rows black. If the picture is decoded here, `read_whole` counts such rows.
    pixel_bytes = file_structure.pixel_bytes(data, 0 if is_small else file_structure.MAX_COUNTED)
    if not pixel_bytes and repair.mended(data) is not data:
        raise Undecodable(BROKEN)
    is_doubtful = data is not original or pixel_bytes * file_structure.FEW_BYTES < pixels
    if is_small:
        return head, repair.read_whole(data, is_doubtful=is_doubtful)
    return head, is_doubtful and read_large(data)


def _head(data: Blob) -> _Head:
    with opened(data, to_decode=False) as picture:
        return _Head(picture.format or "", *picture.size)


def _facts(head: _Head) -> Facts:
    known = FORMATS[head.kind]
    return Facts(known.media_type, known.endings[0], head.width, head.height)


def bare(data: Blob, limits: ApiLimits, *, is_result: bool = False) -> tuple[Blob, str] | None:
    """The file without its metadata, and its media type, if its pixels may be sent as they are.

    A still result is sent whole: it was inspected when it was made, and the API wrote its metadata.

    None if the picture has to be normalized, for example if it is broken, is too large to be read in little memory, or
    has far too few bytes for its pixels. Raises TooManyPixels.
    """
    if len(data) > MAX_LOOKED_AT * limits.image_bytes or not data[:12].startswith(_HEADS):
        return None
    try:
        return _bare(data, limits, is_result=is_result)
    except (Undecodable, strip_metadata.Unusual):
        return None


def _bare(data: Blob, limits: ApiLimits, *, is_result: bool) -> tuple[Blob, str] | None:
    with opened(data, to_decode=False) as picture:
        media_type = FORMATS[picture.format or ""].media_type
        if media_type not in limits.media_types or max(picture.size) > limits.side:
            return None
        if picture.format == "PNG" and data[_PNG_DEPTH : _PNG_DEPTH + 1] != b"\x08":
            return None
        goes_whole = is_result and not getattr(picture, "is_animated", False)
        if picture.format == "PNG" and not goes_whole and not file_structure.pixel_bytes(data):
            return None
        if turn(picture) is not None or not colour.is_standard(picture.mode, picture.info.get("icc_profile")):
            return None
        pixels = picture.width * picture.height
    stripped = data if goes_whole else strip_metadata.stripped(data)
    if not goes_whole and len(stripped) * file_structure.TOO_FEW_BYTES < pixels:
        return None
    return (stripped, media_type) if len(stripped) <= limits.image_bytes else None
