"""A command on a pseudo-terminal of so many columns, as a person sees it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b_G.*?\x1b\\|\x1b\]1337;.*?\x07", re.DOTALL)
ROWS = 50


class Seen(NamedTuple):
    """The exit code, and everything that was written to the terminal."""

    code: int
    raw: str

    @property
    def lines(self) -> list[str]:
        """The lines on the screen. Of a line that is written over, only the last text counts."""
        plain = SEQUENCES.sub("", self.raw).replace("\r\n", "\n")
        return [line.rpartition("\r")[2].rstrip() for line in plain.split("\n")]


def run(words: Sequence[str | Path], width: int, *, env: Mapping[str, str], cwd: Path, seconds: float = 120) -> Seen:
    """Run it to its end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, width, 0, 0))
    own = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env={"TERM": "xterm-256color", **own}
    )
    os.close(theirs)
    written = bytearray()
    try:
        while part := _read(ours):
            written += part
        return Seen(process.wait(seconds), written.decode())
    finally:
        os.close(ours)
        process.kill()
        process.wait()


def _read(descriptor: int) -> bytes:
    """Read; on Linux an error says that the other end is closed."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
