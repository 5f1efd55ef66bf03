"""`darkroom pause`: no new call."""

import click

from darkroom_client.commands.common import Given, options


@click.command("pause", short_help="Call nothing any more.")
@options
@click.pass_obj
def command(given: Given) -> None:
    """Call nothing any more, until `darkroom resume`. What is in hand is brought to its end, and nothing is lost.

    Lambda takes up to a minute for it. A repetition changes nothing, and says how it stands.
    """
    from darkroom_client.operating.pause import Pause
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        held = Pause(given.open_stack(), given.say).pause()
    given.tell({"paused": True, "requests": held.requests, "kept_days": held.days})
