"""`darkroom threads`: the conversations, the newest first."""

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.commands.moments import since as moment

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from darkroom_client.index import Summary
    from darkroom_client.room import Darkroom

SINCE, LIMIT = "30d", 50
WIDE_COLUMNS = 60  # of a terminal that shows how it stands in words, and not by a sign alone


@click.command("threads", short_help="List the conversations, the newest first.")
@click.argument("prefix", default="")
@click.option(
    "--since", type=moment, default=SINCE, show_default=True, metavar="TIME", help="30m, 12h, 2d, 3w, or a day."
)
@click.option("--find", "words", default="", metavar="WORDS", help="Those with an instruction that holds all of these.")
@click.option("--failed", "status", flag_value="failed", help="Those whose newest turn failed.")
@click.option("--waiting", "status", flag_value="waiting", help="Those in which a request waits.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", default=LIMIT, show_default=True, help="So many at most."
)
@options
@click.pass_obj
def command(given: Given, prefix: str, since: datetime, words: str, status: str | None, limit: int) -> None:
    """The conversations whose names begin with PREFIX, the newest first: the last words, how many turns, how it stands.

    Waiting conversations are always in the list. A request that is under way is not: `darkroom show THREAD` has it.
    """
    room = given.room()
    found = room.threads(since, prefix, words)
    wanted = (each for each in found if status in (None, each.status))
    if given.as_json:
        for each in islice(wanted, limit):
            given.tell({name: value for name, value in each._asdict().items() if name != "code"})
    else:
        _show(list(islice(wanted, limit + 1)), limit, since, room)


def _show(found: list["Summary"], limit: int, since: datetime, room: "Darkroom") -> None:
    from darkroom_client.commands import tables, terminal

    if not found:
        way_out = "--since looks further back, as in --since 90d."
        if room.stack.seems_paused():
            way_out = f"The stack is paused: requests in its queue are not seen before `darkroom resume`. {way_out}"
        terminal.note(f"No such conversation since {since:%Y-%m-%d %H:%M} UTC. {way_out}")
        return
    tables.show(_table(found[:limit], terminal.console().width))
    if len(found) > limit:
        terminal.note(f"There are more: --limit {limit * 10} shows them.")


def _table(found: list["Summary"], width: int) -> "Table":
    from rich.text import Text

    from darkroom_client.commands import terminal
    from darkroom_client.commands.tables import table, text

    is_narrow = width < WIDE_COLUMNS
    rows = [
        (
            text(each.thread_id, "bold"),
            Text(terminal.words(each.instruction)),
            each.latest_turn,
            terminal.mark(each.status) if is_narrow else _state(each),
            text(terminal.when(each.updated_at), "dim"),
        )
        for each in found
    ]
    state = "" if is_narrow else "STATE"
    columns = [("THREAD", "whole"), ("LAST WORDS", "cut"), ("TURNS", "right"), (state, "left"), ("WHEN", "left")]
    return table(columns, rows, width)


def _state(summary: "Summary") -> "Text":
    """`✓ done`, `✗ refused`, `… throttled`."""
    from darkroom_client.commands import terminal

    sign = terminal.mark(summary.status)
    return sign.append(f" {terminal.name(summary.code or 'done')}")
