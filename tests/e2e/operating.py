"""The commands of `operations/`, run from a checkout in a shell whose AWS is a stack of the tests' own."""

import os
import subprocess
import sys

from tests.e2e import lines
from tests.e2e.conftest import Stack


def run(stack: Stack, operation: str, *words: str) -> list[str]:
    """`python -m operations.<operation> --stack darkroom …`. Returns the lines that it said."""
    done = subprocess.run(
        [sys.executable, "-m", f"operations.{operation}", "--stack", "darkroom", *words],
        cwd=lines.ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(stack.home.folder), **stack.env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
