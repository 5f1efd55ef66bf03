"""`darkroom resume`: calls again."""

import click

from darkroom_client.commands.common import Given, options


@click.command("resume", short_help="Go on after a pause.")
@options
@click.pass_obj
def command(given: Given) -> None:
    """Go on after `darkroom pause`: requests are called again, those that wait in their order."""
    from darkroom_client.operating.pause import Pause
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        Pause(given.open_stack(), given.say).resume()
    given.tell({"paused": False})
