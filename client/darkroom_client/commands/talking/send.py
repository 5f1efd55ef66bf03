"""`darkroom send`: a new conversation."""

from pathlib import Path

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.commands.talking import asking
from darkroom_client.commands.talking.asking import Wish
from darkroom_client.errors import Invalid, NotFound


@click.command("send", short_help="Ask for a picture, in a new conversation.")
@click.argument("words", nargs=-1, required=True, metavar='[FILE]... "WORDS"', type=click.Path())
@click.option("--thread", metavar="NAME", help="Name the conversation; else after the first file, or the words.")
@asking.choices
@options
@click.pass_obj
def command(given: Given, words: tuple[str, ...], thread: str | None, wish: Wish) -> int:
    """Ask for a picture, in a new conversation: of the FILEs, or of words alone.

    It waits, and saves the picture beside the first file. Where a conversation of that name exists, it takes the next
    name: mug, mug-2, mug-3.

    \b
    darkroom send mug.jpg "make it night"
    darkroom send mug.jpg logo.png "put the logo on the mug" --thread shop/mug
    darkroom send "a kitten" --thread cats --option size=16:9 --variations 3
    """
    from darkroom_client import naming

    files, said = [Path(each) for each in words[:-1]], words[-1]
    _look_at(files, said)
    began = asking.begin(given)
    name = thread or (naming.after_file(files[0]) if files else naming.after_words(said))
    free = began.room.free_name(name)
    asked = asking.Asked(free, said, files, 0, _remark(free, name, is_named=bool(thread)))
    return asking.ask(given, began, asked, wish, files[0].parent if files else Path())


def _remark(free: str, name: str, *, is_named: bool) -> str:
    """Says the name of the conversation, unless the person chose it."""
    if free != name:
        return f"{name} exists already: this is {free}."
    return "" if is_named else f"The conversation is called {free}."


def _look_at(files: list[Path], said: str) -> None:
    """Raises Trouble where a file is not there, or where the words are none: they would be paid."""
    if _is_file(Path(said)):
        raise Invalid(f"{said} is a file, and the words come last", f'Say what to make of it: darkroom send {said} "…"')
    for file in files:
        if not _is_file(file):
            raise NotFound(f"There is no file {file}. Nothing was sent.")
    if not files and _is_named_like_a_file(said):
        raise Invalid(f"There is no file {said}, and these would be the words. Nothing was sent.")


def _is_named_like_a_file(said: str) -> bool:
    """Whether it is one word with the ending of a file that could be uploaded."""
    from darkroom.domain import picture_formats, upload

    ending = upload.extension(said.rpartition("/")[2]).lower()
    return len(said.split()) == 1 and (ending in picture_formats.ENDINGS or ending in upload.KINDS)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # such as words that are too long for a name
        return False
