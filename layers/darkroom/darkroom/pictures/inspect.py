"""Pictures are hostile until looked at: what they are is told by their bytes, never by a name or a label."""

from dataclasses import dataclass

from darkroom.domain.context import ApiLimits
from darkroom.domain.picture_formats import FORMATS
from darkroom.errors import Undecodable
from darkroom.pictures import colour, file_structure, strip_metadata
from darkroom.pictures.decoding import opened
from darkroom.pictures.normalize import turn
from darkroom.streaming.blob import Blob, sha256

PROVEN = ("PNG", "JPEG", "MPO")  # a checksum in each part, or a mark at its end: it need not be decoded to be known
MAX_DECODED, MAX_DECODED_PROVEN = 3_000_000, 250_000  # pixels; a WebP takes 17 bytes for each
MAX_LOOKED_AT = 2  # times the bytes that may be sent: most of a much larger file is something else than its picture
_HEADS = (b"\xff\xd8", b"\x89PNG", b"RIFF")  # of those that the API takes
_PNG_DEPTH = 24  # where a PNG says how many bits a sample has


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture is, by its bytes; `width` and `height` in pixels."""

    media_type: str
    extension: str
    width: int
    height: int
    sha256: str


def inspect(data: Blob) -> Facts:
    """What the picture is, if it is a whole one, for a header proves nothing. Raises Undecodable or TooManyPixels.

    Nothing that is large is decoded: that would be most of a turn's memory and work.
    """
    with opened(data, to_decode=False) as picture:
        kind, (width, height) = picture.format or "", picture.size
    if width * height <= (MAX_DECODED_PROVEN if kind in PROVEN else MAX_DECODED):
        with opened(data, to_decode=True) as picture:
            picture.load()
    elif kind in (*PROVEN, "WEBP") and not file_structure.is_whole(data):
        raise Undecodable("the picture is broken, or not all of it is there")
    known = FORMATS[kind]
    return Facts(known.media_type, known.endings[0], width, height, sha256(data))


def bare(data: Blob, limits: ApiLimits, *, is_result: bool = False) -> tuple[Blob, str] | None:
    """The file without its metadata, and its media type, where its pixels may go as they are. A still result goes
    whole: it was inspected when it was made, and what it says its API wrote.

    None where it has to be normalized, as does what is too large to be looked at in little memory. Raises Undecodable
    or TooManyPixels.
    """
    if len(data) > MAX_LOOKED_AT * limits.image_bytes or not data[:12].startswith(_HEADS):
        return None
    with opened(data, to_decode=False) as picture:
        media_type = FORMATS[picture.format or ""].media_type
        if media_type not in limits.media_types or max(picture.size) > limits.side:
            return None
        if picture.format == "PNG" and data[_PNG_DEPTH : _PNG_DEPTH + 1] != b"\x08":
            return None
        goes_whole = is_result and not getattr(picture, "is_animated", False)
        if picture.format == "PNG" and not goes_whole and not file_structure.is_whole(data):
            return None
        if turn(picture) is not None or not colour.is_standard(picture.mode, picture.info.get("icc_profile")):
            return None
    try:
        stripped = data if goes_whole else strip_metadata.stripped(data)
    except strip_metadata.Unusual:
        return None
    return (stripped, media_type) if len(stripped) <= limits.image_bytes else None
