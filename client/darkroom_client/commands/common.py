"""What the subcommands have in common: which stack they are for, and how they say what they have to say."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from darkroom.worker.escaping import escaped
from darkroom_client.stacks import choice

if TYPE_CHECKING:
    from darkroom_client.room import Darkroom
    from darkroom_client.stacks.stack import Stack

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Given:
    """What was given to the command itself, or to its subcommand; the last one counts."""

    stack: str | None = None
    as_json: bool = False

    def open_stack(self) -> "Stack":
        """The stack that is meant. Raises Unreachable."""
        return choice.find(self.stack).open()

    def room(self) -> "Darkroom":
        """The same, as its users see it."""
        from darkroom_client.room import Darkroom

        return Darkroom(self.open_stack())

    def tell(self, document: Mapping[str, Any], *lines: str) -> None:
        """One object as JSON where that is asked for, else the lines for a person."""
        if self.as_json:
            click.echo(escaped(json.dumps(document, ensure_ascii=False)))
        else:
            for line in lines:
                click.echo(escaped(line))


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
