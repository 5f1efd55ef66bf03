"""`darkroom backfill`: asks the same of all pictures below a prefix."""

import click

from darkroom_client.commands.common import Given, options

MAX_PICTURES = 1000


@click.command("backfill", short_help="Ask the same of many uploaded pictures.")
@click.argument("prefix")
@click.argument("words")
@click.option(
    "--most",
    type=int,
    metavar="N",
    default=MAX_PICTURES,
    show_default=True,
    help="Pictures at most; over it nothing is sent.",
)
@click.option(
    "--max-calls", type=int, metavar="N", help="Calls that may be paid; pictures over it wait for another run."
)
@click.option("--yes", is_flag=True, help="Send without asking.")
@options
@click.pass_obj
def command(given: Given, prefix: str, words: str, most: int, max_calls: int | None, yes: bool) -> None:
    """Ask the same of all uploaded pictures whose keys begin with PREFIX.

    It counts them, says what that costs at most, and asks. The same command again takes up where it was left: a picture
    that was answered is not paid again.

    \b
    darkroom backfill shop/ "make it night"
    """
    from darkroom_client.operating import backfill
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    with translated(OPERATOR):
        done = backfill.work(
            given.open_stack(), prefix, words,
            most=most, agrees=lambda: yes or given.agrees("Send them?", "--yes says it."), say=given.say,
            max_calls=max_calls,
        )  # fmt: skip
    given.tell(done._asdict())
