"""The operator's commands, run in a shell whose AWS is a stack of the tests."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Stack

DARKROOM = Path(sys.executable).parent / "darkroom"


def run(stack: Stack, *words: str, code: int = 0) -> list[str]:
    """Run `darkroom … --stack darkroom`. Return the lines of its output."""
    done = ended(stack, *words)
    assert done.returncode == code, done.stderr
    return done.stdout.splitlines()


def told(stack: Stack, *words: str, code: int = 0) -> Any:
    """Run the same with `--json`. Return the object."""
    return json.loads("\n".join(run(stack, *words, "--json", code=code)))


def ended(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [DARKROOM, "--stack", "darkroom", *words],
        cwd=stack.home.folder,
        env={**os.environ, "XDG_CACHE_HOME": str(stack.home.folder), **stack.env},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
