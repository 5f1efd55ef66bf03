"""The operator's commands, run in a shell whose AWS is a stack of the tests, and an answer for them to judge again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from darkroom.domain.keys import spool_key
from tests.e2e.conftest import Stack
from tests.e2e.road import Doors, photo
from tests.fakes import spoken

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


def make_readable(doors: Doors, thread: str, request_id: str) -> None:
    """Put a picture in place of the raw answer to a request's first call, as if only the next release could read it."""
    s3, bucket, key = doors.stack.aws.s3, doors.stack.env["SPOOL_BUCKET"], spool_key(thread, request_id, 1)
    head = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    answer = spoken.made(doors.dialect, photo("gold", "PNG"))
    s3.put_object(Bucket=bucket, Key=key, Body=answer.body[:], Metadata=head)
