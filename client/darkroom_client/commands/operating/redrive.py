"""`darkroom redrive`: sends dead letters back to their queues."""

import click

from darkroom_client.commands.common import Given, options


@click.command("redrive", short_help="Send dead letters back to their queues.")
@options
@click.pass_obj
def command(given: Given) -> None:
    """Send dead letters back to their queues, once their cause is fixed. Nothing is paid twice, so you may run it at
    any time.

    A request that has its outcome is over, and its dead letter is removed. Any other request is sent again as it was.
    """
    from darkroom_client.operating.redrive import Redrive
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        redrive = Redrive(given.open_stack(), given.say)
        done, left = redrive.work(), redrive.left()
    told = {"sent": done["sent"], "over": done["over"], "left": left}
    given.tell(told, f"{told['sent']} sent again, {told['over']} over and removed, {left} left.")
