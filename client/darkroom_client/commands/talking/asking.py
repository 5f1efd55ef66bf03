"""The common part of `send` and `reply`: their options, the request, the wait, and the picture."""

import functools
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from darkroom_client.commands.common import INTERRUPTED, Given
from darkroom_client.errors import Failed, Invalid, TimedOut, Trouble

if TYPE_CHECKING:
    from darkroom.domain.request import Request
    from darkroom.domain.validation import Shape
    from darkroom_client.commands.talking.progress import ProgressLine
    from darkroom_client.commands.talking.saving import Target
    from darkroom_client.pending import PendingTurn
    from darkroom_client.pictures import LocalPicture
    from darkroom_client.results import Result
    from darkroom_client.room import Darkroom

Command = TypeVar("Command", bound=Callable[..., Any])
MAX_VARIATIONS = 20


class Wish(NamedTuple):
    """The options of `send` and `reply`."""

    model: str | None
    option: tuple[str, ...]
    variations: int
    output: str | None
    no_wait: bool
    timeout: float | None
    dry_run: bool
    is_opened: bool


class Asked(NamedTuple):
    """A request. `parent_turn` 0 starts without an earlier picture, None answers the newest turn. `remark` is
    said before it is sent, once it is known to be good.
    """

    thread: str
    words: str
    files: Sequence[Path]
    parent_turn: int | None
    remark: str = ""


_OPTIONS = (
    click.option("--model", metavar="NAME", help="The model; else the conversation's, or the stack's."),
    click.option("--option", multiple=True, metavar="NAME=VALUE", help="Such as size=16:9; several are possible."),
    click.option(
        "--variations",
        type=click.IntRange(1, MAX_VARIATIONS),
        default=1,
        metavar="N",
        help="So many answers to the same.",
    ),
    click.option("-o", "--output", metavar="PATH", help="Where to save the picture: a file, or a folder."),
    click.option("--no-wait", is_flag=True, help="Only send; `darkroom get` has the picture later."),
    click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer than that."),
    click.option("--dry-run", is_flag=True, help="Say what would be sent, and its price. Nothing is sent or paid."),
    click.option("--open", "is_opened", is_flag=True, help="Open the picture when it is there."),
)


def choices(command: Command) -> Command:
    """Gives a command these options, as its parameter `wish`."""

    @functools.wraps(command)
    def with_wish(*given: Any, **named: Any) -> Any:
        wish = Wish(**{name: named.pop(name) for name in Wish._fields})
        try:
            return command(*given, wish=wish, **named)
        except KeyboardInterrupt:
            return _interrupted(click.get_current_context().ensure_object(Given), "Nothing was sent.")

    decorated: Any = with_wish
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    wished: Command = decorated
    return wished


class Asking(NamedTuple):
    """The stack, and the line that says what is waited for."""

    room: "Darkroom"
    line: "ProgressLine"


def begin(given: Given) -> Asking:
    """At the stack that is meant. Raises Unreachable."""
    from darkroom_client.commands.talking.progress import ProgressLine
    from darkroom_client.room import Darkroom

    line = ProgressLine(given)
    return Asking(Darkroom(given.open_stack(), sleep=line.sleep), line)


def ask(given: Given, asking: Asking, asked: Asked, wish: Wish, beside: Path) -> int:
    """Asks, and does what was wished for. Returns the exit code. Raises Trouble."""
    options = _options(wish.option, asking.room.stack.dialect.options) if wish.option else {}
    fields: dict[str, Any] = {
        "parent_turn": asked.parent_turn, "model": wish.model, "options": options or None
    }  # fmt: skip
    named = {"thread_id": asked.thread, "request_id": "new", "instruction": asked.words, **fields}
    prepared = asking.room.prepared(named, asked.files)
    target = None if wish.no_wait or wish.dry_run else _target(wish, beside)
    if asked.remark and not given.as_json:
        given.note(asked.remark)
    if wish.dry_run:
        return _rehearse(given, asking.room, *prepared, wish)
    pending: list[PendingTurn] = []
    try:
        while len(pending) < wish.variations:
            pending.append(asking.room.send(asked.thread, asked.words, images=asked.files, **fields))
        return _follow(given, asking, pending, wish, target)
    except KeyboardInterrupt:
        return _interrupted(given, _left_behind(asked.thread, len(pending), wish.variations))


def _target(wish: Wish, beside: Path) -> "Target":
    from darkroom_client.commands.talking.saving import Target

    return Target.of(wish.output, beside)


def _follow(given: Given, asking: Asking, pending: "Sequence[PendingTurn]", wish: Wish, target: "Target | None") -> int:
    """Waits, or only tells the ids. Returns the exit code."""
    if target is None:
        for each in pending:
            _tell_sent(given, each)
        return 0
    return max([_wait(given, asking, each, wish, target) for each in pending])


def _interrupted(given: Given, how: str) -> int:
    """Says how it stands below the ^C that the terminal shows."""
    if not given.as_json:
        click.echo(err=True)
    given.note(how)
    return INTERRUPTED


def _left_behind(thread: str, sent: int, wanted: int) -> str:
    """Tells of requests that nothing waits for any more. One that was being sent may have left."""
    if sent == wanted == 1:
        first = "It was sent: it goes on by itself, and costs."
    elif sent == wanted:
        first = "They were sent: they go on by themselves, and cost."
    elif wanted == 1:
        first = "It may have been sent: then it goes on by itself, and costs."
    else:
        first = f"{sent} of {wanted} sent, and perhaps one more: what was sent goes on by itself, and costs."
    shown = f"`darkroom show {shlex.quote(thread)}` says how it stands, once something has taken it up."
    return f"{first} {shown} The same command asks and pays again."


def _wait(given: Given, asking: Asking, pending: "PendingTurn", wish: Wish, target: "Target") -> int:
    """Waits for one, and takes what it became. Returns its exit code."""
    try:
        with asking.line.about(pending):
            result = pending.wait(timeout=asking.line.left(wish.timeout))
    except Failed as failed:
        return _tell_failed(given, failed)
    except TimedOut as over:
        if given.as_json:
            _tell_sent(given, pending)
        whole = pending.timed_out(wish.timeout or 0.0)  # also where a part of it went by before this wait
        raise TimedOut(whole.message, whole.waiting, _later(pending, whole)) from over
    _take(given, result, wish, target)
    return 0


def _later(pending: "PendingTurn", over: TimedOut) -> str:
    """Where nothing has taken it up, `show` knows of none."""
    if over.waiting is None:
        return f"{over.hint or ''} It goes on by itself.".lstrip()
    return f"It goes on by itself: `darkroom show {shlex.quote(pending.thread_id)}` says how it stands."


def _take(given: Given, result: "Result", wish: Wish, target: "Target") -> None:
    """Saves the pictures, tells of them, and shows them."""
    saved = target.save(result)
    if given.as_json:
        given.tell(result.as_document())
    else:
        from darkroom_client.commands.talking import report

        report.taken(result, saved)
    if wish.is_opened:
        for path in saved:
            if click.launch(str(path)):
                given.note(f"Nothing here opens {path}.")


def _tell_failed(given: Given, failed: Failed) -> int:
    """Programs get the outcome, and the error on standard error."""
    if given.as_json:
        given.tell(failed.outcome.as_document())
        given.fail(failed)
    else:
        from darkroom_client.commands.talking import report

        report.failed(failed)
    return failed.exit_code


def _tell_sent(given: Given, pending: "PendingTurn") -> None:
    ids = {"thread_id": pending.thread_id, "request_id": pending.request_id, "message_id": pending.message_id}
    given.tell(ids, f"Sent: {pending.request_id} of {pending.thread_id}.")


def _options(given: Sequence[str], shapes: "Mapping[str, Shape]") -> dict[str, Any]:
    """`size=16:9` by its name; a number where the option is one. Raises Invalid."""
    from darkroom.batches import csv_file

    options: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise Invalid(f"{each!r} is no option of a request", "Write it as in --option size=16:9")
        options[name.strip()] = csv_file.value(f"options.{name.strip()}", value.strip(), shapes)
    return options


def _rehearse(
    given: Given, room: "Darkroom", request: "Request", pictures: "Sequence[LocalPicture]", wish: Wish
) -> int:  # fmt: skip
    """Prints the request that would be sent, by the same code that sends it."""
    from darkroom.domain import price
    from darkroom_client.commands.talking import report

    try:
        each = price.parsed(room.stack.parameters.get("PricePerImage", ""))
    except ValueError as error:
        raise Trouble(f"The stack's parameter PricePerImage cannot be read: {error}") from error
    images = wish.variations * price.pictures_asked(request.options)
    amount = price.of_pictures(images, each)
    cost = {"paid_calls": wish.variations, "amount": amount, "currency": each.currency, "images": images}
    report.rehearsed(given, request, pictures, cost)
    return 0
