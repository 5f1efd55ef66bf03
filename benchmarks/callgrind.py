"""Counts instructions with Valgrind's callgrind: the same process runs the same number, however busy the machine is.

On x86_64, the processor that Valgrind imitates has no instructions for SHA-256. Real processors have them, and need far
fewer instructions. So the hashing is counted separately.
"""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MARK = "getpgid"  # a function of the C library that no client calls
HASHING = {"SHA256_Update", "SHA256_Final"}  # OpenSSL's
VARIABLES = {"PYTHONHASHSEED": "0"}  # gives dictionaries and sets the same layout each time
SLOWNESS = 100  # a process may take so many times as long
INSTALL = "Valgrind is missing: `apt-get install valgrind` on Debian and Ubuntu"
_FUNCTION = re.compile(r"(c?)fn=\((\d+)\)(?: (.+))?")


@dataclass(frozen=True, slots=True)
class Count:
    """Instructions that a process ran, and the part of them that computes SHA-256."""

    whole: int
    hashing: int

    @property
    def own(self) -> int:
        """All instructions without the hashing."""
        return self.whole - self.hashing


def is_here() -> bool:
    """Whether this machine has Valgrind. INSTALL says how to get it."""
    return shutil.which("valgrind") is not None


def command(profile: Path) -> list[str]:
    """The beginning of a command whose process is counted into this file. Each call of MARK ends a part of the count
    and begins a new one.
    """
    return [
        "valgrind", "--tool=callgrind", "--quiet", "--vgdb=no", "--fair-sched=try", "--dump-line=no",
        f"--dump-before={MARK}", f"--callgrind-out-file={profile}",
    ]  # fmt: skip


def part(profile: Path, number: int) -> Path:
    """The file with the part of the count that ended at the MARK of this number, from 1."""
    return profile.with_name(f"{profile.name}.{number}")


def counted(profile: Path) -> Count:
    """The count in a file of callgrind."""
    with profile.open(encoding="utf-8", errors="replace") as lines:
        return read(lines)


def read(lines: Iterable[str]) -> Count:
    """The count in callgrind's lines. A name is written only once; the line after a call has that call's whole cost."""
    names: dict[str, str] = {}
    whole, hashing, called, is_cost_of_call = 0, 0, "", False
    for line in lines:
        if is_cost_of_call:
            hashing += int(line.split()[1]) if names.get(called) in HASHING else 0
            is_cost_of_call = False
        elif found := _FUNCTION.match(line):
            is_callee, number, name = found.groups()
            if name:
                names[number] = name
            called = number if is_callee else called
        elif line.startswith("calls="):
            is_cost_of_call = True
        elif line.startswith("totals:"):
            whole = int(line.split()[1])
    return Count(whole, hashing)
