"""`darkroom batch`: a file of requests, followed to its end."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.errors import Denied, Invalid
from darkroom_client.telling import when

if TYPE_CHECKING:
    from darkroom_client.operating.batches.batch_run import Batch, Failure, LineWait, Standing
    from darkroom_client.operating.batches.local_batch import LocalBatch
    from darkroom_client.stacks.stack import Stack

SHOWN = 20  # faults and failures, of perhaps very many
WAITS_KNOWN_SECONDS = 5  # until open lines are looked at again


@click.command("batch", short_help="Ask for all lines of a .jsonl or .csv.")
@click.argument("words", nargs=-1, metavar="[status|stop] FILE")
@click.option(
    "--max-calls", type=int, metavar="N", help="Calls that may be paid; lines over it end as budget_exhausted."
)
@click.option("--no-wait", is_flag=True, help="Upload it, and do not wait for its end.")
@click.option("--replace", is_flag=True, help="Replace another file of its name in the bucket without asking.")
@options
@click.pass_obj
def command(given: Given, words: tuple[str, ...], max_calls: int | None, no_wait: bool, replace: bool) -> int:
    """Ask for all lines of FILE, a .jsonl or a .csv, and wait for their end.

    \b
      darkroom batch shop/spring.jsonl           look at it, upload it, follow it
      darkroom batch status shop/spring.jsonl    how far it is
      darkroom batch stop shop/spring.jsonl      send no more of its lines

    A line of a .jsonl, and the same as a .csv, whose first row names the columns:

    \b
      {"custom_id": "a", "instruction": "make it night", "images": ["a.jpg"]}

    \b
      custom_id,instruction,images
      a,make it night,a.jpg

    Pictures are not uploaded: they have to be in the bucket before. The command checks each line first, as the stack
    would. It uploads nothing where a line has a fault or names a picture that is not there. The key of the file is its
    path below the working folder, or its name alone where it lies elsewhere. Relative names of pictures start from its
    folder in the bucket.

    The same command again takes up where it was left: no file is uploaded twice, and nothing is paid twice. Where
    another file of that name lies in the bucket, you are asked first: it may be somebody else's.
    """
    verb, named = _meant(words)
    stack = given.open_stack()
    if verb == "run":
        return _run(given, stack, named, max_calls, is_followed=not no_wait, replaces=replace)
    return _look(given, stack, named, is_stopped=verb == "stop")


def _look(given: Given, stack: "Stack", named: str, *, is_stopped: bool) -> int:
    """Tells how far a batch is, and stops it before where that is wanted. Returns the exit code."""
    from darkroom_client.operating.batches.batch_run import found

    batch = found(stack, named)
    if is_stopped:
        batch.stop()
        given.say(f"{batch.key} is stopped: lines that were not sent are answered as cancelled, the others go on.")
    standing = batch.standing()
    _tell(given, batch, standing, is_brief=is_stopped)
    return int(standing.is_over and standing.failed > 0 and not is_stopped)


def _meant(words: tuple[str, ...]) -> tuple[str, str]:
    """The verb, and the file."""
    match words:
        case ("status" | "stop" as verb, named):
            return verb, named
        case (named,) if named not in ("status", "stop"):
            return "run", named
    way_out = "Write `darkroom batch FILE`, `darkroom batch status FILE` or `darkroom batch stop FILE`."
    raise Invalid("Not one file is named", way_out)


def _run(given: Given, stack: "Stack", named: str, max_calls: int | None, *, is_followed: bool, replaces: bool) -> int:
    from darkroom_client.operating.batches import local_batch
    from darkroom_client.operating.batches.batch_run import ANOTHER_NAME, Batch

    local = local_batch.read(Path(named), named, stack, max_calls)
    if local.faults:
        return _refuse(given, named, local)
    for line in local.bill(stack.parameters):
        given.say(line)
    batch = Batch(stack, local.key)
    if not replaces and (since := batch.another(local)):
        question = f"{batch.key} in the bucket is another file, uploaded {when(since.isoformat())}. Replace it?"
        if not given.agrees(question, f"--replace says it. {ANOTHER_NAME}"):
            given.tell({"key": batch.key, "requests": local.requests, "uploaded": False}, "Nothing was uploaded.")
            return 0
        replaces = True
    is_new = batch.upload(local, replaces=replaces)
    lines = f"{local.requests:,} line{'s' * (local.requests > 1)}"
    given.say(f"{batch.key}: {lines}, {'uploaded' if is_new else 'uploaded before, and taken up where it was left'}.")
    if not is_followed:
        told = {"key": batch.key, "requests": local.requests, "uploaded": is_new, "answers": batch.answers}
        given.tell(told, f"It goes on by itself: `darkroom batch status {batch.key}`.")
        return 0
    last = _followed(given, batch, local)
    _tell(given, batch, last)
    return int(last.failed > 0)


def _refuse(given: Given, named: str, local: "LocalBatch") -> int:
    from darkroom_client.operating.batches.local_batch import told

    if not given.as_json:
        _show([(each.line or "-", each.message) for each in local.faults], [("LINE", "right"), ("FAULT", "whole")])
    count = len(local.faults)
    hint = local.faults[0].hint if count == 1 and not local.faults[0].line else None
    given.tell({"key": local.key, "requests": local.requests, "faults": [told(each) for each in local.faults]})
    way_out = hint or "Fix the lines that are named. Nothing was uploaded or paid."
    raise Invalid(f"{named} has {count:,} fault{'s' * (count > 1)}", way_out)


def _followed(given: Given, batch: "Batch", local: "LocalBatch") -> "Standing":
    """How it ended; on a terminal with a bar."""
    from darkroom_client.commands.terminal import console

    is_shown = not given.as_json and console().is_terminal
    try:
        *_, last = _with_a_bar(batch, local) if is_shown else _unseen(batch, local, given.note)
    except Denied as denied:
        told = f"{batch.key} is uploaded and goes on by itself; its answers will be at {batch.answers}"
        raise Denied(f"{told}. It cannot be followed: {denied.message}", denied.hint) from denied
    except KeyboardInterrupt:
        given.note("It goes on by itself.", f"The same line follows it; `darkroom batch stop {batch.key}` stops it.")
        raise
    return last


class _Causes:
    """Says each cause of waiting in a batch once. It looks at most every few seconds."""

    def __init__(self, batch: "Batch", note: Callable[[str], object]) -> None:
        self._batch = batch
        self._note = note
        self._told: set[str | None] = set()
        self._looks_at = 0.0
        self._waits: list[LineWait] = []

    def now(self, standing: "Standing") -> str:
        """The causes as a few words, such as `waits (credentials)`; empty where no line waits."""
        if not standing.open:
            return ""
        if time.monotonic() >= self._looks_at:
            self._waits = self._batch.waits()
            self._looks_at = time.monotonic() + WAITS_KNOWN_SECONDS
        for each in self._waits:
            if each.waiting.cause not in self._told:
                self._told.add(each.waiting.cause)
                self._note(_wait(each))
        causes = ", ".join(str(each.waiting.cause) for each in self._waits)
        return f"waits ({causes})" if causes else ""


def _wait(wait: "LineWait") -> str:
    """Says what a line waits for, and the way out."""
    from darkroom_client.commands.talking import progress

    return f"The line {wait.custom_id} {progress.cause(wait.waiting)}"


def _unseen(batch: "Batch", local: "LocalBatch", note: Callable[[str], object]) -> "Iterator[Standing]":
    batch.begun(local)
    causes = _Causes(batch, note)
    for standing in batch.standings():
        causes.now(standing)
        yield standing


def _with_a_bar(batch: "Batch", local: "LocalBatch") -> "Iterator[Standing]":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from darkroom_client.commands.terminal import console, words

    name = words(batch.key, console().width // 4)  # the rest is for the bar, the rate and the time
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"),
    )  # fmt: skip
    with Progress(*columns, console=console()) as bar:
        task = bar.add_task("waiting to be taken up", total=local.requests, said="")
        batch.begun(local)
        causes = _Causes(batch, lambda said: bar.console.print(words(said)))  # above the bar
        for standing in batch.standings():
            said = filter(None, (_pace(standing), causes.now(standing)))
            bar.update(
                task, total=standing.total if standing.is_counted else None, completed=standing.ended,
                description="stopping" if standing.is_stopped else name, said=", ".join(said),
            )  # fmt: skip
            yield standing


def _pace(standing: "Standing") -> str:
    """Failures, the rate, and the time that is left."""
    parts = [_without_picture(standing)] if standing.failed else []
    seconds = standing.moved_at - standing.began_at
    if standing.ended and seconds > 0:
        parts.append(f"{standing.ended / seconds * 60:,.3g}/min")
        if standing.ends_at:
            parts.append(f"{_span(standing.ends_at - standing.moved_at)} left")
    return ", ".join(parts)


def _without_picture(standing: "Standing") -> str:
    """`2 failed`, or `2 failed, 5 cancelled`."""
    cancelled = f", {standing.cancelled:,} cancelled" if standing.cancelled else ""
    return f"{standing.failed - standing.cancelled:,} failed{cancelled}"


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _tell(given: Given, batch: "Batch", standing: "Standing", *, is_brief: bool = False) -> None:
    """How far it is, and which lines failed."""
    failures = batch.failures() if standing.failed and not is_brief else []
    waits = batch.waits() if standing.open and not is_brief else []
    told: dict[str, Any] = {
        "key": batch.key, "total": standing.total, "succeeded": standing.succeeded, "failed": standing.failed,
        "cancelled": standing.cancelled, "under_way": standing.open, "ended": standing.is_over,
        "stopped": standing.is_stopped, "paid_calls": standing.paid_calls, "max_calls": standing.max_calls or None,
        "answers": batch.answers,
        "failures": [each._asdict() for each in failures],
        "waits": [
            {"custom_id": name, "cause": each.cause, "since": each.since, "until": each.until} for name, each in waits
        ],
    }  # fmt: skip
    given.tell(told, *([] if is_brief else _said(standing, is_held=bool(waits))), *map(_wait, waits))
    if given.as_json or is_brief:
        return
    if failures:
        rows = [(each.custom_id or "-", each.code, _sentence(each)) for each in failures]
        _show(rows, [("LINE", "whole"), ("ERROR", "left"), ("WHY", "whole")])
    if standing.is_over:
        click.echo(f"Answers: {batch.answers}")


def _said(standing: "Standing", *, is_held: bool = False) -> list[str]:
    if not standing.is_counted:
        return [f"{standing.total:,} lines counted so far."]
    under_way = f", {standing.open:,} under way{' or waiting' * is_held}" if standing.open else ""
    stopped = ", stopped" if standing.is_stopped else ""
    ended = f"{standing.succeeded:,} of {standing.total:,} succeeded, {_without_picture(standing)}"
    said = f"{ended}{under_way}{stopped}"
    bound = f" of {standing.max_calls:,} that its first line allows" if standing.max_calls else ""
    pace = f" {_span(standing.ends_at - standing.moved_at)} left at this pace." if standing.ends_at else ""
    return [f"{said}. Paid calls: {standing.paid_calls:,}{bound}.{pace}"]


def _sentence(failure: "Failure") -> str:
    said = failure.message if failure.message.endswith(".") else f"{failure.message}."
    return f"{said} {failure.hint or ''}".rstrip()


def _show(rows: list[tuple[Any, ...]], columns: list[tuple[str, str]]) -> None:
    from darkroom_client.commands.tables import show, table

    show(table(columns, rows[:SHOWN]))
    if len(rows) > SHOWN:
        click.echo(f"and {len(rows) - SHOWN:,} more")
