"""A JSON document of any size: its long strings, which are pictures, are left where they are.

The parsers of the field hold a string in memory whole. Here one that is long becomes a short one that stands for it,
and only the rest is parsed.
"""

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from darkroom.errors import TooLarge
from darkroom.streaming.blob import Blob, File, Part, chunks

LONG_BYTES = 64 << 10
QUOTED_BYTES = 16 << 10
MAX_PARSED_BYTES = 1_000_000  # which take twenty times as much memory
_MAX_DIGITS = 1000
_MAX_DOUBLES = 8  # of one name in one object
_IN_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_UNICODE = r"\\(?:u[0-9A-Fa-f]{0,3})?"  # an escape that is cut
_CUT_ESCAPE = rf"(?<!\\)(?:\\\\)*(?P<cut>(?:\\u[dD][89abAB][0-9A-Fa-f]{{2}})?(?:{_UNICODE})?)\Z"
_MARK = "\0long "  # no text begins so; who writes it all the same gets one of his own long strings


class LongString(Part):
    """A string's characters, still as JSON writes them."""

    def text(self, most_bytes: int) -> str:
        """What it says, as far as so many bytes go."""
        return _said(self[:most_bytes])

    def unescaped(self) -> File:
        """All that it says, in UTF-8. Raises ValueError where JSON writes nothing so."""
        decoder, left, said = codecs.getincrementaldecoder("utf-8")(errors="replace"), "", File()
        for chunk in (*chunks(self), b""):
            text = left + decoder.decode(chunk, final=not chunk)
            cut = re.search(_CUT_ESCAPE, text) if chunk else None
            left = cut["cut"] if cut else ""
            said.append(json.loads(f'"{text.removesuffix(left)}"', strict=False).encode(errors="replace"))
        return said

    def __repr__(self) -> str:
        """How it begins and ends: in between may be a picture that it quotes."""
        return f"{_said(self[:QUOTED_BYTES])} … {_said(self[-QUOTED_BYTES:])}"


class Spelled(NamedTuple):
    """A value that JSON writes so already, in parts."""

    parts: tuple[Blob, ...]


def written(document: object) -> Iterator[Blob]:
    """A document as JSON, in parts: what is large in it stays where it is."""
    if isinstance(document, Spelled):
        yield from document.parts
    elif isinstance(document, LongString):
        yield from (b'"', document, b'"')
    elif isinstance(document, dict):
        for position, (name, inner) in enumerate(document.items()):
            yield (", " if position else "{").encode() + json.dumps(name).encode() + b": "
            yield from written(inner)
        yield b"}" if document else b"{}"
    elif isinstance(document, list | tuple):
        for position, inner in enumerate(document):
            yield b", " if position else b"["
            yield from written(inner)
        yield b"]" if document else b"[]"
    else:
        yield json.dumps(document, ensure_ascii=False).encode()


def _said(written: bytes) -> str:
    """The characters that JSON writes so, which may begin and end in the middle of one."""
    text = written.decode(errors="ignore")
    for begin in range(7):
        for end in range(7):
            with suppress(ValueError):
                return str(json.loads(f'"{text[begin : len(text) - end]}"', strict=False))
    return ""


def parsed(blob: Blob) -> Any:
    """The document, with a LongString for each long one.

    Raises ValueError or RecursionError where it is none, TooLarge where it says more than any answer.
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
    """Of a name that stands twice all that it says is kept, in a list: either may be what was meant."""
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
    """Python reads no whole number of thousands of digits."""
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _meant(value: Any, found: list[LongString]) -> Any:
    """What stands for a long string, alone or in a list, is that string."""
    if isinstance(value, str) and value.startswith(_MARK):
        number = value.removeprefix(_MARK)
        return found[int(number)] if number.isdecimal() and len(number) < 6 and int(number) < len(found) else value
    return [_meant(element, found) for element in value] if isinstance(value, list) else value


def _pieces(blob: Blob) -> Iterator[Blob]:
    """The document in order: its long strings, and what lies between them."""
    told = 0
    for start, stop in _long_strings(blob):
        yield Part(blob, told, start - 1)
        yield LongString(blob, start, stop)
        told = stop + 1
    yield Part(blob, told, len(blob))


def _long_strings(blob: Blob) -> Iterator[tuple[int, int]]:
    """Where they begin and end, without their quotation marks."""
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
            return  # what follows is not looked at: this alone is too much


def _past_escapes(chunk: bytes, at: int) -> tuple[int, bool]:
    """Where a string that goes on here stops within the chunk, and whether the next chunk's first byte is escaped."""
    found = _IN_STRING.match(chunk, at)
    end = found.end() if found else at
    return end, chunk[end:] == b"\\"
