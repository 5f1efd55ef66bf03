"""Reads the pictures in a call, from data URIs or from URLs of this server. Raises `Rejected` for all others."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from local.image_api.answers import Rejected

MAX_IMAGE_BYTES = 7 * 1024 * 1024
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)

FetchOwn = Callable[[str], bytes | None]
"""The bytes behind a URL of this server, or None."""


@dataclass(frozen=True)
class Picture:
    media_type: str
    content: bytes

    def opened(self) -> Image.Image:
        return Image.open(BytesIO(self.content))


def read_picture(uri: object, where: str, fetch_own: FetchOwn) -> Picture:
    """The picture of a URI. Raises `Rejected` with a message that begins with `where`, the name of the field."""
    if not isinstance(uri, str):
        raise Rejected(f"{where}: must be a string, a data URI or an http(s) URL")
    if uri.startswith(("http://", "https://")):
        content = fetch_own(uri)
        if content is None:
            raise Rejected(f"{where}: this stand-in fetches no URLs but those it gave out itself; send a data URI")
        return Picture(told_by_bytes(content, where), content)
    return _inline_picture(uri, where)


def _inline_picture(uri: str, where: str) -> Picture:
    match = DATA_URI.fullmatch(uri)
    if not match:
        raise Rejected(f"{where}: must be a full data URI (data:image/png;base64,…) or a public http(s) URL")
    return inline_picture(match[1], match[2], where)


def inline_picture(media_type: str, encoded: str, where: str) -> Picture:
    """The picture in a Base64 text. Raises `Rejected`."""
    if media_type not in MEDIA_TYPES.values():
        raise Rejected(f"{where}: media type must be one of {', '.join(MEDIA_TYPES.values())}, not {media_type}")
    content = _decoded(encoded, where)
    if (actual := told_by_bytes(content, where)) != media_type:
        raise Rejected(f"{where}: is labelled {media_type}, but its bytes are {actual}")
    return Picture(media_type, content)


def _decoded(encoded: str, where: str) -> bytes:
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected(f"{where}: is not valid base64: {error}") from error
    if len(content) > MAX_IMAGE_BYTES:
        raise Rejected(f"{where}: has {len(content)} bytes, more than the {MAX_IMAGE_BYTES} allowed")
    return content


def told_by_bytes(content: bytes, where: str) -> str:
    try:
        with Image.open(BytesIO(content), formats=tuple(MEDIA_TYPES)) as picture:
            picture.load()
            return MEDIA_TYPES[picture.format or ""]
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        KeyError,
        Image.DecompressionBombError,
    ) as error:
        raise Rejected(f"{where}: cannot be decoded as a PNG, JPEG or WEBP picture") from error
