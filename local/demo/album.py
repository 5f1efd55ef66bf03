"""Saves the pictures of a conversation to a folder, with a contact sheet of them."""

import re
from pathlib import Path

from darkroom_client.sheets.contact_sheet import Cell, contact_sheet, opened
from local.demo.conversation import Conversation, Outcome

OWN_FILES = re.compile(r"(source|turn-\d+)\.[a-z0-9]+|contact-sheet\.png")


def save(thread: Conversation, outcomes: list[Outcome], photo: bytes, extension: str, out: Path) -> None:
    """Save the source, each turn's picture and the contact sheet."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        if OWN_FILES.fullmatch(old.name) and old.is_file():
            old.unlink()
    (out / f"source{extension}").write_bytes(photo)
    cells = [Cell("Source", "", f"{thread.thread_id.rpartition('/')[2]}{extension}", opened(photo))]
    for outcome in outcomes:
        for suffix, content in thread.pictures(outcome):
            (out / f"turn-{outcome['turn']}{suffix}").write_bytes(content)
            cells.append(_cell(outcome, content))
    contact_sheet("A conversation about a picture", cells).save(out / "contact-sheet.png")


def _cell(outcome: Outcome, content: bytes) -> Cell:
    answered = outcome.get("parent_turn")
    note = f"answers turn {answered}" if answered else "answers the source"
    return Cell(f"Turn {outcome['turn']}", note, outcome["instruction"], opened(content))
