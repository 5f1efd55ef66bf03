"""Tables and lines for a person. They fit a terminal, and a pipe gets all of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from darkroom_client.commands.terminal import console, cut, name

WHOLE_SHARE = 0.4  # of a terminal's width, before a column that is not cut is folded for one that is
CUT_COLUMNS = 10  # for words that are cut, as long as a name can be folded for them
WHOLE_COLUMNS, FEWEST_COLUMNS = 8, 3
GAP = 2


def show(*what: RenderableType) -> None:
    """Prints it. A pipe gets no space at the ends of lines."""
    screen = console()
    if screen.is_terminal:
        screen.print(*what, sep="\n")
        return
    with screen.capture() as said:
        screen.print(*what, sep="\n")
    for line in said.get().splitlines():
        click.echo(line.rstrip())


def text(words: object, style: str = "") -> Text:
    """Anybody's words, in one line that cannot steer the terminal."""
    return Text(name(str(words)), style=style)


def grid(rows: Iterable[Sequence[Text]]) -> Table:
    """Names and values, in two columns or more."""
    made = Table.grid(padding=(0, 2))
    for number, row in enumerate(rows):
        if not number:
            for place in range(len(row)):
                made.add_column(no_wrap=place == 0, overflow="fold")
        made.add_row(*row)
    return made


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]], width: int | None = None) -> Table:
    """A table under headings. A column is a heading and how it goes: `left` and `right` keep their width, `whole` folds
    where the screen is narrow, and `cut` is cut off there. `width` is the screen's own unless it is given.
    """
    width = width or console().width
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    cells = [[_cell(each, way) for each, (_, way) in zip(row, columns, strict=True)] for row in rows]
    longest_of = [
        max([len(heading), *(row[place].cell_len for row in cells)]) for place, (heading, _) in enumerate(columns)
    ]
    fixed = sum(length for length, (_, way) in zip(longest_of, columns, strict=True) if way in ("left", "right"))
    room = width - fixed - GAP * (len(columns) - 1)  # else rich makes a table that the terminal's edge cuts
    is_cut = any(way == "cut" for _, way in columns)
    own_share = max(WHOLE_COLUMNS, min(int(width * WHOLE_SHARE), room - CUT_COLUMNS * is_cut))
    room -= sum(min(length, own_share) for length, (_, way) in zip(longest_of, columns, strict=True) if way == "whole")
    room = max(FEWEST_COLUMNS, room)
    for longest, (heading, way) in zip(longest_of, columns, strict=True):
        made.add_column(
            _cell(heading, way),
            justify="right" if way == "right" else "left",
            no_wrap=way in ("left", "right"),
            overflow="fold",
            min_width=min(longest, own_share) if way == "whole" else None,
            max_width=room if way == "cut" else None,
        )
    for row in cells:
        made.add_row(*(_cell(cell, way, room) for cell, (_, way) in zip(row, columns, strict=True)))
    return made


def _cell(each: object, way: str, room: int | None = None) -> Text:
    cell = each if isinstance(each, Text) else text(each)
    if way == "cut":
        cell = Text(cut(cell.plain, room), cell.style) if room else cell  # rich leaves a space for half of a wide sign
        # Of the cell and not of the column, which would not be made narrower then.
        cell.no_wrap, cell.overflow = True, "ellipsis"
    return cell
