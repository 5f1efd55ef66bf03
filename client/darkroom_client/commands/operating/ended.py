"""`darkroom ended`: lists what ended on a day, and what it cost."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.errors import Invalid
from darkroom_client.telling import counted

if TYPE_CHECKING:
    from darkroom_client.operating.ended import Ended


@click.command("ended", short_help="List what ended on a day, and what it cost.")
@click.argument("day", required=False)
@click.option("--failed", is_flag=True, help="Only what failed.")
@options
@click.pass_obj
def command(given: Given, day: str | None, failed: bool) -> None:
    """List what ended on DAY (2026-11-29), or today, the newest first. Rejected uploads and messages are in the list.

    Days and times are those of UTC. With --json each is a line.
    """
    from darkroom.aws.dynamodb.table import Table
    from darkroom_client.operating.ended import ended
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    wanted = _day(day)
    with translated(OPERATOR):
        stack = given.open_stack()
        found = list(ended(Table(stack.dynamodb, stack.outputs["ThreadsTable"]), wanted))
    shown = [each for each in found if each.is_failed or not failed]
    if given.as_json:
        for each in shown:
            given.tell(each._asdict())
    else:
        _show(wanted, shown, found)


def _day(said: str | None) -> str:
    try:
        return (date.fromisoformat(said) if said else datetime.now(UTC).date()).isoformat()
    except ValueError as error:
        raise Invalid(f"{said!r} is no day", "Write one such as 2026-11-29.") from error


def _show(day: str, shown: Iterable["Ended"], found: Iterable["Ended"]) -> None:
    from darkroom_client.commands.tables import show, table, text

    rows = [
        (each.at[11:19], text(each.code, "red" if each.is_failed else "green"), _where(each), each.instruction)
        for each in shown
    ]
    if rows:
        columns = [("UTC", "left"), ("OUTCOME", "left"), ("OF", "whole"), ("WORDS", "cut")]
        show(table(columns, rows))
    codes = Counter(each.code for each in found)
    parts = ", ".join(f"{number} {code}" for code, number in codes.most_common())
    show(text(f"{sum(codes.values())} ended on {day}" + (f": {parts}." if parts else ".")))
    if calls := sum(each.paid_calls for each in found):
        show(text(f"{counted(calls, 'paid call')}. `darkroom cost` adds up the money."))


def _where(each: "Ended") -> str:
    return each.told_at or f"{each.thread_id}:{each.turn}"
