"""Strings that are pictures: Base64, a data URI, an address."""

import re
from typing import Literal
from urllib.parse import urlsplit

from darkroom.domain import picture_formats
from darkroom.providers.dialect import Encoded
from darkroom.streaming.blob import Blob, Part
from darkroom.streaming.json_document import LongString

HEAD_BYTES = 400  # of a string: its data URI's beginning, and the first bytes of a picture
_DIGITS = 24  # of Base64, which tell what the bytes are
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{_DIGITS}}}")
_BEGINNINGS = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM....\0\0\0\0|II[*+]\0|MM\0[*+]"
    rb"|....ftyp(?:avif|avis|mif1|msf1|hei[cxms]|hev[cx])",
    re.DOTALL,
)
# As people's tools write it: a data URI or a part of one, in quotes, as Python writes bytes.
_BEFORE = re.compile(
    r"\s*(?:b?\\?[\"'])?(?:(?:data:)?[\w/+.-]{0,40}(?:;[^{}]{0,100}?)?;?base64,|data:[^\s,{}]{0,100},)?", re.IGNORECASE
)


def picture_of(value: str | LongString) -> Encoded | str:
    """The picture that a string of JSON's is: an address as it stands, or its Base64."""
    if isinstance(value, LongString):
        return long_picture_of(value)
    text = value.strip()
    if is_address(text):
        return text
    return Encoded(text[_begin(text) :].rstrip("\"'").encode(errors="replace"))


def long_picture_of(value: Blob, form: Literal["text", "json"] = "json") -> Encoded:
    """The same of a string that is not held in memory. No address is as long."""
    begin = _begin(value[:HEAD_BYTES].decode("latin-1"))
    end = len(value) - len(value[-2:]) + len(value[-2:].rstrip(b"\"'\\"))
    return Encoded(Part(value, begin, end), form)


def _begin(head: str) -> int:
    """Where the Base64 begins."""
    begun = _BEFORE.match(head)
    return begun.end() if begun else 0


def is_picture(value: str | LongString) -> bool:
    """Whether a string is the data URI or the Base64 of what begins like a picture."""
    return begins_like_picture(value.text(HEAD_BYTES) if isinstance(value, LongString) else value[:HEAD_BYTES])


def begins_like_picture(head: str) -> bool:
    """The same of a string that begins so."""
    digits = "".join(head[_begin(head) :].split())[:_DIGITS]
    if not _BASE64.fullmatch(digits):
        return False
    return are_picture(Encoded(digits.encode()).decoded()[:])


def are_picture(head: bytes) -> bool:
    """Whether bytes that begin so are likely a picture: 16 of them tell."""
    return _BEGINNINGS.match(head) is not None


def is_address(value: str | LongString) -> bool:
    """Whether a string is an address of the web."""
    return isinstance(value, str) and value.strip().startswith(("http://", "https://"))


def is_address_of_picture(text: str) -> bool:
    """Whether an address ends as the names of pictures do."""
    try:
        path = urlsplit(text).path.lower()
    except ValueError:
        return False
    return any(path.endswith(ending) for ending in picture_formats.ENDINGS)
