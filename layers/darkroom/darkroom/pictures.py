"""Pictures are hostile until looked at: what they are is told by their bytes, never by a name or a label."""

import hashlib
from dataclasses import dataclass

from darkroom import colour, stripping
from darkroom.context import IMAGE_BYTES
from darkroom.decoding import TYPES, opened
from darkroom.development import LONGEST_SIDE, turn

SENDABLE = ("image/png", "image/jpeg", "image/webp")  # the API takes no other
_PNG_DEPTH = 24  # where a PNG says how many bits a sample has


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture is, by its bytes; `width` and `height` in pixels."""

    media_type: str
    extension: str
    width: int
    height: int
    sha256: str


def inspect(data: bytes) -> Facts:
    """Decodes the whole picture, for a header proves nothing. Raises Undecodable or TooManyPixels."""
    with opened(data) as picture:
        media_type, extension = TYPES[picture.format or ""]
        width, height = picture.size
        picture.draft(None, (1, 1))  # of a JPEG every byte is read, and an eighth of each side kept
        picture.load()
        return Facts(media_type, extension, width, height, hashlib.sha256(data).hexdigest())


def bare(data: bytes) -> bytes | None:
    """The file without its metadata, where its pixels may go as they are; None where it has to be developed."""
    with opened(data) as picture:
        if TYPES[picture.format or ""][0] not in SENDABLE or max(picture.size) > LONGEST_SIDE:
            return None
        if picture.format == "PNG" and data[_PNG_DEPTH] != 8:
            return None
        if turn(picture) is not None or not colour.is_standard(picture.mode, picture.info.get("icc_profile")):
            return None
    try:
        stripped = stripping.stripped(data)
    except stripping.Unusual:
        return None
    return stripped if len(stripped) <= IMAGE_BYTES else None
