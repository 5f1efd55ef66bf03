"""The processes that run a stack's on_request, for tests that kill or freeze them."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.stack.conftest import Stack


def kill(stack: Stack) -> int:
    """SIGKILL to every worker; how many there were."""
    return _signal(stack, signal.SIGKILL)


def freeze(stack: Stack) -> int:
    """Every worker stands still from now on, until the function's time-out ends it; how many there were."""
    return _signal(stack, signal.SIGSTOP)


def _signal(stack: Stack, number: signal.Signals) -> int:
    """Workers are found by the folder of this very stack in their command."""
    mine = f"/{stack.port}/scratch/ministack-lambda-darkroom-on-request-"
    signalled = 0
    for pid, command in _commands():
        if mine in command:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                signalled += 1
    return signalled


def _commands() -> Iterator[tuple[int, str]]:
    """Every process and its command line; a machine with a /proc need not have `ps`."""
    if not Path("/proc/self/cmdline").exists():
        listed = subprocess.run(["ps", "-ww", "-axo", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607
        yield from ((int(line.split()[0]), line) for line in listed.stdout.splitlines())
        return
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(process.name), (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
