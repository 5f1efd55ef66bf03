"""`darkroom get`: the pictures of a conversation, and what became of each turn."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.commands.talking import lookup
from darkroom_client.errors import NotFound, Trouble
from darkroom_client.telling import name

if TYPE_CHECKING:
    from darkroom_client.results import Result
    from darkroom_client.thread import Thread


@click.command("get", short_help="Save a conversation's pictures and results.")
@click.argument("thread", metavar="THREAD[:TURN]")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="The folder to save into; else one that is called as the conversation.")  # fmt: skip
@options
@click.pass_obj
def command(given: Given, thread: str, output: Path | None) -> None:
    """Save the pictures of a conversation, or of one turn of it, and the result.json of each.

    Each turn has a folder of its own: shop/mug/00001/image.png, shop/mug/00001/result.json. A folder that holds a turn
    of another conversation is left as it is.
    """
    room = given.room()
    found, number = lookup.turn_of(room, thread)
    ended = _ended(found, number)
    folder = output or Path(found.id)
    saved = {turn.turn: [str(path) for path in _save(turn, folder)] for turn in ended}
    turns = [{"turn": turn, "files": files} for turn, files in saved.items()]
    given.tell({"thread_id": found.id, "turns": turns})
    for file in (file for files in saved.values() for file in files if not given.as_json):
        click.echo(name(file))  # a path is one line on a terminal, too


def _ended(thread: "Thread", number: int | None) -> "list[Result]":
    from darkroom_client.results import Result

    ended = [each for each in thread.turns() if isinstance(each, Result) and number in (None, each.turn)]
    if not ended:
        which = f"no turn {number}" if number is not None else "no turn that has ended yet"
        way_out = f"`darkroom show {shlex.quote(thread.id)}` says how it stands."
        raise NotFound(f"{thread.id} has {which}.", way_out)
    return ended


def _save(turn: "Result", folder: Path) -> list[Path]:
    from darkroom_client.commands.talking.saving import on_disk

    own = folder / f"{turn.turn:05d}"
    with on_disk(own):
        own.mkdir(parents=True, exist_ok=True)
        _assert_own(own / "result.json", turn)
        saved = [image.save(own / image.name) for image in turn.images]
        document = own / "result.json"
        document.write_text(json.dumps(turn.as_document(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return [*saved, document]


def _assert_own(document: Path, turn: "Result") -> None:
    """Raises Trouble where the folder holds a turn of another conversation, whose pictures would be replaced."""
    try:
        other = json.loads(document.read_bytes())["thread_id"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return
    if other != turn.thread_id:
        raise Trouble(
            f"{document.parent} holds a turn of {other}, and was left as it is.", "Name another folder: -o DIR."
        )
