"""`darkroom backfill`: one instruction for all pictures below a prefix."""

import click

from darkroom_client.commands.common import Given, agrees, options

MAX_PICTURES = 1000


@click.command("backfill", short_help="Ask one thing of many pictures that are uploaded.")
@click.argument("prefix")
@click.argument("words")
@click.option("--most", type=int, default=MAX_PICTURES, show_default=True, help="Pictures; over it nothing is sent.")
@click.option("--max-calls", type=int, help="Calls that may be paid; pictures over it wait for another run.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@options
@click.pass_obj
def command(given: Given, prefix: str, words: str, most: int, max_calls: int | None, yes: bool) -> None:
    """Ask one thing of all pictures whose keys begin with PREFIX: `darkroom backfill shop/ "make it night"`.

    It counts them, says what that costs at most, and asks. The same line once more takes up where it was left: what
    was answered is not paid again.
    """
    from darkroom_client.operating import backfill
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        done = backfill.work(
            given.open_stack(), prefix, words,
            most=most, agrees=lambda: yes or agrees("Send them?", "--yes says it."), say=given.say, max_calls=max_calls,
        )  # fmt: skip
    given.tell(done._asdict())
