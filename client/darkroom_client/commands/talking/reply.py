"""`darkroom reply`: the next turn of a conversation."""

from pathlib import Path

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.commands.talking import asking, lookup
from darkroom_client.commands.talking.asking import Wish
from darkroom_client.errors import NotFound

_SHOW = "`darkroom show` has its turns."


@click.command("reply", short_help="Go on with a conversation.")
@click.argument("thread")
@click.argument("words")
@click.option(
    "--from", "turn", type=click.IntRange(min=0), metavar="TURN", help="Answer this turn, not the newest: a branch."
)
@click.option("--image", "images", multiple=True, type=click.Path(path_type=Path), help="A picture to send along.")
@asking.choices
@options
@click.pass_obj
def command(
    given: Given, thread: str, words: str, turn: int | None, images: tuple[Path, ...], wish: Wish
) -> int:  # fmt: skip
    """Go on with a conversation: what to change about its newest picture, or about that of another turn.

    It waits, and saves the picture in this folder.

    \b
    darkroom reply mug "add snow"
    darkroom reply mug "mirror it" --from 1 --open
    """
    if missing := [each for each in images if not each.is_file()]:
        raise NotFound(f"There is no file {missing[0]}. Nothing was sent.")
    began = asking.begin(given)
    found = lookup.existing(began.room, thread)
    if turn is None and wish.variations > 1:
        turn = found.latest_success()
        if not turn:
            raise NotFound(f"{found.id} has no picture yet, so there is nothing to vary.", _SHOW)
    if turn and found.turn(turn) is None:
        raise NotFound(f"{found.id} has no turn {turn}, so nothing was sent.", _SHOW)
    return asking.ask(given, began, asking.Asked(found.id, words, list(images), turn), wish, Path())
