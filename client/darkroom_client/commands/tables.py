"""What a person is shown: tables and lines, which fit their terminal, and of which a pipe cuts nothing off."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from darkroom.worker.escaping import escaped

PIPE_COLUMNS = 10_000  # a pipe has no edge


def console() -> Console:
    """Standard output. It is made for each use, so that a terminal may change its width meanwhile."""
    is_terminal = sys.stdout.isatty()
    return Console(width=None if is_terminal else PIPE_COLUMNS, highlight=False, emoji=False, markup=False)


def text(words: object, style: str = "") -> Text:
    """Anybody's words, in one line that cannot steer the terminal."""
    return Text(escaped(str(words)), style=style)


def grid(rows: Iterable[Sequence[Text]]) -> Table:
    """Names and values, in two columns or more."""
    made = Table.grid(padding=(0, 2))
    for number, row in enumerate(rows):
        if not number:
            for place in range(len(row)):
                made.add_column(no_wrap=place == 0, overflow="fold")
        made.add_row(*row)
    return made


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> Table:
    """A table under headings. A column is a heading and how it goes: `left`, `right`, `whole` (it is never cut, and
    folds where it must), or `cut` (in one line, cut where the terminal ends).
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, way in columns:
        made.add_column(
            heading,
            justify="right" if way == "right" else "left",
            no_wrap=way in ("left", "right", "cut"),
            overflow="ellipsis" if way == "cut" else "fold",
            ratio=None,
        )
    for row in rows:
        made.add_row(*(each if isinstance(each, Text) else text(each) for each in row))
    return made
