"""The common part of the subcommands: they find their stack, and print for a person or a program."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from darkroom.worker.escaping import escaped
from darkroom_client.errors import Trouble
from darkroom_client.stacks import choice, releases
from darkroom_client.stacks.releases import Difference
from darkroom_client.telling import name

if TYPE_CHECKING:
    from darkroom_client.room import Darkroom
    from darkroom_client.stacks.stack import Stack

Command = TypeVar("Command", bound=Callable[..., Any])
INTERRUPTED = 130  # the exit code after Ctrl-C


@dataclass
class Given:
    """The options of the command itself, or of its subcommand; the last one counts."""

    stack: str | None = None
    as_json: bool = False

    def open_stack(self) -> "Stack":
        """The stack that is meant. Where its release is another than the client's, that is said. Raises Unreachable."""
        stack = choice.find(self.stack).open()
        if _difference(stack.outputs) and (found := _difference(stack.fresh_outputs())):
            self.note(found.said, found.way_out)
        return stack

    def room(self) -> "Darkroom":
        """The same, as its users see it."""
        from darkroom_client.room import Darkroom

        return Darkroom(self.open_stack())

    def say(self, line: str) -> None:
        """Tells a person a line at once. Names and words of strangers cannot steer the terminal."""
        if not self.as_json:
            _print(line)

    def tell(self, document: Mapping[str, Any], *lines: str) -> None:
        """One object as JSON where that is asked for, else the lines for a person."""
        if self.as_json:
            click.echo(_document(document))
        else:
            for line in lines:
                _print(line)

    def fail(self, trouble: Trouble) -> None:
        """Says on standard error what went wrong: to a person in a sentence, to a program as one object in one line."""
        told = {"code": trouble.code, "message": trouble.message, "hint": trouble.hint or None}
        if self.as_json:
            click.echo(_document(told), err=True)
        else:
            _print(str(trouble), is_error=True)

    def note(self, text: str, hint: str = "") -> None:
        """Says something beside the answer on standard error; to a program as one object in one line."""
        if self.as_json:
            click.echo(_document({"note": text, "hint": hint or None}), err=True)
            return
        from darkroom_client.commands import terminal

        terminal.note(f"{text} {hint}".rstrip())

    def agrees(self, question: str, way_out: str) -> bool:
        """Whether a person says yes. Raises Trouble without a terminal; `way_out` says what to do then."""
        if not sys.stdin.isatty():
            raise Trouble(f"{question} No terminal is here for an answer, so nothing was done.", way_out)
        if self.as_json:
            self.note(question, way_out)
        else:
            _print(f"{question} [y/N]", is_error=True, end=" ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def _document(told: Mapping[str, Any]) -> str:
    return escaped(json.dumps(told, ensure_ascii=False))


def _print(line: str, *, is_error: bool = False, end: str = "\n") -> None:
    """A sentence for a person. A terminal's edge would cut through its words."""
    line = name(line)
    if (sys.stderr if is_error else sys.stdout).isatty():
        from darkroom_client.commands import terminal

        line = terminal.sentence(line, terminal.console(is_error=is_error).width)
    click.echo(f"{line}{end}", nl=False, err=is_error)


def _difference(outputs: Mapping[str, str]) -> Difference | None:
    return releases.difference(releases.own(), outputs.get("StackVersion", ""))


@contextmanager
def until_interrupted() -> Iterator[None]:
    """For what has no end of its own: Ctrl-C ends it as it should, and not as an error."""
    try:
        yield
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            click.echo(err=True)  # below the ^C that the terminal shows


def options(command: Command) -> Command:
    """Gives a command `--stack` and `--json`, whose values its `Given` then has."""
    stack = click.option(
        "--stack", metavar="NAME", expose_value=False, callback=_keep("stack"), help="A stack's name; local[:PORT]."
    )
    as_json = click.option(
        "--json", "as_json", is_flag=True, expose_value=False, callback=_keep("as_json"), help="JSON for programs."
    )
    return stack(as_json(command))


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.ensure_object(Given), name, value)

    return keep
