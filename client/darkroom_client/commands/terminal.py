"""The screen of a person: a terminal has colours and an edge, a pipe has neither, and no words can steer them.

It loads rich, so a subcommand imports it when it runs.
"""

import re
import sys
from collections.abc import Iterable

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from darkroom.worker.escaping import escaped
from darkroom_client.telling import JOINERS, clock, counted, money, name, when

MIN_COLUMNS = 24  # for words, however deep they are indented
__all__ = ["clock", "console", "counted", "mark", "money", "name", "note", "when", "words"]
PIPE_COLUMNS = 10_000  # a pipe has no edge: nothing is cut, folded or wrapped for it
MARKS = {"succeeded": ("✓", "green"), "failed": ("✗", "red"), "waiting": ("…", "yellow")}


def console(*, is_error: bool = False) -> Console:
    """Standard output, or standard error for what is said beside the answer.

    It is made for each use, because a terminal may change its width meanwhile.
    """
    stream = sys.stderr if is_error else sys.stdout
    is_terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=is_terminal,
        width=None if is_terminal else PIPE_COLUMNS,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def note(text: str) -> None:
    """Says something beside the answer."""
    screen = console(is_error=True)
    screen.print(Text(sentence(name(text), screen.width), "dim"), soft_wrap=True)


def words(text: str | None, most: int | None = None) -> str:
    """Words of people or models, in one line of so many columns at most."""
    line = " ".join((text or "").split())
    line = cut(line, most) if most else line
    return re.sub(f"[^{JOINERS}]+", lambda found: escaped(found[0]), line)


def cut(line: str, columns: int) -> str:
    """The line, or its beginning with a sign that there is more."""
    return line if cell_len(line) <= columns else f"{chop_cells(line, columns - 1)[0].rstrip()}…"


def sentence(line: str, columns: int) -> str:
    """A line that breaks between words. A word that is longer than a line, such as an address, stays whole."""
    indent = line[: len(line) - len(line.lstrip())]
    said = filled(re.split(r"(?<=\S) (?=\S)", line.strip()), columns - len(indent), " ")
    return "\n".join(f"{indent}{each}" for each in said.split("\n"))


def hang(console: Console, head: Text | str, said: Text, first: str = "", rest: str = "") -> None:
    """Text behind its head, wrapped; further lines begin below it. `first` and `rest` stand before all of that."""
    head = Text(head) if isinstance(head, str) else head
    room = max(MIN_COLUMNS, console.width - len(first) - head.cell_len)
    for number, line in enumerate(said.wrap(console, room) or [Text()]):
        line.rstrip()
        before = head if number == 0 else Text(" " * head.cell_len)
        console.print(Text.assemble((rest if number else first, "dim"), before, line), soft_wrap=True)


def filled(facts: Iterable[str], columns: int, between: str = " · ") -> str:
    """Facts with a dot or another sign between them, in lines that break at no other place."""
    lines = [""]
    for fact in filter(None, facts):
        joined = f"{lines[-1]}{between}{fact}" if lines[-1] else fact
        lines[-1:] = [joined] if cell_len(joined) <= columns or not lines[-1] else [lines[-1], fact]
    return "\n".join(lines)


def mark(status: str) -> Text:
    """A sign for how a request stands."""
    return Text(*MARKS[status])
