"""`darkroom cancel`: requests whose call has not started are not called."""

import click

from darkroom_client import naming
from darkroom_client.commands.common import Given, options


@click.command("cancel", short_help="Cancel what waits of a thread.")
@click.argument("thread")
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@options
@click.pass_obj
def command(given: Given, thread: str, requests: tuple[str, ...]) -> None:
    """Cancel these requests of THREAD, or without any all that it was asked up to now.

    What is being called, or was answered, ends as it would have: it is paid. `darkroom batch stop` stops a batch.
    """
    from darkroom_client.operating.cancel import Cancel
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    thread = naming.thread_id(thread)
    with translated(OPERATOR):
        cancel, until = Cancel(given.open_stack(), given.say), None
        if requests:
            cancel.requests(thread, requests)
        else:
            until = cancel.thread(thread)
    given.tell({"thread_id": thread, "requests": list(requests), "until": until})
