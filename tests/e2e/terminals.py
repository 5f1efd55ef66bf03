"""A pseudo-terminal of a given width, and a command's output on it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from tests.e2e import operating
from tests.e2e.conftest import Stack

LINES = 40
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def typed(stack: Stack, words: list[str], width: int, *, is_plain: bool = True, **variables: str) -> str:
    """Run `darkroom --stack darkroom …` at a terminal of this width. Return its output without control sequences."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, width, 0, 0))
    own = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    running = subprocess.Popen(
        [operating.DARKROOM, "--stack", "darkroom", *words],
        env={**own, "XDG_CACHE_HOME": str(stack.home.folder), **stack.env, "TERM": "xterm-256color", **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    running.wait()
    said = shown.decode().replace("\r\n", "\n")
    return _CONTROLS.sub("", said) if is_plain else said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other side is closed
        return b""
