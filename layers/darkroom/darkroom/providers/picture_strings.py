"""Recognises strings that are pictures: Base64, a data URI, an address, or one of these packed once more."""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from darkroom.domain import picture_formats
from darkroom.providers.dialect import Encoded
from darkroom.streaming import packed
from darkroom.streaming.blob import Blob, File, Joined, Part, chunks
from darkroom.streaming.json_document import LongString
from darkroom.streaming.spelled import respelled

HEAD_BYTES = 400  # of a string: its data URI's beginning, and the first bytes of a picture
_DIGITS = 24  # of Base64: enough to recognise the bytes
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{_DIGITS}}}")
_BEGINNINGS = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM....\0\0\0\0|II[*+]\0|MM\0[*+]"
    rb"|....ftyp(?:avif|avis|mif1|msf1|hei[cxms]|hev[cx])",
    re.DOTALL,
)
_ENDS = ((b"\x89PNG", b"IEND"), (b"\xff\xd8", b"\xff\xd9"), (b"GIF8", b";"))
_NUMBERS = dict.fromkeys(map(ord, "0123456789"))
_CHUNK = re.compile(r"[A-Za-z0-9+/=_\s-]+")
# Prefixes as tools write them: a data URI or a part of one, a quotation mark, Python's `b'`.
_BEFORE = re.compile(
    r"\s*(?:```\w{0,20}(?:\s|\\{1,3}[nrt])+|-----BEGIN [\w ]{0,40}-----)?(?:\s|\\{1,3}[nrt])*(?:b?\\?[\"'])?"
    r"(?:(?:data:\s{0,9})?[\w/+.-]{0,40}(?:;[^{}]{0,100}?)?;?base64,|data:[^\s,{}]{0,100},)?",
    re.IGNORECASE,
)
_MOST_BEGINNINGS = 4  # one may follow another
_AFTER = re.compile(r"(?:\s|\\{1,3}[nrt])*(?:```|-----END [\w ]{0,40}-----)?(?:\s|\\{1,3}[nrt])*[\"'\\]*\Z")
_AFTER_BYTES = 80

# Beginnings of layers that can be removed. A letter stands for each byte.
_COMPRESSED = tuple(mark.decode("latin-1") for mark in (packed.GZIP, *packed.ZLIB))
_ARCHIVE = packed.ZIP.decode()
_DOCUMENT = re.compile(r"\s*(?:\{\s*\"|\[\s*[\[{\"\d-])")
_HEX = re.compile(r"(?:89504e470d0a1a0a|ffd8ff|52494646[0-9a-f]{8}57454250|474946383[79]61)[0-9a-f]{24}", re.IGNORECASE)
_RAW_URI = re.compile(r"\s*data:[^\s,{}]{0,100},(?=%89PNG|%FF%D8%FF|RIFF|GIF8)", re.IGNORECASE)
_SPELLING = re.compile(r"[%&\\]|[^\0-\x7f]")
_LETTERS = re.compile(rf"[A-Za-z0-9+/_-]{{{_DIGITS},}}")
_FEWEST_CHARACTERS = 24

_Opener = Callable[[Blob], Iterator[bytes]]


def picture_of(value: str | LongString) -> Encoded | str:
    """The picture that a JSON string stands for: an address as it is, or the picture's Base64."""
    if isinstance(value, LongString):
        return long_picture_of(value)
    text = value.strip()
    if is_address(text):
        return text
    head, tail = text[:-_AFTER_BYTES], text[-_AFTER_BYTES:]
    return Encoded((head + _AFTER.sub("", tail))[beginning(text) :].encode(errors="replace"))


def long_picture_of(value: Blob, form: Literal["text", "json"] = "json") -> Encoded:
    """The same for a string on disk, which is too long for an address."""
    begin = beginning(value[:HEAD_BYTES].decode("latin-1"))
    tail = value[-_AFTER_BYTES:].decode("latin-1")
    end = max(begin, len(value) - len(tail) + len(_AFTER.sub("", tail)))
    return Encoded(Part(value, begin, end), form)


def beginning(head: str) -> int:
    """The index at which the Base64 begins."""
    begin = 0
    for _ in range(_MOST_BEGINNINGS):
        begun = _BEFORE.match(head, begin)
        if not begun or begun.end() == begin:
            break
        begin = begun.end()
    return begin


def is_picture(value: str | LongString) -> bool:
    """Whether a string is a data URI or Base64 whose bytes begin like a picture."""
    return begins_like_picture(value.text(HEAD_BYTES) if isinstance(value, LongString) else value[:HEAD_BYTES])


def begins_like_picture(head: str) -> bool:
    """The same for a string with this beginning."""
    digits = "".join(head[beginning(head) :].split())[:_DIGITS]
    if not _BASE64.fullmatch(digits):
        return False
    return are_picture(Encoded(digits.encode()).decoded()[:])


def encoded_begins_like_picture(picture: Encoded) -> bool:
    """The same for a picture that is not decoded yet."""
    return begins_like_picture(picture.written[:HEAD_BYTES].decode(errors="replace").replace("\\", ""))


def are_picture(head: bytes) -> bool:
    """Whether bytes with this beginning are probably a picture. 16 bytes are enough to decide."""
    return _BEGINNINGS.match(head) is not None


def bare(content: Blob) -> Encoded | None:
    """The picture, if the content is a picture file or the Base64 of one."""
    head = content[:HEAD_BYTES]
    if are_picture(head):
        return Encoded(content, form="bytes")
    if begins_like_picture(head.decode(errors="replace")):
        return long_picture_of(content, "text")
    return None


def is_address(value: str | LongString) -> bool:
    """Whether a string is a web address, or the path of a picture at the API itself."""
    if not isinstance(value, str):
        return False
    text = value.strip()
    return text[:8].lower().startswith(("http://", "https://")) or (
        text.startswith("/") and len(text.split()) == 1 and is_address_of_picture(text)
    )


def is_address_of_picture(text: str) -> bool:
    """Whether an address ends like a picture's file name."""
    try:
        path = urlsplit(text).path.lower()
    except ValueError:
        return False
    return any(path.endswith(ending) for ending in picture_formats.ENDINGS)


def beginning_as_address_of_picture(text: str) -> str:
    """The beginning of a text up to a picture's file extension without a letter after it; empty if there is none."""
    endings = "|".join(map(re.escape, sorted(picture_formats.ENDINGS, key=len, reverse=True)))
    begun = re.match(rf"[^?#]{{1,2000}}(?:{endings})(?![a-z0-9_%./-])", text, re.IGNORECASE)
    return begun[0] if begun else ""


class Begun:
    """The last picture that was found, and the Base64 strings after it under the same name, which may be its rest.

    Names that differ only in digits count as the same. Strings that are too short to recognise a picture are kept
    until they are long enough.
    """

    def __init__(self) -> None:
        self._first: Encoded | None = None
        self._name = ""
        self._rest: list[Encoded] = []
        self._heads: dict[str, str] = {}

    def begin(self, name: str, picture: Encoded | str) -> None:
        """Start anew with this picture; or with none, if it is an address or does not begin like a picture."""
        self._first = picture if isinstance(picture, Encoded) and encoded_begins_like_picture(picture) else None
        self._name, self._rest = _without_numbers(name), []

    def goes_on(self, name: str, value: str | LongString) -> bool:
        """Whether the picture is incomplete and this string is its next chunk. The chunk is kept."""
        head = value.text(HEAD_BYTES) if isinstance(value, LongString) else value
        if not self._first or _without_numbers(name) != self._name or not _CHUNK.fullmatch(head):
            return False
        if not self._rest and has_its_end(self._first.decoded()):
            self._first = None
            return False
        self._rest.append(Encoded(value, "json") if isinstance(value, LongString) else Encoded(value.encode()))
        return True

    def beginning(self, name: str, value: str | LongString) -> Encoded | str | None:
        """The beginning of a picture, if this string and those before it under the same name form one."""
        name = _without_numbers(name)
        head = self._heads.get(name, "")
        if not isinstance(value, str) or len(head) > HEAD_BYTES:
            return None
        head += value
        self._heads[name] = head[: HEAD_BYTES + 1]
        return picture_of(head) if begins_like_picture(head[:HEAD_BYTES]) else None

    def whole(self) -> tuple[Encoded, Encoded] | None:
        """The picture as it was found, and the picture with its rest; None if it has no rest."""
        if not self._first or not self._rest:
            return None
        joined = Joined(part.written for part in (self._first, *self._rest))
        return self._first, Encoded(joined.parts[0] if len(joined.parts) == 1 else joined, "json")


def _without_numbers(name: str) -> str:
    return name.translate(_NUMBERS)


def has_its_end(data: Blob) -> bool:
    """Whether bytes end like a whole picture, and not like a chunk of one."""
    head, tail = data[:12], data[-HEAD_BYTES:]
    if head.startswith(b"RIFF"):
        return int.from_bytes(head[4:8], "little") + 8 <= len(data)
    return any(head.startswith(begin) and end in tail for begin, end in _ENDS)


def unpacked(value: str | Blob, room: int) -> Blob | None:
    """The content of a text or bytes, one layer deeper.

    None if it does not begin like a picture, a document or another layer, is broken, or has more than `room` bytes.
    """
    if len(value) < _FEWEST_CHARACTERS:
        return None
    is_text = isinstance(value, str | LongString)
    head = _head(value)
    opener = chunks if is_document(value) else _opener(head, is_text=is_text)
    if opener:
        with suppress(ValueError, zlib.error):  # it is broken, or too large
            return File(packed.bounded(opener(_content(value)), room))
    return None


def is_document(value: str | Blob) -> bool:
    """Whether a JSON string holds JSON itself."""
    return isinstance(value, str | LongString) and bool(_DOCUMENT.match(_head(value)))


def _head(value: str | Blob) -> str:
    """The beginning of a text; or of bytes, with a letter for each."""
    if isinstance(value, str):
        return value[:HEAD_BYTES]
    return value.text(HEAD_BYTES) if isinstance(value, LongString) else value[:HEAD_BYTES].decode("latin-1")


def _content(value: str | Blob) -> Blob:
    if isinstance(value, str):
        return value.encode(errors="replace")
    return value.unescaped() if isinstance(value, LongString) else value


def _opener(head: str, *, is_text: bool) -> _Opener | None:
    """The function that removes a layer with this beginning; None if the layer is unknown."""
    if head.startswith(_COMPRESSED) and not is_text:
        return packed.inflated
    if _HEX.match(packed.digits(head)):
        return packed.unhexed
    if found := _RAW_URI.match(head):
        return partial(packed.unquoted, start=found.end())
    if is_text and are_picture(head.encode("latin-1", "replace")):
        return packed.bytes_of_letters
    if _SPELLING.search(head) and not (_DOCUMENT.match(head) or head.startswith(_ARCHIVE)):
        plain = b"".join(respelled(head.encode("latin-1", "ignore"))).decode("latin-1")
        if plain != head and _is_known(plain):
            return respelled
    return _decoded if _is_known(_first_of_base64(head)) else None


def _is_known(head: str) -> bool:
    """Whether a content with this beginning is worth unpacking."""
    is_content = head.startswith(_ARCHIVE) or _DOCUMENT.match(head) or begins_like_picture(head)
    return bool(head and (is_content or _opener(head, is_text=False)))


def _first_of_base64(head: str) -> str:
    """The first bytes in Base64 with this beginning, a letter for each. Each layer yields fewer of them."""
    digits = _LETTERS.match("".join(head[beginning(head) :].split()))
    return Encoded(digits[0][: len(digits[0]) // 4 * 4].encode()).decoded()[:].decode("latin-1") if digits else ""


def _decoded(text: Blob) -> Iterator[bytes]:
    return chunks(long_picture_of(text, "text").decoded())
