"""`darkroom retry`: another chance for a turn without a picture."""

import click

from darkroom_client import naming
from darkroom_client.commands.common import Given, options
from darkroom_client.errors import Invalid


@click.command("retry", short_help="Give a turn without a picture another chance.")
@click.argument("turn", metavar="THREAD:TURN")
@click.option("--ask", is_flag=True, help="Ask the image API again, which is paid, even where answers may be judged.")
@click.option("--yes", is_flag=True, help="Pay without asking.")
@options
@click.pass_obj
def command(given: Given, turn: str, ask: bool, yes: bool) -> None:
    """Give a turn without a picture another chance.

    Where its raw answers are kept, the stack judges them again, which costs nothing. Else it asks the image API again
    in the same words. That is paid, so the command asks you first.

    \b
    darkroom retry shop/mug:3
    """
    from darkroom_client.operating.retry import Retry
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    named, _, number = turn.rpartition(":")
    if not (named and number.isascii() and number.isdigit()):
        raise Invalid(f"{turn!r} is no turn", "Write the thread, a colon and the number, as in shop/mug:3.")
    thread = naming.thread_id(named)
    with translated(OPERATOR):
        retry = Retry(given.open_stack(), given.say)
        work = retry.ask if ask else retry.work
        done = work(thread, int(number), lambda: yes or given.agrees("Ask again?", "--yes says it."))
    told = {"thread_id": thread, "turn": int(number), "how": done.how, "request_id": done.request_id}
    given.tell({**told, "is_new": done.is_new, "told_at": done.told_at})
