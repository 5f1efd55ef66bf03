"""`darkroom use`: which stack later commands are for."""

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.errors import Unreachable
from darkroom_client.stacks import choice
from darkroom_client.stacks.choice import Choice


@click.command("use", short_help="Remember a stack for all later commands.")
@click.argument("name", required=False)
@click.option("--region", help="Its AWS region, where it is not the shell's own.")
@click.option("--profile", help="The AWS profile to reach it with.")
@options
@click.pass_obj
def command(given: Given, name: str | None, region: str | None, profile: str | None) -> None:
    """Remember a stack for all later commands, once it is reached. Without NAME, say which one it is.

    `local` is the stack last brought up in this checkout, `local:4600` the one on that port.
    """
    if name is None:
        known = choice.find(given.stack)
        given.tell(_shown(known), _named(known))
        return
    found = choice.repository()
    chosen = Choice(name, region, profile, str(found) if found else None)
    version = _version(chosen)
    choice.remember(chosen)
    given.tell({**_shown(chosen), "version": version}, f"{_named(chosen)}, release {version}")


def _version(chosen: Choice) -> str:
    """Asked of the stack itself, and so it is known that it is there."""
    outputs = chosen.open().fresh_outputs()
    if "RequestsQueueUrl" not in outputs:
        raise Unreachable(f"{chosen.name} is no stack of Darkroom: it has no output RequestsQueueUrl.")
    return outputs.get("StackVersion", "unknown")


def _shown(chosen: Choice) -> dict[str, str | None]:
    return {"stack": chosen.name, "region": chosen.region, "profile": chosen.profile}


def _named(chosen: Choice) -> str:
    where = [f"region {chosen.region}"] if chosen.region else []
    where += [f"profile {chosen.profile}"] if chosen.profile else []
    return f"{chosen.name} ({', '.join(where)})" if where else chosen.name
