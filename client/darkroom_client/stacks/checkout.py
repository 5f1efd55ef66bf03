"""A checkout of the project, and the variables that `make up` stores there for each stack on this machine."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from darkroom_client.errors import Unreachable

STACK = "darkroom"  # each local stack has this name in its emulator
_MARKS = ("template.yaml", "local/stack/lifecycle.py")  # no other project has both


def find(environ: Mapping[str, str] = os.environ, start: Path | None = None) -> Path | None:
    """The checkout that `DARKROOM_REPO` names, or else the one around `start` (by default the working folder)."""
    if named := environ.get("DARKROOM_REPO"):
        return Path(named).expanduser().absolute()  # its commands are run from within it
    folder = start or Path.cwd()
    return next((each for each in (folder, *folder.parents) if _is_one(each)), None)


def needed(environ: Mapping[str, str] = os.environ, fallback: Path | None = None) -> Path:
    """The checkout that is found, or else `fallback`. Raises Unreachable if neither is a checkout."""
    found = find(environ) or fallback
    if found is None or not _is_one(found):
        where = f"{found} is no checkout of Darkroom" if found else "This is no checkout of Darkroom"
        raise Unreachable(f"{where}.", "Go into the checkout, or name its folder with DARKROOM_REPO=….")
    return found


def variables(homes: Path, port: int | None = None) -> dict[str, str]:
    """The variables of the stack on `port`, or of the one started last. `homes` is the checkout's `.local`."""
    path = homes / str(port or "") / "env"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError) as missing:
        raise _not_there(homes, port) from missing
    pairs = (shlex.split(line)[1].partition("=") for line in lines)
    return {name: value for name, _, value in pairs}


def _not_there(homes: Path, port: int | None) -> Unreachable:
    known = sorted(f"PORT={path.parent.name}" for path in homes.glob("*/env") if path.parent.name.isdigit())
    where, make = ("here yet", "make up") if port is None else (f"on port {port}", f"make up PORT={port}")
    others = f" There are: {', '.join(known)}." if known else ""
    return Unreachable(f"There is no stack {where}.{others}", f"`{make}` starts one.")


def _is_one(folder: Path) -> bool:
    return all((folder / mark).is_file() for mark in _MARKS)
