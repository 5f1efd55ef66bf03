"""`darkroom reindex`: lists the turns of earlier releases."""

import click

from darkroom_client.commands.common import Given, options

SAID_EVERY = 1000


@click.command("reindex", short_help="List the turns of earlier releases in the index.")
@options
@click.pass_obj
def command(given: Given) -> None:
    """List the turns of releases up to 0.1.1 in the index, once, after an update. It reads the whole table."""
    from darkroom_client.operating.reindex import reindexed
    from darkroom_client.stacks.aws_errors import OPERATOR, translated

    count = 0
    with translated(OPERATOR):
        for count in reindexed(given.open_stack()):
            if count % SAID_EVERY == 0:
                given.say(f"Turns listed so far: {count}")
    given.tell({"listed": count}, f"Turns listed: {count}")
