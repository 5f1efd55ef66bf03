"""`darkroom show`: a conversation as a tree."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.commands.talking import lookup
from darkroom_client.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from darkroom_client.results import Result, Waiting


@click.command("show", short_help="Show a conversation as a tree.")
@click.argument("thread")
@click.option("--sheet", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.png",
              help="Write a contact sheet of its pictures, too.")  # fmt: skip
@options
@click.pass_obj
def command(given: Given, thread: str, sheet: Path | None) -> None:
    """A conversation as a tree: each turn with its words, model, seconds and cost; errors with the way out; and what
    waits, why, and since when.

    Where several turns answer the same one, they are branches.
    """
    from darkroom_client.results import Result, Waiting

    room = given.room()
    found = lookup.existing(room, thread)
    all_turns = found.turns()
    ended = [each for each in all_turns if isinstance(each, Result)]
    open_ones = [each for each in all_turns if isinstance(each, Waiting)]
    if sheet:
        _draw(found.id, ended, sheet)
    if given.as_json:
        given.tell(_document(found.id, ended, open_ones))
        return
    from darkroom_client.commands.talking import tree

    tree.show(found.id, ended, open_ones)
    if sheet:
        given.tell({}, f"The contact sheet is {sheet}.")


def _document(thread: str, ended: "Sequence[Result]", waiting: "Sequence[Waiting]") -> dict[str, object]:
    names = ("request_id", "instruction", "cause", "since", "until")
    return {
        "thread_id": thread,
        "turns": [each.as_document() for each in ended],
        "waiting": [{name: getattr(each, name) for name in names} for each in waiting],
    }


def _draw(thread: str, ended: "Sequence[Result]", sheet: Path) -> None:
    from darkroom_client.commands.talking.saving import on_disk
    from darkroom_client.sheets.contact_sheet import Cell, contact_sheet, opened

    cells = []
    for turn in ended:
        for image in (each for each in turn.images if each.primary):
            note = f"answers turn {turn.parent_turn}" if turn.parent_turn else ""
            cells.append(Cell(f"Turn {turn.turn}", note, turn.instruction or "", opened(image.read())))
    if not cells:
        raise NotFound(f"{thread} has no picture yet, so there is no contact sheet.")
    with on_disk(sheet):
        contact_sheet(thread, cells).save(sheet, "PNG")
