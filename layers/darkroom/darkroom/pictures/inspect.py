"""Pictures are hostile until looked at: what they are is told by their bytes, never by a name or a label."""

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

PROVEN = ("PNG", "JPEG", "MPO")  # a checksum in each part, or a mark at its end: it need not be decoded to be known
MAX_DECODED, MAX_DECODED_PROVEN = 3_000_000, 250_000  # pixels; a WebP takes 17 bytes for each
MAX_LOOKED_AT = 2  # times the bytes that may be sent: most of a much larger file is something else than its picture
_HEADS = (b"\xff\xd8", b"\x89PNG", b"RIFF")  # of those that the API takes
_PNG_DEPTH = 24  # where a PNG says how many bits a sample has

ReadWhole = Callable[[Blob], bool]


class Facts(NamedTuple):
    """What a picture is, by its bytes; `width` and `height` in pixels."""

    media_type: str
    extension: str
    width: int
    height: int


class _Head(NamedTuple):
    """What a picture's head says; `kind` is the name of its format."""

    kind: str
    width: int
    height: int


class Inspected(NamedTuple):
    """A whole picture: its file, which may have been repaired, and what it is."""

    data: Blob
    facts: Facts
    is_repaired: bool
    is_single_colour: bool


def inspect(data: Blob, read_large: ReadWhole = repair.read_whole) -> Inspected:
    """The picture, if it is a whole one or can be repaired, for a header proves nothing. Raises Undecodable or
    TooManyPixels.

    Nothing that is large is decoded here: that would be most of a turn's memory and work. `read_large` decodes what is
    large and doubtful, as `repair.read_whole` does.
    """
    whole, (head, is_single_colour) = repair.first_whole(data, partial(_read, data, read_large))
    return Inspected(whole, _facts(head), whole is not data, is_single_colour)


def facts(data: Blob) -> Facts:
    """What the picture is by its head. Raises Undecodable or TooManyPixels."""
    return _facts(_head(data))


def _read(original: Blob, read_large: ReadWhole, data: Blob) -> tuple[_Head, bool]:
    """Whether it is one colour all over; of what is large and sound that is not said. Raises Undecodable."""
    head = _head(data)
    pixels = head.width * head.height
    is_small = pixels <= (MAX_DECODED_PROVEN if head.kind in PROVEN else MAX_DECODED)
    # Of what is decoded here the decoder leaves the missing rows black: `read_whole` counts those of which it does so.
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
    """The file without its metadata, and its media type, where its pixels may go as they are. A still result goes
    whole: it was inspected when it was made, and what it says its API wrote.

    None where it has to be normalized, as does what is too large to be looked at in little memory, broken, or has far
    too few bytes for its pixels. Raises TooManyPixels.
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
