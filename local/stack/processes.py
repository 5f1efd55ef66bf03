"""Processes that outlive the command that starts them, known again by their pid files.

A pid file holds the process's number and when it started: a number alone may long be somebody else's.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

PRIVATE = 0o077
"""The bits that no file of theirs has: the emulator keeps secrets in files."""
PATIENCE = 20.0
"""Seconds a process has to end by itself, its state saved, before it is killed."""


def start(
    command: Sequence[str | Path], pid_file: Path, log: Path, env: Mapping[str, str], cwd: Path, mark: str = ""
) -> None:
    """Start `command` in a session of its own, its output going to `log`. `mark` tells what it was started from."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            umask=PRIVATE,
        )
    noted = {"pid": process.pid, "started": _started(process.pid), "mark": mark}
    pid_file.write_text(json.dumps(noted))
    # It is meant to outlive us; without a return code Popen would warn when it is collected.
    process.returncode = 0


def running(pid_file: Path) -> bool:
    return _owned(pid_file) is not None


def is_current(pid_file: Path, mark: str) -> bool:
    """Whether it runs, and was started from what there is now."""
    return running(pid_file) and bool(json.loads(pid_file.read_text()).get("mark") == mark)


def answers_within(seconds: float, pid_file: Path, url: str) -> bool:
    """Whether `url` says 200 before the time is over or the process ends."""
    deadline = time.monotonic() + seconds
    while not _answers(url):
        if not running(pid_file) or time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def stop(pid_file: Path) -> bool:
    """End the process and all that it started. True if it was running."""
    pid = _owned(pid_file)
    if pid is not None:
        _signal(pid, signal.SIGTERM)
        _wait(pid_file, PATIENCE)
    _sweep(pid_file)
    pid_file.unlink(missing_ok=True)
    return pid is not None


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _owned(pid_file: Path) -> int | None:
    """The number of the process, if it still runs and is the one that was started."""
    noted = _noted(pid_file)
    if noted is None:
        return None
    pid, started = noted
    return pid if started is not None and _started(pid) == started else None


def _noted(pid_file: Path) -> tuple[int, str | None] | None:
    try:
        noted = json.loads(pid_file.read_text())
        return int(noted["pid"]), noted["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sweep(pid_file: Path) -> None:
    """Kill what the process left behind in its session, such as functions that were at work."""
    noted = _noted(pid_file)
    if noted is None:
        return
    pid, started = noted
    # While a group has members its number is not given away, so a leader that is gone or still ours
    # makes the group ours.
    if _started(pid) in (None, started):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _wait(pid_file: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while running(pid_file) and time.monotonic() < deadline:
        time.sleep(0.05)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _started(pid: int) -> str | None:
    """When the process started, in whatever words the system has for it. None if it is gone."""
    if Path("/proc/self/stat").exists():
        return _started_by_proc(pid)
    return _started_by_ps(pid)


def _started_by_proc(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold anything: count from behind it. Zombies have ended.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _started_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()
