"""`darkroom watch`: what ends, as it ends."""

import time
from typing import TYPE_CHECKING, NoReturn

import click

from darkroom_client.commands.common import Given, options, until_interrupted

if TYPE_CHECKING:
    from darkroom_client.index import Ended
    from darkroom_client.stacks.stack import Stack

LOOK_SECONDS = 2.0


@click.command("watch", short_help="Tell what ends, as it ends.")
@click.argument("prefix", default="")
@options
@click.pass_obj
def command(given: Given, prefix: str) -> None:
    """Tell what ends, as it ends, of conversations and uploads whose names begin with PREFIX. Ctrl-C ends it.

    Refused uploads and messages are among it: they became no turn.
    """
    stack = given.open_stack()
    with until_interrupted():
        _follow(given, stack, prefix)


def _follow(given: Given, stack: "Stack", prefix: str) -> NoReturn:
    from darkroom_client.index import Index, Watch

    watch = stack.up_to_date(lambda: Watch(Index(stack), prefix))
    if not given.as_json:
        from darkroom_client.commands import terminal

        terminal.note("Watching. Ctrl-C ends it.")
    while True:
        for each in watch.look():
            _tell(given, each, stack.outputs["ResultsBucket"])
        time.sleep(LOOK_SECONDS)


def _tell(given: Given, ended: "Ended", bucket: str) -> None:
    if given.as_json:
        document = ended._asdict()
        key = document.pop("result_key")
        given.tell(document | {"result": f"s3://{bucket}/{key}"})
        return
    from rich.text import Text

    from darkroom_client.commands import terminal

    name = ended.thread_id or ended.result_key
    turn = f" turn {ended.turn}" if ended.turn else ""
    head = Text.assemble((f"{terminal.clock(ended.ended_at)} ", "dim"), terminal.mark(ended.status), " ")
    line = Text.assemble((terminal.name(name), "bold"), turn, "  ", terminal.words(ended.instruction, 120))
    if cost := terminal.money(ended.cost):
        line.append(f"  {cost}", "dim")
    terminal.hang(terminal.console(), head, line)
    if ended.error:
        said = f"{ended.error['code']}: {terminal.words(ended.error['message'])}"
        terminal.hang(terminal.console(), "  ", Text(said, "red"))
