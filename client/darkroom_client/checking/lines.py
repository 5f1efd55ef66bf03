"""The lines of a local batch file, read as the functions read them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from darkroom.batches import csv_file, line_reader
from darkroom.batches.batch_file import BatchFile
from darkroom.batches.handler import assert_acceptable, bound_of
from darkroom.batches.line_reader import Line, Place
from darkroom.batches.step import request_of
from darkroom.domain.request import Request
from darkroom.domain.request_schema import RequestRules
from darkroom.domain.validation import Shape
from darkroom.errors import Rejected

Part = Callable[[int], bytes]
"""Reads bytes of a file from an offset. It chooses their number, and returns none at the end of the file."""

Seen = dict[tuple[str, str], tuple[str, int]]
"""The fingerprint and the line number of each thread and id."""


class Fault(NamedTuple):
    """A fault of a line, or of the whole file (line 0)."""

    line: int
    message: str
    hint: str | None


def looked_at(
    part: Part, batch: BatchFile, rules: RequestRules, note: Callable[[int, Request], None] | None = None
) -> tuple[int, list[Fault]]:
    """Counts the requests, and lists all faults. `note` is called with each request that has none."""
    requests, faults, seen = 0, list[Fault](), Seen()
    try:
        for line in of_file(part, rules.options, is_table=batch.is_table):
            is_request = not line.is_blank and not bound_of(line)
            requests += is_request
            assert_acceptable(line, requests)
            if is_request and (fault := _fault(line, batch, rules, seen, note)):
                faults.append(fault)
    except Rejected as rejection:
        return requests, [Fault(0, rejection.message, rejection.hint)]
    if not requests:
        return 0, [Fault(0, "the file has no line that says anything", "Write a request into each line.")]
    return requests, faults


def of_file(part: Part, options: Mapping[str, Shape], *, is_table: bool) -> Iterator[Line]:
    """The lines of a file, or the rows of a table. Raises Rejected."""
    if is_table:
        return csv_file.read(part, Place(), options)
    return line_reader.read(part, Place())


def _fault(
    line: Line, batch: BatchFile, rules: RequestRules, seen: Seen, note: Callable[[int, Request], None] | None
) -> Fault | None:
    """The fault of a line, alone or together with the lines before it. None if it has none."""
    number = line.after.number
    try:
        asked = request_of(line, batch, rules)
    except Rejected as rejection:
        said = re.sub(r"^(line|row) \d+: ", "", rejection.message)
        return Fault(number, re.sub(r"^body: ", f"the {'row' if batch.is_table else 'line'} ", said), rejection.hint)
    fingerprint, first = seen.setdefault((asked.thread_id, asked.request_id), (asked.fingerprint, number))
    if fingerprint != asked.fingerprint:
        return Fault(number, f"custom_id: is already used in line {first}, for another request", None)
    if note:
        note(number, asked)
    return None
