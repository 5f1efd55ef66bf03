"""`darkroom resume`: ends a pause."""

import click

from darkroom_client.commands.common import Given, options


@click.command("resume", short_help="Let calls go on after a pause.")
@options
@click.pass_obj
def command(given: Given) -> None:
    """Let calls go on after `darkroom pause`. The requests of a thread keep their order."""
    from darkroom_client.operating.pause import Pause
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        Pause(given.open_stack(), given.say).resume()
    given.tell({"paused": False})
