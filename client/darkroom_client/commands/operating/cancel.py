"""`darkroom cancel`: ends requests whose call has not started."""

import click

from darkroom_client import naming
from darkroom_client.commands.common import Given, options
from darkroom_client.commands.talking import lookup


@click.command("cancel", short_help="Cancel a thread's waiting requests.")
@click.argument("thread")
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@options
@click.pass_obj
def command(given: Given, thread: str, requests: tuple[str, ...]) -> int:
    """Cancel these requests of THREAD, or without any all that it was asked up to now.

    A request whose call has begun ends in its usual way, because it is paid. `darkroom batch stop` stops a batch.

    A request that still lies in the queue is cancelled too, though it cannot be seen. So the command also marks
    a THREAD that the stack does not know. The exit code is 1 then.
    """
    from darkroom_client.operating.cancel import Cancel
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    thread = naming.thread_id(thread)
    with translated(OPERATOR):
        cancel = Cancel(given.open_stack(), given.say)
        done = cancel.requests(thread, requests) if requests else cancel.thread(thread)
    given.tell({"thread_id": thread, "requests": list(requests), "until": done.until, "open": len(done.open)})
    if done.is_known:
        return 0
    missing = lookup.not_found(thread)
    given.fail(missing)
    return missing.exit_code
