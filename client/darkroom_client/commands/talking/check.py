"""`darkroom check`: what Darkroom would make of files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.errors import NotFound, Trouble

if TYPE_CHECKING:
    from darkroom.errors import Rejected
    from darkroom_client.checking.verdict import Verdict


@click.command("check", short_help="Say what Darkroom would make of files.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--to", "prefix", default="", metavar="FOLDER/", help="The folder of the bucket that they would go to.")
@options
@click.pass_obj
def command(given: Given, files: tuple[Path, ...], prefix: str) -> int:
    """Say what Darkroom would make of FILEs, or of all files in a folder, if they were uploaded: what each is, which
    conversation it belongs to, which file it goes with, and what is wrong with it.

    Nothing is sent, and no stack is asked. A file's path is its key, as after `aws s3 sync . s3://…`.
    """
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    is_good = True
    for path in _expanded(files):
        try:
            verdict = _verdict(path, prefix)
        except Trouble as trouble:  # it concerns this file alone; the others are still judged
            given.fail(trouble)
            is_good = False
            continue
        is_good = is_good and not verdict.problems
        if given.as_json:
            given.tell(_document(path, verdict))
        else:
            _show(path, verdict)
    return int(not is_good)


def _expanded(files: Sequence[Path]) -> Iterator[Path]:
    """The files, and those of folders in their order."""
    for path in files:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())
        else:
            yield path


def _verdict(path: Path, prefix: str) -> "Verdict":
    """Raises Trouble where the file is not there, or cannot be read."""
    from darkroom_client.checking import verdict
    from darkroom_client.checking.folder import LocalFolder

    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    is_below = not path.is_absolute() and ".." not in path.parts
    root, name = (Path(), path.as_posix()) if is_below else (path.parent, path.name)
    try:
        return verdict.of_file(LocalFolder(root, prefix), prefix + name)
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}.") from error


def _document(path: Path, verdict: "Verdict") -> dict[str, Any]:
    return {
        "file": str(path), "key": verdict.key, "kind": verdict.kind, "thread_id": verdict.thread, "says": verdict.says,
        "goes_with": list(verdict.goes_with), "instruction": verdict.instruction, "warnings": list(verdict.warnings),
        "problems": [{"code": each.code, "message": each.message, "hint": each.hint} for each in verdict.problems],
    }  # fmt: skip


def _show(path: Path, verdict: "Verdict") -> None:
    from rich.text import Text

    from darkroom_client.commands import terminal

    console = terminal.console()
    state = "failed" if verdict.problems else "waiting" if verdict.kind == "noise" else "succeeded"
    console.print(Text.assemble(terminal.mark(state), " ", (terminal.name(str(path)), "bold"), f"  {verdict.says}"))
    for line in _facts(verdict):
        terminal.hang(console, "  ", Text(line, "dim"))
    for warning in verdict.warnings:
        terminal.hang(console, "  ! ", Text(terminal.words(warning), "yellow"))
    for problem in verdict.problems:
        _tell(problem)


def _facts(verdict: "Verdict") -> Iterator[str]:
    from darkroom_client.commands import terminal

    if verdict.thread:
        yield f"conversation {terminal.name(verdict.thread)}"
    if verdict.goes_with:
        yield f"with {', '.join(map(terminal.name, verdict.goes_with))}"
    if verdict.instruction:
        yield f"“{terminal.words(verdict.instruction, 200)}”"


def _tell(problem: "Rejected") -> None:
    from rich.text import Text

    from darkroom_client.commands import terminal

    console = terminal.console()
    terminal.hang(console, "  ", Text(f"{problem.code}: {terminal.words(problem.message)}", "red"))
    if problem.hint:
        terminal.hang(console, "  ", Text(terminal.words(problem.hint)))
