"""A conversation as a tree on a terminal. It is indented only where several turns answer the same one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from rich.console import Console
from rich.text import Text

from darkroom_client.commands import terminal
from darkroom_client.commands.talking import report
from darkroom_client.results import PAUSED, Result, Waiting

MAX_CHARACTERS = 600  # of an instruction; `--json` has all of it
_TEXT_CHARACTERS = 300

Children = Mapping[int, Sequence[Result]]


def show(thread: str, ended: Sequence[Result], waiting: Sequence[Waiting]) -> None:
    """The whole of it: a head, the turns, and what has not ended."""
    console = terminal.console()
    console.print(Text.assemble((terminal.name(thread), "bold"), (f"  {_sum(ended)}", "dim")))
    children = defaultdict[int, list[Result]](list)
    known = {turn.turn for turn in ended}
    for turn in ended:
        children[turn.parent_turn or 0 if turn.parent_turn in known else 0].append(turn)
    _branch(console, children, 0, "", max(len(str(each.turn)) for each in ended) if ended else 1)
    for each in waiting:
        _open(console, each)


def _branch(console: Console, children: Children, parent: int, indent: str, width: int) -> None:
    """The turns that answer this one, and those that answer them. Without recursion where there is no branch."""
    answers = list(children.get(parent, ()))
    while answers and sum(each.status == "succeeded" for each in answers) < 2:
        for turn in answers:
            _turn(console, turn, indent, indent, width)
        following = next((each.turn or 0 for each in answers if each.status == "succeeded"), None)
        answers = list(children.get(following, ())) if following else []
    for turn, is_last in _with_last(answers):
        fork, below = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        _turn(console, turn, indent + fork, indent + below, width)
        if turn.status == "succeeded":
            _branch(console, children, turn.turn or 0, indent + below, width)


def _with_last(turns: Sequence[Result]) -> Iterator[tuple[Result, bool]]:
    yield from ((turn, False) for turn, _ in pairwise(turns))
    yield from ((turn, True) for turn in turns[-1:])


def _turn(console: Console, turn: Result, first: str, rest: str, width: int) -> None:
    number = f"{turn.turn or '':>{width}}"
    head = Text.assemble((number, "bold"), " ", terminal.mark(turn.status), " ")
    said = Text(terminal.words(turn.instruction, MAX_CHARACTERS))
    terminal.hang(console, head, said, first, rest)
    gap = Text(" " * head.cell_len)
    for line in _details(turn, console.width - len(first) - head.cell_len):
        terminal.hang(console, gap, line, rest, rest)


def _details(turn: Result, columns: int) -> Iterator[Text]:
    yield Text(terminal.filled(_about(turn), columns), "dim")
    if turn.text and turn.status == "succeeded":
        yield Text(f"“{terminal.words(turn.text, _TEXT_CHARACTERS)}”", "italic")
    for caution in turn.warnings:
        yield Text(f"! {caution.code}: {terminal.words(caution.message)}", "yellow")
    if turn.error:
        yield Text(f"{turn.error.code}: {terminal.words(turn.error.message)}", "red")
        if turn.error.hint:
            yield Text(terminal.words(turn.error.hint))


def _about(turn: Result) -> Iterator[str]:
    if turn.outcome.model:
        yield terminal.name(turn.outcome.model)
    yield from (terminal.name(f"{name} {value}") for name, value in turn.outcome.options.items())
    for image in turn.images:
        yield f"{image.width}×{image.height}"
    yield from report.facts(turn)
    yield terminal.when(turn.outcome.timing.finished_at)


def _open(console: Console, waiting: Waiting) -> None:
    head = terminal.mark("waiting").append(" ")
    terminal.hang(
        console, head, Text(terminal.words(waiting.instruction, MAX_CHARACTERS) or waiting.request_id), "", ""
    )
    since = _since(waiting.since) if waiting.since else "a while"
    if waiting.cause is None:
        said = f"under way since {since}"
    else:
        until = f"; looks again at {terminal.clock(waiting.until)}" if waiting.until else ""
        until = "; `darkroom resume` lets it go on" if waiting.cause == PAUSED else until
        said = f"waits ({terminal.name(waiting.cause)}) since {since}{until}"
    terminal.hang(console, Text("  "), Text(said, "yellow"), "", "")


def _since(moment: str) -> str:
    """`23:06:40, 2 min ago`; a day that is long ago stands there once."""
    ago = terminal.when(moment)
    return f"{terminal.clock(moment)}, {ago}" if ago.endswith("ago") else terminal.clock(moment)


def _sum(ended: Sequence[Result]) -> str:
    """`4 turns, 5 calls, 0.2 USD`."""
    calls = sum(each.cost.paid_calls for each in ended)
    amounts = [each.cost.amount for each in ended if each.cost.amount is not None]
    currency = next((each.cost.currency for each in ended if each.cost.currency), None)
    parts = [terminal.counted(len(ended), "turn"), terminal.counted(calls, "call")]
    if amounts:
        parts.append(terminal.money({"paid_calls": calls, "amount": sum(amounts), "currency": currency}))
    return ", ".join(parts)
