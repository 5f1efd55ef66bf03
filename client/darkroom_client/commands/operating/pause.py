"""`darkroom pause`: stops new calls to the image API."""

import click

from darkroom_client.commands.common import Given, options


@click.command("pause", short_help="Stop new calls to the image API.")
@options
@click.pass_obj
def command(given: Given) -> None:
    """Stop new calls to the image API until `darkroom resume`. Calls that have begun come to their end, and no request
    is lost.

    Lambda takes up to a minute for it. Another `darkroom pause` changes nothing, and says how it stands.
    """
    from darkroom_client.operating.pause import Pause
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        held = Pause(given.open_stack(), given.say).pause()
    given.tell({"paused": True, "requests": held.requests, "kept_days": held.days})
