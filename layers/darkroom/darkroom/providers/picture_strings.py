"""Strings that are pictures: Base64, a data URI, an address."""

import re
from typing import Literal
from urllib.parse import urlsplit

from darkroom.domain import picture_formats
from darkroom.providers.dialect import Encoded
from darkroom.streaming.blob import Blob, Joined, Part
from darkroom.streaming.json_document import LongString

HEAD_BYTES = 400  # of a string: its data URI's beginning, and the first bytes of a picture
_DIGITS = 24  # of Base64, which tell what the bytes are
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{_DIGITS}}}")
_BEGINNINGS = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM....\0\0\0\0|II[*+]\0|MM\0[*+]"
    rb"|....ftyp(?:avif|avis|mif1|msf1|hei[cxms]|hev[cx])",
    re.DOTALL,
)
_ENDS = ((b"\x89PNG", b"IEND"), (b"\xff\xd8", b"\xff\xd9"), (b"GIF8", b";"))
_CHUNK = re.compile(r"[A-Za-z0-9+/=_\s-]+")
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
    return Encoded(text[beginning(text) :].rstrip("\"'").encode(errors="replace"))


def long_picture_of(value: Blob, form: Literal["text", "json"] = "json") -> Encoded:
    """The same of a string that is not held in memory. No address is as long."""
    begin = beginning(value[:HEAD_BYTES].decode("latin-1"))
    end = len(value) - len(value[-2:]) + len(value[-2:].rstrip(b"\"'\\"))
    return Encoded(Part(value, begin, end), form)


def beginning(head: str) -> int:
    """Where the Base64 begins."""
    begun = _BEFORE.match(head)
    return begun.end() if begun else 0


def is_picture(value: str | LongString) -> bool:
    """Whether a string is the data URI or the Base64 of what begins like a picture."""
    return begins_like_picture(value.text(HEAD_BYTES) if isinstance(value, LongString) else value[:HEAD_BYTES])


def begins_like_picture(head: str) -> bool:
    """The same of a string that begins so."""
    digits = "".join(head[beginning(head) :].split())[:_DIGITS]
    if not _BASE64.fullmatch(digits):
        return False
    return are_picture(Encoded(digits.encode()).decoded()[:])


def are_picture(head: bytes) -> bool:
    """Whether bytes that begin so are likely a picture: 16 of them tell."""
    return _BEGINNINGS.match(head) is not None


def bare(content: Blob) -> Encoded | None:
    """What is the picture itself, or its Base64."""
    head = content[:HEAD_BYTES]
    if are_picture(head):
        return Encoded(content, form="bytes")
    if begins_like_picture(head.decode(errors="replace")):
        return long_picture_of(content, "text")
    return None


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


class Begun:
    """The picture that was found last, and the strings of Base64 by the same name after it, which may be its rest."""

    def __init__(self) -> None:
        self._first: Encoded | None = None
        self._name = ""
        self._rest: list[Encoded] = []

    def begin(self, name: str, picture: Encoded | str) -> None:
        """From now on it is this picture."""
        self._first = picture if isinstance(picture, Encoded) else None
        self._name, self._rest = name, []

    def goes_on(self, name: str, value: str | LongString) -> bool:
        """Whether it is not whole, and this string is its next chunk."""
        head = value.text(HEAD_BYTES) if isinstance(value, LongString) else value
        if not self._first or name != self._name or not _CHUNK.fullmatch(head):
            return False
        if not self._rest and has_its_end(self._first.decoded()):
            self._first = None
            return False
        self._rest.append(Encoded(value, "json") if isinstance(value, LongString) else Encoded(value.encode()))
        return True

    def whole(self) -> tuple[Encoded, Encoded] | None:
        """The picture as it was found, and with its rest; None where it has none."""
        if not self._first or not self._rest:
            return None
        parts = [self._first, *self._rest]
        return self._first, Encoded(Joined(part.written for part in parts), "json")


def has_its_end(data: Blob) -> bool:
    """Whether bytes end as a picture does that is no chunk of one."""
    head, tail = data[:12], data[-HEAD_BYTES:]
    if head.startswith(b"RIFF"):
        return int.from_bytes(head[4:8], "little") + 8 <= len(data)
    return any(head.startswith(begin) and end in tail for begin, end in _ENDS)
