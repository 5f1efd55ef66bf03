"""Finds the pictures in a text: Markdown, HTML, data URIs, bare Base64, and addresses of pictures."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from darkroom.providers import picture_strings
from darkroom.providers.dialect import MAX_PICTURES, Encoded
from darkroom.providers.picture_strings import HEAD_BYTES, long_picture_of, picture_of
from darkroom.providers.reply import without_lone_surrogates
from darkroom.streaming.blob import Blob, Part, search
from darkroom.streaming.json_document import LongString
from darkroom.streaming.spelled import respelled

MAX_TEXT_BYTES = 100_000  # of the words before, between and after pictures
_FEWEST_BYTES = 60  # of the Base64 of a picture
_TAIL_BYTES = 2000  # of a bare data URI and the words that follow it without a space


class Told(NamedTuple):
    """A text's words without its pictures, those pictures, and the bare addresses of pictures."""

    words: str
    pictures: list[Encoded | str]
    addresses: list[str]


# A label holds brackets at most one deep, and an address holds no `[`. So a text that is full of beginnings is read
# once, and not again from each of them.
_ADDRESS = r"(?:[^\s()<>\[\]\"']|\([^\s()<>\[\]]{0,200}\))+"
_MARKDOWN = re.compile(
    r"!\[(?:[^\[\]]|\[[^\[\]]{0,200}\]){0,2000}\]\(\s*<?"
    rf"(?P<picture>data:image/[^)>\[\]\"']+|https?://{_ADDRESS})>?(?:\s+[\"'(][^\[\]()]{{0,500}}[\"')])?\s*\)"
)
_HTML = re.compile(
    r"<img\b[^<>]{0,500}?\bsrc\s*=\s*[\"']?(?P<picture>data:image/[^\"'<>]+|https?://[^\s\"'<>]+)[^<>]{0,500}>",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?<![A-Za-z0-9+/])(?P<picture>data:image/[\w.+-]{1,30};base64,[\w+/=-]{60,}"
    r"|(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR)[\w+/=-]{60,}"
    r"(?:\s+[\w+/=-]{60,})*(?:\s+[\w+/=-]{1,76}(?=\s*(?:$|[<`\"')\]}-])))?)"
)
_FORMS = (_MARKDOWN, _HTML, _BARE)
_LINK = re.compile(r"https?:(?://|\\/\\/)[^\s<>\"'()\[\]`]+", re.IGNORECASE)
_OF_LINKS = re.compile(r"[A-Za-z0-9._~:/?#@!$&*+,;=%-]+")  # the characters of an unescaped address
_AFTER_ESCAPED_LINK = re.compile(r"&(?:quot|apos|gt|lt|#\d{2,3}|#x[0-9a-f]{2});.*", re.IGNORECASE | re.DOTALL)
_AFTER_LINK = ".,;:!?*_。，；：！？、）」"

# The same for text on disk, as JSON writes it: a backslash precedes a quotation mark, and may precede a slash. Each
# alternative begins with letters and looks back after them, because the engine finds letters ten times as fast, and an
# answer may have 160 MB.
_ALONE = rb"(?:(?<![A-Za-z0-9+/]%b)|(?<=\\[nrt]%b)|(?<=%%2[Cc]%b))"
_FIRST_LETTERS = (
    (rb"iVBO", rb"Rw0KGgo"),
    (rb"R0lG", rb"OD[dl]h"),
    (rb"UklG", rb"R"),
    (rb"AAAA..Z0eX", rb""),
    *((slash + rb"9j", rb"(?:\\?/|%2[Ff])") for slash in (rb"/", rb"\\/", rb"%2[Ff]")),
)
_BEGINNING = re.compile(
    b"|".join((rb"data:image/", *(first + _ALONE % (first, first, first) + rest for first, rest in _FIRST_LETTERS)))
)
_BEGINNING_BYTES = 11  # the longest
_END, _END_OF_BARE = re.compile(rb"[)\"'<> ]"), re.compile(rb"[^A-Za-z0-9+/=_\\%-]")
_LINE, _FEWEST_OF_LINE, _MOST_OF_LINE = re.compile(rb"\r?\n[ \t]{0,40}([A-Za-z0-9+/=_-]+)"), 60, 1000
_END_OF_LINE = re.compile(rb"=(?=\\[nr])|\\n\\n")  # of bare Base64, which may be in lines itself
_OPENING = re.compile(r"(?:!\[[^\[\]]*\]\(\s*<?|<img\b[^<>]*)$", re.IGNORECASE)
_CLOSING = re.compile(r"\s*>?\s*\)|[\"'][^<>\[\]]{0,500}>")

# Picture files among other bytes.
_RAW = re.compile(rb"\x89PNG\r\n\x1a\n\0\0\0\rIHDR|\xff\xd8\xff[\xc0-\xfe]|RIFF....WEBPVP8|GIF8[79]a", re.DOTALL)
_RAW_BYTES = 16  # the longest
_PNG_END, _JPEG_END, _END_BYTES = re.compile(rb"IEND\xaeB`\x82"), re.compile(rb"\xff\xd9"), 8
_ENDS = {b"\x89": _PNG_END, b"\xff": _JPEG_END}


def told(value: str | LongString) -> Told:
    """The words and the pictures in a JSON string."""
    if isinstance(value, LongString):
        return _long_told(value)
    return _short_told(without_lone_surrogates(value))


def quoted(text: Blob) -> Iterator["Quoted"]:
    """The data URIs and the Base64 of pictures in a text on disk, whatever surrounds them."""
    position = 0
    for _ in range(MAX_PICTURES):
        begin = search(_BEGINNING, text, position, width=_BEGINNING_BYTES)
        if not begin:
            return
        is_bare = begin[1] != b"data:image/"
        picture = Quoted(text, begin[0], _end(text, begin[0], is_bare=is_bare))
        position = max(picture.stop, picture.start + _BEGINNING_BYTES)
        head = b"".join(respelled(picture[:HEAD_BYTES])).decode()
        is_picture = picture_strings.begins_like_picture(head) if is_bare else ";base64," in head
        if len(picture) >= _FEWEST_BYTES and is_picture:
            yield picture


def embedded(text: Blob) -> Iterator[Encoded]:
    """Whole picture files among other bytes.

    Only a PNG shows where it ends. A file of another format may hold a smaller picture, so the search ends with it.
    """
    position = 0
    for _ in range(MAX_PICTURES):
        begun = search(_RAW, text, position, width=_RAW_BYTES)
        if not begun:
            return
        end = _ENDS.get(begun[1][:1])
        found = search(end, text, begun[0], width=_END_BYTES) if end else (len(text), b"")
        if not found:
            return  # it was cut
        position = found[0] + _END_BYTES if end is _PNG_END else len(text)
        yield Encoded(Part(text, begun[0], position), "bytes")


class Quoted(Part):
    """A part of a text, with its start and its end."""

    def __init__(self, whole: Blob, start: int, stop: int) -> None:
        super().__init__(whole, start, stop)
        self.start, self.stop = start, stop


def _short_told(text: str) -> Told:
    pictures = list[Encoded | str]()
    for form in _FORMS:
        pictures += [picture_of(found["picture"]) for found in form.finditer(text)]
        text = form.sub("", text)
    return Told(text, pictures, list(filter(None, map(_address_in, _LINK.findall(text)))))


def _address_in(link: str) -> str:
    """The address of a picture at the beginning of a link; empty if the link leads to something else.

    Words may follow an address without a space. Chinese letters may belong to either, so the shorter address is tried
    first.
    """
    link = _AFTER_ESCAPED_LINK.sub("", link.replace("\\/", "/")).replace("&amp;", "&")
    plain = _OF_LINKS.match(link)
    whole = [each.rstrip(_AFTER_LINK) for each in (plain[0] if plain else "", link)]
    for address in whole:
        if picture_strings.is_address_of_picture(address):
            return address
    return next(filter(None, map(picture_strings.beginning_as_address_of_picture, whole)), "")


def _long_told(value: LongString) -> Told:
    """The same for a string on disk. Its pictures stay there."""
    words, pictures, position = "", list[Encoded | str](), 0
    for picture in quoted(value):
        words = _OPENING.sub("", words + _said_between(value, position, picture.start))
        pictures.append(long_picture_of(picture))
        position = picture.stop
    rest = _short_told(without_lone_surrogates(words + _said_between(value, position, len(value)))[:MAX_TEXT_BYTES])
    return Told(rest.words, pictures + rest.pictures, rest.addresses)


def _said_between(value: LongString, start: int, stop: int) -> str:
    """The words between two places, without the characters that close the picture before them."""
    words = LongString(value, start, stop).text(MAX_TEXT_BYTES)
    closing = _CLOSING.match(words) if start else None
    return words[closing.end() :] if closing else words


def _end(text: Blob, begin: int, *, is_bare: bool) -> int:
    found = search(_END_OF_BARE if is_bare else _END, text, begin, width=1)
    stop = found[0] if found else len(text)
    if found and found[1] in b"\r\n" and _FEWEST_OF_LINE <= stop - begin <= _MOST_OF_LINE:
        return _end_of_lines(text, stop, stop - begin)
    tail = max(begin, stop - _TAIL_BYTES)
    if broken := _END_OF_LINE.search(text[tail:stop]):
        return tail + broken.start() + (broken[0] == b"=")
    return stop - (text[stop - 1 : stop] == b"\\")


def _end_of_lines(text: Blob, stop: int, length: int) -> int:
    """The end of Base64 whose first line has this length and ends at `stop`. All lines but the last are as long."""
    while line := _LINE.match(text[stop : stop + length + 44]):
        if len(line[1]) > length:
            return stop
        stop += line.end()
        if len(line[1]) < length:
            return stop
    return stop
