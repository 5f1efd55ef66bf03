"""`darkroom forget`: erases a thread."""

import click

from darkroom_client import naming
from darkroom_client.commands.common import Given, options


@click.command("forget", short_help="Erase a thread for good.")
@click.argument("thread")
@click.option("--yes", is_flag=True, help="Erase without asking.")
@options
@click.pass_obj
def command(given: Given, thread: str, yes: bool) -> None:
    """Erase THREAD for good: its words, its pictures and what was uploaded for it.

    It shows what there is, asks, erases, and gives a receipt: what it kept, and what is out of its reach. It erases
    nothing while a request of the thread is open. It waits for a minute in between, because a worker that has read an
    outcome of the thread may announce it until then. If it is stopped, run it again.
    """
    from darkroom_client.operating.erasing.forget import Forget
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    thread = naming.thread_id(thread)
    with translated(OPERATOR):
        forget = Forget(given.open_stack(), thread, given.say)
        if not yes:
            forget.looks()
            if not given.agrees(f"Erase {thread} for good?", "--yes says it."):
                given.tell({"thread_id": thread, "erased": {}}, "Nothing was erased.")
                return
        receipt = forget.work()
    given.tell({"thread_id": thread, **receipt.document()})
