"""`darkroom wake`: what sleeps looks again now."""

import click

from darkroom_client.commands.common import Given, options


@click.command("wake", short_help="Make waiting requests look again now.")
@options
@click.pass_obj
def command(given: Given) -> None:
    """Make requests that wait for the daily limit, a key or the provider look again now.

    A request whose cause is still there waits again.
    """
    from darkroom_client.operating.wake import woken
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        count = woken(given.open_stack())
    given.tell({"woken": count}, f"Requests that look again now: {count:,}.")
