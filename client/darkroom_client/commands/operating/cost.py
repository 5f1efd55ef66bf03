"""`darkroom cost`: adds up calls, pictures and money."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.commands.moments import since as moment
from darkroom_client.telling import counted

if TYPE_CHECKING:
    from darkroom_client.operating.cost import Bill, Spent

SINCE = "7d"


@click.command("cost", short_help="Add up calls, pictures and money.")
@click.argument("prefix", default="")
@click.option(
    "--by", type=click.Choice(["day", "thread", "folder", "model"]), default="day", show_default=True,
    help="Add up by this.",
)  # fmt: skip
@click.option(
    "--since", metavar="TIME", default=SINCE, show_default=True, help="30m, 12h, 7d, 2w, or a day: 2026-11-29."
)
@options
@click.pass_obj
def command(given: Given, prefix: str, by: str, since: str) -> None:
    """Add up what was spent on the threads whose ids begin with PREFIX, or on all.

    The price is the stack's PricePerImage at the time of the call. Without a price there is no money in the table.
    """
    from darkroom_client.operating import cost

    start = moment(since)
    stack = given.open_stack()
    bill = stack.up_to_date(lambda: cost.cost(stack, prefix, by, start))
    if given.as_json:
        given.tell(bill.document())
    else:
        _show(bill, by, since)


def _show(bill: "Bill", by: str, since: str) -> None:
    from darkroom_client.commands.tables import show, table, text

    if not bill.groups:
        show(text(f"Nothing was spent since {since}."))
        return
    nameless = {"folder": "(no folder)"}.get(by, "(none)")
    rows: list[Sequence[Any]] = [
        (text(key or nameless), f"{each.calls:,}", f"{each.images:,}", _money(each))
        for key, each in bill.groups.items()
    ]
    total = bill.total
    cells = ("in all", f"{total.calls:,}", f"{total.images:,}", _money(total))
    rows.append(tuple(text(cell, "bold") for cell in cells))
    columns = [(by.upper(), "whole"), ("CALLS", "right"), ("PICTURES", "right"), ("MONEY", "right")]
    show(table(columns, rows))
    if total.unpriced_calls:
        calls = counted(total.unpriced_calls, "call")
        show(text(f"The price of {calls} is unknown: the stack's PricePerImage was empty then."))


def _money(spent: "Spent") -> str:
    return " + ".join(f"{amount:,.2f} {currency}".rstrip() for currency, amount in sorted(spent.amounts.items())) or "-"
