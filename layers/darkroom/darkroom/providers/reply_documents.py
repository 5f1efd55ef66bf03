"""The JSON documents in a reply's body: the whole of it, or those of its lines.

A relay may send server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), write comments
before the JSON or marks after it, or put each document on a line of its own.
"""

import re
from collections.abc import Iterator
from typing import Any

from darkroom.errors import TooLarge
from darkroom.streaming import json_document
from darkroom.streaming.blob import Blob, Joined, Part, search

DONE = "[DONE]"  # stands for the mark that ends a stream
BROKEN, EVENT = object(), object()  # stand for what is no JSON document, and for the beginning of an event
MAX_LINES = 50_000
MAX_LINES_BYTES = 8_000_000  # of lines without a picture
_SHORT_BYTES = json_document.LONG_BYTES
_BREAK = re.compile(rb"[\r\n]")
_REMARK = re.compile(rb":|(?:event|id|retry)\s*:")


def document(text: Blob) -> Any:
    """The document that a text is, DONE or BROKEN. Raises TooLarge where it says more than any answer does."""
    if len(text) <= 2 * len(DONE) and text[:].strip() == DONE.encode():
        return DONE
    try:
        return json_document.parsed(text)
    except (ValueError, RecursionError):
        return BROKEN


def pieces(text: Blob) -> Iterator[Any]:
    """The documents of a text's lines in their order, EVENT before those of an event. Raises TooLarge as well."""
    for is_event, lines in _groups(text):
        if is_event:
            yield EVENT
        joined = document(Joined(part for line in lines for part in (line, b"\n")))
        if joined is not BROKEN or len(lines) == 1:
            yield joined
        else:
            yield from map(document, lines)


def _groups(text: Blob) -> Iterator[tuple[bool, list[Blob]]]:
    """The data lines of each event; at the end all lines that belong to none."""
    data, others, short = list[Blob](), list[Blob](), 0
    for number, line in enumerate(_lines(text)):
        short += len(line) if len(line) <= _SHORT_BYTES else 0
        if number >= MAX_LINES or short > MAX_LINES_BYTES:
            raise TooLarge("it has more lines than any answer")
        if line[:5] == b"data:":
            data.append(Part(line, 5, len(line)))
        elif not len(line):
            if data:
                yield True, data
            data = []
        elif not _REMARK.match(line[:8]):
            others.append(line)
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
