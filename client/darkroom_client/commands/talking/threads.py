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

SINCE, LIMIT = "30d", 50
WIDE_COLUMNS = 60  # of a terminal that shows how it stands in words, and not by a sign alone
FEWEST_WORDS = 8  # columns of words, before a thread's name is folded for them


@click.command("threads", short_help="The conversations, the newest first.")
@click.argument("prefix", default="")
@click.option(
    "--since", type=moment, default=SINCE, show_default=True, metavar="TIME", help="30m, 12h, 2d, 3w, or a day."
)
@click.option("--find", "words", default="", metavar="WORDS", help="Those with an instruction that holds the words.")
@click.option("--failed", "status", flag_value="failed", help="Those whose newest turn failed.")
@click.option("--waiting", "status", flag_value="waiting", help="Those in which a request waits.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="So many at most.")
@options
@click.pass_obj
def command(given: Given, prefix: str, since: datetime, words: str, status: str | None, limit: int) -> None:
    """The conversations whose names begin with PREFIX, the newest first: the last words, how many turns, how it stands.

    What waits is always among them. A request that is under way is not seen here: `darkroom show THREAD` has it.
    """
    found = given.room().threads(since, prefix, words)
    wanted = (each for each in found if status in (None, each.status))
    if given.as_json:
        for each in islice(wanted, limit):
            given.tell({name: value for name, value in each._asdict().items() if name != "code"})
    else:
        _show(list(islice(wanted, limit + 1)), limit, since)


def _show(found: list["Summary"], limit: int, since: datetime) -> None:
    from darkroom_client.commands import terminal

    if not found:
        terminal.note(
            f"No such conversation since {since:%Y-%m-%d %H:%M} UTC. --since looks further back, as in --since 90d."
        )
        return
    console = terminal.console()
    console.print(_table(found[:limit], console.width))
    if len(found) > limit:
        terminal.note(f"There are more: --limit {limit * 10} shows them.")


def _table(found: list["Summary"], width: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    from darkroom_client.commands import terminal

    is_narrow = width < WIDE_COLUMNS
    states = [terminal.mark(each.status) if is_narrow else _state(each) for each in found]
    whens = [terminal.when(each.updated_at) for each in found]
    beside = sum(max(map(len, column), default=0) for column in (states, whens)) + len("turns") + 4 * 2
    thread_columns = max(12, min(width * 2 // 5, width - beside - FEWEST_WORDS))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), expand=True)
    table.add_column("thread", overflow="fold", min_width=12, max_width=thread_columns)
    table.add_column("last words", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("turns", justify="right", no_wrap=True)
    table.add_column("" if is_narrow else "state", no_wrap=True)
    table.add_column("when", no_wrap=True)
    for each, state, when in zip(found, states, whens, strict=True):
        thread, said = Text(terminal.name(each.thread_id), "bold"), Text(terminal.words(each.instruction, width))
        table.add_row(thread, said, str(each.latest_turn), state, Text(when, "dim"))
    return table


def _state(summary: "Summary") -> "Text":
    """`✓ done`, `✗ refused`, `… throttled`."""
    from darkroom_client.commands import terminal

    sign = terminal.mark(summary.status)
    return sign.append(f" {terminal.name(summary.code or 'done')}")
