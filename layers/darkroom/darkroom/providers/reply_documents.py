"""The JSON documents in a reply's body: the whole body, or those in its lines.

A relay may send server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), write comments
before the JSON or marks after it, or put each document on a line of its own.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from darkroom.errors import TooLarge
from darkroom.providers.dialect import MAX_PICTURES
from darkroom.providers.picture_strings import has_its_end, long_picture_of
from darkroom.streaming import json_document
from darkroom.streaming.base64_blob import Base64
from darkroom.streaming.blob import Blob, File, Joined, Part, chunks, search
from darkroom.streaming.spelled import respelled

DONE = "[DONE]"  # stands for the mark that ends a stream
BROKEN, EVENT = object(), object()  # stand for a text that is no JSON, and for an event's beginning
MAX_LINES = 50_000
MAX_LINES_BYTES = 8_000_000  # of lines without a picture
_SHORT_BYTES = json_document.LONG_BYTES
_BREAK = re.compile(rb"[\r\n]")
_DATA = re.compile(rb"(?:data:[ \t]{0,9}){1,9}(?=[\[{])|data:")  # some relays repeat it
_JOINED = b"}data:"  # with no line break between two events
_YAML, _YAML_BYTES = re.compile(rb"^data:[ \t]*\r?\n[ \t-]", re.MULTILINE), 4096  # no event continues so
_HEAD_BYTES = 200
_REMARK = re.compile(rb":|(?:event|id|retry)\s*:")

# Lists that encode a picture: bytes as numbers, signed or unsigned, in order or by index; or chunks of Base64.
_LIST = re.compile(
    rb"\[\s{0,40}(?:137|-119|255|-1|82)\s{0,40},\s{0,40}(?:80|216|-40|73)\s{0,40},"
    rb"|\{\s{0,40}\\{0,7}\"0\\{0,7}\"\s{0,40}:\s{0,40}(?:137|-119|255|-1|82)\s{0,40},"
    rb"|\[\s{0,40}\\{0,7}\"(?:data:image/[a-z]{1,9};base64,)?(?:iVBORw0KGgo|\\{0,7}/9j\\{0,7}/|UklGR)"
)
_LIST_BYTES, _QUOTE_BYTES, _QUOTE, _END_OF_LIST = 200, 24, re.compile(rb'"'), re.compile(rb"[\]}]")
_BASE64_BEGINS, _BASE64_BEGINS_BYTES = re.compile(rb"\"(?:iVBORw0KGgo|\\{0,3}/9j|UklGR)"), 12
_FEWEST_BYTES, _NUMBER_BYTES = 60, 200


def document(text: Blob) -> Any:
    """The JSON document in a text, DONE or BROKEN. Raises TooLarge if it is larger than any answer."""
    if len(text) <= 2 * len(DONE) and text[:].strip() == DONE.encode():
        return DONE
    try:
        return json_document.parsed(text)
    except (ValueError, RecursionError):
        return BROKEN


def pieces(text: Blob) -> Iterator[Any]:
    """The documents in a text's lines, in order, with EVENT before those of an event. Raises TooLarge."""
    for is_event, lines in _groups(text):
        if is_event:
            yield EVENT
        joined = document(_joined(lines))
        if joined is not BROKEN:
            yield joined
        elif len(lines) == 1 and is_event:
            yield from map(document, _apart(lines[0]))
        else:
            yield from map(document, lines)


def words(text: Blob) -> Blob:
    """The contents of the events that are no JSON, a line each. Four characters of Base64 may be a JSON number."""
    said = list[Blob]()
    for is_event, lines in _groups(text):
        if is_event and not isinstance(document(joined := _joined(lines)), dict | list | str):
            said.append(Part(joined, joined[:1] == b" ", len(joined)))
    return Joined(said)


def _joined(lines: list[Blob]) -> Blob:
    return Joined(part for line in lines for part in (line, b"\n"))


def _apart(line: Blob) -> Iterator[Blob]:
    """The documents of several events in one line."""
    begin = 0
    while found := search(re.compile(_JOINED), line, begin, width=len(_JOINED)):
        yield Part(line, begin, found[0] + 1)
        begin = found[0] + len(found[1])
    yield Part(line, begin, len(line))


def _groups(text: Blob) -> Iterator[tuple[bool, list[Blob]]]:
    """The data lines of each event; at the end, all lines that belong to no event."""
    data, others, short = list[Blob](), list[Blob](), 0
    is_yaml = _YAML.search(text[:_YAML_BYTES])
    for number, line in enumerate(_lines(text)):
        short += len(line) if len(line) <= _SHORT_BYTES else 0
        if number >= MAX_LINES or short > MAX_LINES_BYTES:
            raise TooLarge("it has more lines than any answer")
        if (field := _DATA.match(line[:_HEAD_BYTES])) and not is_yaml:
            data.append(Part(line, field.end(), len(line)))
        elif not len(line):
            if data:
                yield True, data
            data = []
        elif not _REMARK.match(line[:8]):
            (data or others).append(line)  # of some JSON, only the first line is marked
    if data:
        yield True, data
    if others:
        yield False, others


def _lines(text: Blob) -> Iterator[Blob]:
    begin = 0
    while found := search(_BREAK, text, begin, width=1):
        end, mark = found
        yield Part(text, begin, end)
        begin = end + (2 if mark == b"\r" and text[end + 1 : end + 2] == b"\n" else 1)
    if begin < len(text):
        yield Part(text, begin, len(text))


def with_lists_as_base64(text: Blob) -> Blob | None:
    """The JSON text with one string for each list that encodes a picture; None if there is no such list.

    Such a list may be much larger than the parser's limit.
    """
    parts, position, is_found = list[Blob](), 0, False
    for _ in range(MAX_PICTURES):
        begun = search(_LIST, text, position, width=_LIST_BYTES)
        end = begun and search(_END_OF_LIST, text, begun[0] + 1, width=1)
        if not begun or not end:
            break
        begin, stop = begun[0], end[0] + 1
        if listed := _listed(Part(text, begin + 1, stop - 1)):
            name = re.search(rb"\\*\"(?=[\s:]*\Z)", text[max(0, begin - _QUOTE_BYTES) : begin])
            quote = name[0] if name else b'"'  # in JSON within JSON it has backslashes
            parts += [Part(text, position, begin), quote, listed, quote]
            is_found = True
        else:
            parts.append(Part(text, position, stop := begin + 1))
        position = stop
    return Joined([*parts, Part(text, position, len(text))]) if is_found else None


def _listed(members: Blob) -> Blob | None:
    """The Base64 of a list's members together; None if they are something else."""
    is_text = re.match(rb"[\s\\]*\"[^0]", members[:_LIST_BYTES])
    data = File()
    with suppress(ValueError):
        for part in _chunks_of_base64(members) if is_text else _bytes_of_numbers(members):
            data.append(part)
        if len(data) >= _FEWEST_BYTES:
            return data if is_text else Base64(data)
    return None


def _bytes_of_numbers(members: Blob) -> Iterator[bytes]:
    left = b""
    for read in chain(chunks(members), (b",",)):
        *numbers, left = (left + read).split(b",")
        if len(left) > _NUMBER_BYTES:
            raise ValueError("it is no byte")
        said = [int(number.rpartition(b":")[2]) for number in numbers]
        yield bytes(number + 256 if -128 <= number < 0 else number for number in said)


def _chunks_of_base64(members: Blob) -> Iterator[bytes]:
    """The Base64 of several strings together. Raises ValueError if they are several pictures."""
    start = members[:_LIST_BYTES].index(b'"') + 1
    end = search(_QUOTE, members, start, width=1)
    stop = end[0] if end else len(members)
    first = long_picture_of(Part(members, start, stop))
    if has_its_end(first.decoded()) or search(_BASE64_BEGINS, members, _LIST_BYTES, width=_BASE64_BEGINS_BYTES):
        raise ValueError("it is a list of pictures")
    for part in respelled(Joined((first.written, Part(members, stop, len(members))))):
        yield (said := part.translate(None, b'",' + bytes(range(33))))
        if re.search(rb"[^A-Za-z0-9+/=_-]", said):
            raise ValueError("it is no Base64")
