"""A `.csv` batch: each row is converted into the corresponding line of a `.jsonl`, and handled like one.

The first row names the columns, which are the fields of a line: `custom_id`, `instruction`, `images`, `options.size`,
`metadata.order`. A row may span several lines of the file; a place in the file lies between two rows.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.batches import line_reader
from darkroom.batches.line_reader import LINE_BYTES, UTF_16, Line, Place
from darkroom.domain import request_schema
from darkroom.domain.request_schema import validated
from darkroom.domain.validation import Faults, Shape
from darkroom.errors import Rejected
from darkroom.streaming import charsets

DELIMITERS = (",", ";", "\t")
EXAMPLE = "custom_id,instruction,images"
REMEDY = f"Name the columns in the first row, as in {EXAMPLE}, and upload the file again; nothing was started or paid."
_NAMED_BY_ANYBODY = ("metadata", "options")
_SHAPES = ("options.size", "options.aspect_ratio")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::00)?(?: ?([AP])M)?", re.ASCII | re.IGNORECASE)
_LOST_LETTERS = re.compile(r"[?\s]*\?\?[?\s]*")  # programs write one for each letter that an encoding does not have


@dataclass(frozen=True, slots=True)
class _Columns:
    """The first row: the columns' names, and the delimiter between cells."""

    names: tuple[str, ...]
    delimiter: str


def read(part: Callable[[int], bytes], start: Place, options: Mapping[str, Shape]) -> Iterator[Line]:
    """The rows from a place on, each as JSON. A place's number counts rows including the first. Raises Rejected.

    `part` is as in `line_reader.read`; `options` are the shapes of the allowed options.
    """
    part = _with_line_feeds(part)
    lines = line_reader.read(part, Place())
    head = next(lines, Line(b"", Place()))
    # Excel reads `sep=;` in a first line, and does not show it as a row.
    told = re.fullmatch(rb'"?sep=([,;\t|])"?\s*', head.data or b"", re.IGNORECASE)
    if told:
        head = next(lines, Line(b"", Place()))
    columns = _columns(head, options, told[1].decode() if told else None)
    if start.offset:
        lines = line_reader.read(part, start)
    for row in _rows(lines, max(start.number, 1), columns.delimiter):
        yield _as_json(row, columns, options)


def _with_line_feeds(part: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """The parts of a file whose rows end in CR alone (CSV for Macintosh), with LF instead. Places stay the same."""
    has_cr = False

    def read(offset: int) -> bytes:
        nonlocal has_cr
        piece = part(offset)
        if not offset:  # the first row is always read first
            at, feed = piece.find(b"\r"), piece.find(b"\n")
            has_cr = 0 <= at < len(piece) - 1 and feed != at + 1 and not 0 <= feed < at
        return piece.replace(b"\r", b"\n") if has_cr else piece

    return read


def _columns(head: Line, options: Mapping[str, Shape], told: str | None) -> _Columns:
    """The columns that the first row names. Raises Rejected if they cannot be the fields of a line."""
    try:
        text = _decoded(head)
        delimiter = told or max(DELIMITERS, key=text.count)
        columns = _Columns(tuple(name.strip() for name in _cells(text, delimiter)), delimiter)
        named = [name for name in columns.names if name]
        if twice := [name for name, count in Counter(named).items() if count > 1]:
            raise ValueError(f"body: two columns have the name {twice[0]!r}")
        validated(request_schema.Line, _sample(named), REMEDY, options=options)
    except ValueError as error:
        raise _refused(str(error)) from error
    except Rejected as rejection:
        raise _refused(rejection.message, rejection.param) from rejection
    return columns


def _decoded(head: Line) -> str:
    if head.data is None:
        raise ValueError(f"body: is over {LINE_BYTES:,} bytes")
    try:
        return head.data.decode()
    except UnicodeDecodeError as error:
        looks = "is UTF-16: save it as UTF-8" if head.data.startswith(UTF_16) else charsets.told(head.data)
        raise ValueError(f"body: {looks}") from error


def _refused(said: str, param: str | None = "body") -> Rejected:
    return Rejected("invalid_request", f"row 1 has to name the columns: {said}", hint=REMEDY, param=param)


def _sample(names: list[str]) -> dict[str, Any]:
    """A row that is valid except, perhaps, for the names of its columns."""
    sample: dict[str, Any] = {}
    for name in names:
        is_needed = name in ("custom_id", "instruction", *_NAMED_BY_ANYBODY) or name.startswith("metadata.")
        _put(sample, name, "-" if is_needed else None)
    return sample


def _rows(lines: Iterator[Line], number: int, delimiter: str) -> Iterator[Line]:
    """The rows as they stand in the file. A line break inside quotes does not end a row."""
    opening = re.compile(rb'(?:^|%b) *"' % re.escape(delimiter.encode()))
    held, is_too_long, is_open = bytearray(), False, False
    after = Place()
    for line in lines:
        after = Place(line.after.offset, number + 1)
        is_too_long = is_too_long or line.data is None or len(held) + len(line.data) > LINE_BYTES
        held += b"" if is_too_long or line.data is None else line.data + b"\n"
        is_open = line.data is not None and _is_open(line.data, opening, is_open)
        if not is_open:
            yield Line(None if is_too_long else bytes(held), after)
            held, is_too_long, number = bytearray(), False, number + 1
    if is_open:
        yield Line(None if is_too_long else bytes(held), after)


def _is_open(line: bytes, opening: re.Pattern[bytes], is_open: bool) -> bool:
    """Whether a quoted cell continues on the next line. `is_open` says so of this line."""
    at = 0
    while True:
        if is_open:
            at = line.find(b'"', at) + 1
            if not at:
                return True
            is_open = line.startswith(b'"', at)  # a doubled quote stands for one
            at += is_open
        elif found := opening.search(line, at):
            at, is_open = found.end(), True
        else:
            return False


def _as_json(row: Line, columns: _Columns, options: Mapping[str, Shape]) -> Line:
    if row.data is None:
        return Line(None, row.after, f"is over {LINE_BYTES:,} bytes: is a quotation mark never closed?")
    try:
        document = _document(row.data.decode(), columns, options)
    except UnicodeDecodeError:
        return Line(None, row.after, charsets.told(row.data))
    except ValueError as error:
        return Line(None, row.after, str(error))
    return Line(json.dumps(document, ensure_ascii=False).encode() if document else b"", row.after)


def _document(text: str, columns: _Columns, options: Mapping[str, Shape]) -> dict[str, Any]:
    """The request of a row. Empty cells are left out. Raises ValueError."""
    cells = [cell.strip().replace("\r\n", "\n") for cell in _cells(text, columns.delimiter)]
    names = columns.names
    if any(cells[len(names) :]) or any(cell and not name for name, cell in zip(names, cells, strict=False)):
        raise ValueError(f"has a cell beyond its named columns: quote a cell that holds {columns.delimiter!r}")
    document: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=False):
        if cell:
            _put(document, name, value(name, cell, options))
    if _LOST_LETTERS.fullmatch(document.get("instruction", "")):
        raise ValueError("the words are nothing but question marks: the file's encoding has no such letters, use UTF-8")
    return document


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise ValueError(_in_our_words(str(error))) from error


def _in_our_words(said: str) -> str:
    """Our own sentence for an error of Python's reader."""
    if "new-line" in said:
        return "has a line break outside quotes: quote a cell that holds one"
    if "limit" in said:
        return f"has a cell over {csv.field_size_limit():,} characters"
    return 'has quotes that do not close, or are not doubled inside a cell ("")'


def _put(document: dict[str, Any], name: str, given: Any) -> None:
    """Set the field at its place: `options.size` is the `size` of `options`."""
    outer, dot, inner = name.partition(".")
    part = document.setdefault(outer, {}) if dot else document
    if isinstance(part, dict):
        part[inner if dot else name] = given


def value(name: str, cell: str, options: Mapping[str, Shape]) -> Any:
    """The value of a cell: text, except for lists of pictures, and for numbers where the shape needs one.

    `name` is its column's.
    """
    if name == "images":
        return [key.strip() for key in cell.split("|") if key.strip()] if "|" in cell else cell.split()
    if name in _SHAPES:
        cell = _shape(cell)
    faults: Faults = []
    option = options.get(name.removeprefix("options.")) if name.startswith("options.") else None
    if option:
        option(name, cell, faults)
    return _number(cell) if faults or name == "parent_turn" else cell


def _shape(cell: str) -> str:
    """The aspect ratio that was typed. A spreadsheet turns 16:9 into a time: 16:09, 16:09:00 or 4:09 PM."""
    time = _TIME.fullmatch(cell)
    if not time:
        return cell
    hours, minutes, half = int(time[1]), int(time[2]), (time[3] or "").upper()
    return f"{hours % 12 + 12 * (half == 'P') if half else hours}:{minutes}"


def _number(cell: str) -> Any:
    """The cell as a number, or as its text if it is none."""
    if re.fullmatch(r"-?\d{1,9}", cell, re.ASCII):
        return int(cell)
    return float(cell) if re.fullmatch(r"-?\d{1,9}\.\d{1,9}", cell, re.ASCII) else cell
