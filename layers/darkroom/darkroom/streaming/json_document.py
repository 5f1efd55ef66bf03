"""A JSON document of any size. Its long strings, which are pictures, stay where they are.

Ordinary parsers hold every string in memory. Here a short string stands for each long one, and only the rest is
parsed.
"""

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from darkroom.errors import TooLarge
from darkroom.streaming.blob import Blob, File, Part, chunks

LONG_BYTES = 64 << 10
QUOTED_BYTES = 16 << 10
MAX_PARSED_BYTES = 1_000_000  # parsing takes twenty times as much memory
_MAX_DIGITS = 1000
_MAX_DOUBLES = 8  # values of a repeated name in one object
_IN_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_UNICODE = r"\\(?:u[0-9A-Fa-f]{0,3})?"  # an escape that is cut
_CUT_ESCAPE = rf"(?<!\\)(?:\\\\)*(?P<cut>(?:\\u[dD][89abAB][0-9A-Fa-f]{{2}})?(?:{_UNICODE})?)\Z"
_MARK = "\0long "  # real texts do not begin like this; one that does gets a long string of the same document


class LongString(Part):
    """A string's characters, still escaped as in JSON."""

    def text(self, most_bytes: int) -> str:
        """The text of its first bytes, unescaped."""
        return _said(self[:most_bytes])

    def unescaped(self) -> File:
        """The whole text in UTF-8, unescaped. Raises ValueError if it is not valid JSON."""
        decoder, left, said = codecs.getincrementaldecoder("utf-8")(errors="replace"), "", File()
        for chunk in (*chunks(self), b""):
            text = left + decoder.decode(chunk, final=not chunk)
            cut = re.search(_CUT_ESCAPE, text) if chunk else None
            left = cut["cut"] if cut else ""
            said.append(json.loads(f'"{text.removesuffix(left)}"', strict=False).encode(errors="replace"))
        return said

    def __repr__(self) -> str:
        """Its beginning and its end: the middle may be a picture."""
        return f"{_said(self[:QUOTED_BYTES])} … {_said(self[-QUOTED_BYTES:])}"


def _said(written: bytes) -> str:
    """The text of escaped bytes that may begin and end within a character."""
    text = written.decode(errors="ignore")
    for begin in range(7):
        for end in range(7):
            with suppress(ValueError):
                return str(json.loads(f'"{text[begin : len(text) - end]}"', strict=False))
    return ""


def parsed(blob: Blob) -> Any:
    """The parsed document, with a LongString for each long string.

    Raises ValueError or RecursionError if it is not JSON, TooLarge if it has more text than any real answer.
    """
    found: list[LongString] = []
    outline = bytearray()
    for piece in _pieces(blob):
        if len(outline) + len(piece) > MAX_PARSED_BYTES and not isinstance(piece, LongString):
            raise TooLarge(f"it says more than {MAX_PARSED_BYTES:,} bytes beside its pictures")
        if isinstance(piece, LongString):
            outline += json.dumps(f"{_MARK}{len(found)}").encode()
            found.append(piece)
        else:
            outline += piece[:]
    outlined = json.loads(
        outline.decode("utf-8-sig", errors="replace"),
        parse_int=_number,
        strict=False,
        object_pairs_hook=lambda pairs: _members([(name, _meant(value, found)) for name, value in pairs]),
    )
    return _meant(outlined, found)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object. A repeated name keeps all its values in a list, because any of them may be right."""
    members = dict(pairs)
    return members if len(members) == len(pairs) else _with_doubles(pairs)


def _with_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said: dict[str, list[Any]] = {}
    for name, value in pairs:
        values = said.setdefault(name, [])
        if value not in (None, "", [], {}, *values):
            values.append(value)
            del values[:-_MAX_DOUBLES]
    return {name: values if len(values) > 1 else next(iter(values), None) for name, values in said.items()}


def _number(digits: str) -> float:
    """A whole number. Python refuses to parse one with thousands of digits, so that one becomes a float."""
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _meant(value: Any, found: list[LongString]) -> Any:
    """The value, with each mark, alone or in a list, replaced by its long string."""
    if isinstance(value, str) and value.startswith(_MARK):
        number = value.removeprefix(_MARK)
        return found[int(number)] if number.isdecimal() and len(number) < 6 and int(number) < len(found) else value
    return [_meant(element, found) for element in value] if isinstance(value, list) else value


def _pieces(blob: Blob) -> Iterator[Blob]:
    """The document in order: its long strings, and the text between them."""
    told = 0
    for start, stop in _long_strings(blob):
        yield Part(blob, told, start - 1)
        yield LongString(blob, start, stop)
        told = stop + 1
    yield Part(blob, told, len(blob))


def _long_strings(blob: Blob) -> Iterator[tuple[int, int]]:
    """The start and the end of each long string, without quotation marks."""
    begun = before = told = 0
    is_inside = is_escaped = False
    for chunk in chunks(blob):
        at = int(is_escaped)
        is_escaped = False
        while at < len(chunk):
            quote = chunk.find(b'"', at)
            if is_inside and chunk.find(b"\\", at, quote if quote >= 0 else len(chunk)) >= 0:
                at, is_escaped = _past_escapes(chunk, at)
                if chunk[at : at + 1] != b'"':
                    break
            elif quote < 0:
                break
            else:
                at = quote
            if is_inside and before + at - begun > LONG_BYTES:
                yield begun, before + at
                told = before + at
            is_inside, begun = not is_inside, before + at + 1
            at += 1
        before += len(chunk)
        if not is_inside and before - told > MAX_PARSED_BYTES:
            return  # the text is too large already, so the rest is not read


def _past_escapes(chunk: bytes, at: int) -> tuple[int, bool]:
    """The position where the current string or the chunk ends, and whether the next chunk's first byte is escaped."""
    found = _IN_STRING.match(chunk, at)
    end = found.end() if found else at
    return end, chunk[end:] == b"\\"
