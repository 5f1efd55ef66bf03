"""The lines of a batch file, each read as the functions read it."""

from collections.abc import Iterator
from typing import NamedTuple

from darkroom.batches import batch_file, csv_file, line_reader
from darkroom.batches.line_reader import Line, Place
from darkroom.domain import request_file
from darkroom.domain.request_schema import ImageRef, RequestRules
from darkroom.domain.upload import Upload
from darkroom.errors import FieldFault, Rejected, invalid
from darkroom_client.checking.folder import LocalFolder

Seen = dict[tuple[str, str], tuple[int, str]]
"""Of each thread and id the line, and what it asks for."""


class Checked(NamedTuple):
    """How many lines ask for something, how many of them have faults, and the first of these with their numbers."""

    total: int
    failed: int
    faults: list[tuple[int, Rejected]]


def checked(folder: LocalFolder, file: Upload, rules: RequestRules, most_faults: int) -> Checked:
    """What is wrong with which line. Raises Rejected where that is so of the whole file."""
    total, failed, faults, seen = 0, 0, list[tuple[int, Rejected]](), Seen()
    for line in _lines(folder, file, rules):
        number = line.after.number
        if line.is_blank or (number == 1 and request_file.max_calls(line.data)):
            continue
        total += 1
        try:
            _check(line, file, rules, seen)
        except Rejected as fault:
            failed += 1
            faults += [(number, fault)] if len(faults) < most_faults else []
    if total > batch_file.MAX_LINES:
        hint = "Split it into several files, and upload those."
        raise Rejected("invalid_request", f"the file has over {batch_file.MAX_LINES:,} lines", hint=hint)
    return Checked(total, failed, faults)


def _lines(folder: LocalFolder, file: Upload, rules: RequestRules) -> Iterator[Line]:
    part = lambda offset: folder.part(ImageRef(file.bucket, file.key), offset) or b""  # noqa: E731
    if file.extension.lower() == ".csv":
        return csv_file.read(part, Place(), rules.options)
    return line_reader.read(part, Place())


def _check(line: Line, file: Upload, rules: RequestRules, seen: Seen) -> None:
    """Raises Rejected, too, where an earlier line of the thread asks for something else under the same id."""
    if line.data is None:
        raise invalid([FieldFault("body", line.fault)], request_file.LINE_REMEDY)
    folder = batch_file.folder_of(file.bucket, file.key)
    asked = request_file.of_line(line.data, folder=folder, stem=file.stem, rules=rules)
    own = (line.after.number, asked.fingerprint)
    earlier, fingerprint = seen.setdefault((asked.thread_id, asked.request_id), own)
    if fingerprint != asked.fingerprint:
        fault = FieldFault("custom_id", f"is that of line {earlier}, which asks for something else")
        raise invalid([fault], request_file.LINE_REMEDY)
