"""`darkroom redrive`: dead letters go back to where they came from."""

import click

from darkroom_client.commands.common import Given, options


@click.command("redrive", short_help="Bring dead letters back.")
@options
@click.pass_obj
def command(given: Given) -> None:
    """Bring dead letters back, once their cause is mended. Nothing is paid twice, and it may be run again at any time.

    A request that has its outcome is over, and its copy is removed. Any other is sent again as it was.
    """
    from darkroom_client.operating.redrive import Redrive
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        redrive = Redrive(given.open_stack(), given.say)
        done, left = redrive.work(), redrive.left()
    told = {"sent": done["sent"], "over": done["over"], "left": left}
    given.tell(told, f"{told['sent']} sent again, {told['over']} over and removed, {left} left.")
