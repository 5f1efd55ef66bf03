"""A small preview of a picture, where the terminal can show one: by the protocols of kitty and of iTerm."""

import base64
import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

SIDE = 400  # pixels at most
_CHUNK = 4096  # characters, which is what kitty takes at a time
_ITERM = ("iTerm.app", "WezTerm")


def show(path: Path) -> None:
    """Shows the picture in a file, or nothing where that cannot be done."""
    known = protocol(os.environ) if sys.stdout.isatty() else None
    if known and (png := _small(path)):
        sys.stdout.write((_kitty if known == "kitty" else _iterm)(png) + "\n")
        sys.stdout.flush()


def protocol(environ: Mapping[str, str]) -> Literal["kitty", "iterm"] | None:
    """Which one the terminal knows. One within another, as in tmux, passes none on."""
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if environ.get("TMUX") or term.startswith(("screen", "tmux", "dumb")):
        return None
    if "kitty" in term or "ghostty" in term or environ.get("KITTY_WINDOW_ID"):
        return "kitty"
    return "iterm" if program in _ITERM else None


def _small(path: Path) -> bytes | None:
    from PIL import Image

    small = io.BytesIO()
    try:
        with Image.open(path) as picture:
            picture.thumbnail((SIDE, SIDE))
            picture.convert("RGBA").save(small, "PNG")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return small.getvalue()


def _kitty(png: bytes) -> str:
    data = base64.b64encode(png).decode()
    parts = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
    head = ["a=T,f=100,", *[""] * (len(parts) - 1)]
    return "".join(
        f"\x1b_G{first}m={int(number < len(parts))};{part}\x1b\\"
        for number, (first, part) in enumerate(zip(head, parts, strict=True), start=1)
    )


def _iterm(png: bytes) -> str:
    return f"\x1b]1337;File=inline=1;size={len(png)};preserveAspectRatio=1:{base64.b64encode(png).decode()}\x07"
