"""Pictures that a text shows: as Markdown, as HTML, as a data URI, or as the bare address of one."""

import re
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from darkroom.domain import picture_formats
from darkroom.providers.dialect import Encoded
from darkroom.providers.reply import without_lone_surrogates
from darkroom.streaming.blob import Blob, Part, search
from darkroom.streaming.json_document import LongString

MAX_PICTURES = 32  # far over any answer; the last are the final ones
MAX_TEXT_BYTES = 100_000  # of what is said before, between and after pictures
_DATA_URI_BYTES = 200  # within them is the comma before the picture
_TAIL_BYTES = 2000  # of a bare data URI and the words that follow it without a space


class Told(NamedTuple):
    """What a text says without the pictures that it shows, those pictures, and the bare addresses of pictures."""

    words: str
    pictures: list[Encoded | str]
    addresses: list[str]


# A label holds brackets at most one deep, and an address no `[`, so that words that are full of beginnings are read
# once, and not from each of them.
_ADDRESS = r"(?:[^\s()<>\[\]\"']|\([^\s()<>\[\]]{0,200}\))+"
_MARKDOWN = re.compile(
    r"!\[(?:[^\[\]]|\[[^\[\]]{0,200}\]){0,2000}\]\(\s*<?"
    rf"(?P<picture>data:image/[^)>\[\]\"']+|https?://{_ADDRESS})>?(?:\s+[\"'(][^\[\]()]{{0,500}}[\"')])?\s*\)"
)
_HTML = re.compile(
    r"<img\b[^<>]{0,500}?\bsrc\s*=\s*[\"']?(?P<picture>data:image/[^\"'<>]+|https?://[^\s\"'<>]+)[^<>]{0,500}>",
    re.IGNORECASE,
)
_BARE_DATA_URI = re.compile(r"(?P<picture>data:image/[\w.+-]{1,30};base64,[\w+/=-]{16,})")
_FORMS = (_MARKDOWN, _HTML, _BARE_DATA_URI)
_LINK = re.compile(r"https?://[^\s<>\"'()\[\]`]+")
_AFTER_LINK = ".,;:!?*_。，；：！？、）」"

# The same of what is not held in memory. A quotation mark has a backslash before it there.
_DATA_URI, _END = re.compile(rb"data:image/"), re.compile(rb"[)\"'<> ]")
_END_OF_LINE = re.compile(rb"=(?=\\[nr])|\\n\\n")  # of a bare one: its Base64 may be in lines itself
_OPENING = re.compile(r"(?:!\[[^\[\]]*\]\(\s*<?|<img\b[^<>]*)$", re.IGNORECASE)
_CLOSING = re.compile(r"\s*>?\s*\)|[\"'][^<>\[\]]{0,500}>")


def told(value: str | LongString) -> Told:
    """What a text of JSON's says."""
    if isinstance(value, LongString):
        return _long_told(value)
    return _short_told(without_lone_surrogates(value))


def picture_of(value: str) -> Encoded | str:
    """A picture that a string is: an address as it stands, or its Base64."""
    text = value.strip()
    if text.startswith("data:"):
        return Encoded(text.partition(",")[2].encode(errors="replace"))
    return text if text.startswith(("http://", "https://")) else Encoded(text.encode(errors="replace"))


def long_picture_of(value: Blob, form: Literal["text", "json"] = "json") -> Encoded:
    """The same of a string that is not held in memory. No address is as long."""
    head = value[:_DATA_URI_BYTES]
    begin = head.find(b",") + 1 if b"data:" in head else 0
    return Encoded(Part(value, begin, len(value)), form)


def is_address_of_picture(text: str) -> bool:
    """Whether an address ends as the names of pictures do."""
    try:
        path = urlsplit(text).path.lower()
    except ValueError:
        return False
    return any(path.endswith(ending) for ending in picture_formats.ENDINGS)


def _short_told(text: str) -> Told:
    pictures = list[Encoded | str]()
    for form in _FORMS:
        pictures += [picture_of(found["picture"]) for found in form.finditer(text)]
        text = form.sub("", text)
    links = (link.rstrip(_AFTER_LINK) for link in _LINK.findall(text))
    return Told(text, pictures, [link for link in links if is_address_of_picture(link)])


def _long_told(value: LongString) -> Told:
    """Its pictures stay where they are."""
    words, pictures, position = "", list[Encoded | str](), 0
    for _ in range(MAX_PICTURES):  # each beginning costs a look at all the words before it
        begin = search(_DATA_URI, value, position, width=11)
        if not begin:
            break
        stop = _end_of_data_uri(value, begin[0])
        words = _OPENING.sub("", words + _said_between(value, position, begin[0]))
        picture = Part(value, begin[0], stop)
        if b";base64," in picture[:_DATA_URI_BYTES]:
            pictures.append(long_picture_of(picture))
        position = stop
    rest = _short_told(without_lone_surrogates(words + _said_between(value, position, len(value)))[:MAX_TEXT_BYTES])
    return Told(rest.words, pictures + rest.pictures, rest.addresses)


def _said_between(value: LongString, start: int, stop: int) -> str:
    """The words there, without what closes the picture before them."""
    words = LongString(value, start, stop).text(MAX_TEXT_BYTES)
    closing = _CLOSING.match(words) if start else None
    return words[closing.end() :] if closing else words


def _end_of_data_uri(value: LongString, begin: int) -> int:
    found = search(_END, value, begin, width=1)
    stop = found[0] if found else len(value)
    tail = max(begin, stop - _TAIL_BYTES)
    if broken := _END_OF_LINE.search(value[tail:stop]):
        return tail + broken.start() + (broken[0] == b"=")
    return stop - (value[stop - 1 : stop] == b"\\")
