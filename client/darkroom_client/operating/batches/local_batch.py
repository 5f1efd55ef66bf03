"""A batch file of this machine: what it asks for, and what is wrong with it, by the functions' own reader."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from darkroom.batches import batch_file, line_reader
from darkroom.batches.handler import bound_of
from darkroom.batches.line_reader import Line, Place
from darkroom.domain import upload
from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.domain.price import parsed
from darkroom.domain.request import Request
from darkroom.domain.request_schema import RequestRules
from darkroom.errors import Rejected
from darkroom.providers.dialect_table import DIALECTS
from darkroom_client.checking import lines
from darkroom_client.checking.lines import Fault
from darkroom_client.errors import Invalid, Trouble
from darkroom_client.operating.backfill import bill
from darkroom_client.operating.batches import pictures
from darkroom_client.stacks.stack import Stack

PART_BYTES = 1 << 20
TABLE = ".csv"
_BYTE_ORDER_MARK = line_reader.BYTE_ORDER_MARK


class LocalBatch(NamedTuple):
    """A batch file as it is to be uploaded. `requests` counts its lines that ask for something."""

    key: str
    data: bytes
    requests: int
    faults: list[Fault]
    max_calls: int | None = None

    def bill(self, parameters: Mapping[str, str]) -> list[str]:
        """Says how much it costs at most in the stack with these parameters."""
        calls = self.requests if self.max_calls is None else min(self.requests, self.max_calls)
        price = parsed(parameters.get("PricePerImage", ""))
        return bill(calls, price, 1 if self.max_calls else int(parameters.get("MaxPaidCalls", 1)))


def key_of(named: str, bucket: str) -> str:
    """The key of a batch file in the uploads bucket: its path below the working folder, or else its name alone.

    It may be given as an `s3://` URI. Raises Invalid where no upload of that name is a batch.
    """
    path = Path(named)
    if named.startswith(f"s3://{bucket}/"):
        key = named.removeprefix(f"s3://{bucket}/")
    elif path.is_absolute() or ".." in path.parts:
        key = path.name
    else:
        key = path.as_posix()
    if upload.of_key(bucket, key).kind != "batch":
        way_out = "Its name has to end in .jsonl or .csv, and nothing of it may begin with a dot."
        raise Invalid(f"{key!r} is no batch", way_out)
    return key


def read(path: Path, named: str, stack: Stack, max_calls: int | None) -> LocalBatch:
    """Reads the file at `path`, and looks at each line and each picture. Uploads nothing. Raises Trouble.

    `named` is where it lies for the person who names it: its key follows from that. `max_calls` becomes its first line;
    a table, which has no place for it, becomes the lines that it stands for.
    """
    bucket = stack.outputs["UploadsBucket"]
    key, data = key_of(named, bucket), _bytes_of(path)
    if max_calls is not None:
        key, data = _bounded(key, data, max_calls)
    batch = batch_file.uploaded(upload.of_key(bucket, key), 0)
    keeps_apart = stack.parameters.get("KeepFoldersApart") == "true"
    rules = RequestRules(
        (bucket, stack.outputs["ResultsBucket"]), DIALECTS[DEFAULT_DIALECT].options, keeps_folders_apart=keeps_apart
    )
    asked: list[tuple[int, Request]] = []
    requests, faults = lines.looked_at(_part(data), batch, rules, lambda *each: asked.append(each))
    faults = sorted(faults + pictures.missing(asked, bucket, stack.s3), key=lambda each: each.line)
    return LocalBatch(key, data, requests, faults, max_calls)


def as_lines(key: str) -> str:
    """The key under which a table lies once it has become lines."""
    return f"{key[: -len(TABLE)]}.jsonl"


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > batch_file.MAX_BYTES:
            raise Invalid(
                f"{path} is larger than {batch_file.MAX_BYTES // 1_000_000} MB", "Split it into several files."
            )
        return path.read_bytes()
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}.") from error


def _part(data: bytes) -> lines.Part:
    return lambda offset: data[offset : offset + PART_BYTES]


def _bounded(key: str, data: bytes, max_calls: int) -> tuple[str, bytes]:
    """The same with `max_calls` as its first line, in place of one that is there."""
    if max_calls < 1:
        raise Invalid("--max-calls must be 1 or more", "Nothing was uploaded.")
    first = json.dumps({"max_calls": max_calls}).encode() + b"\n"
    if key.lower().endswith(TABLE):
        return as_lines(key), first + _as_lines(data)
    head, _, rest = data.removeprefix(_BYTE_ORDER_MARK).partition(b"\n")
    is_bound = bound_of(Line(head, Place(0, 1)))
    return key, first + (rest if is_bound else data.removeprefix(_BYTE_ORDER_MARK))


def _as_lines(data: bytes) -> bytes:
    """The lines that the rows of a table stand for: row 2 is line 2, after the one that takes the names' place."""
    try:
        rows: list[Line] = list(lines.of_file(_part(data), is_table=True))
    except Rejected as rejection:
        raise Invalid(rejection.message, rejection.hint or "") from rejection
    if faulty := next((row for row in rows if row.data is None), None):
        raise Invalid(f"row {faulty.after.number}: {faulty.fault}", "Nothing was uploaded.")
    return b"".join((row.data or b"") + b"\n" for row in rows)


def told(fault: Fault) -> Mapping[str, object]:
    """A fault as `--json` tells it."""
    return fault._asdict()
