"""Processes that outlive the command that starts them, and are found again by their pid files.

A pid file holds the process's id and its start time, because the system may give the id to another process later.
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
"""The permissions that no file of theirs has: the emulator keeps secrets in files."""
PATIENCE = 20.0
"""Seconds in which a process may save its state and end, before it is killed."""


def start(
    command: Sequence[str | Path], pid_file: Path, log: Path, env: Mapping[str, str], cwd: Path, mark: str = ""
) -> None:
    """Start `command` in its own session, with its output in `log`. `mark` identifies the sources that it runs from."""
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
    # It is meant to outlive this command. Without a return code, Popen warns when it is collected.
    process.returncode = 0


def running(pid_file: Path) -> bool:
    return _owned(pid_file) is not None


def is_current(pid_file: Path, mark: str) -> bool:
    """Whether it runs, and was started from the present sources."""
    return running(pid_file) and bool(json.loads(pid_file.read_text()).get("mark") == mark)


def answers_within(seconds: float, pid_file: Path, url: str) -> bool:
    """Whether `url` answers 200 before the time is over or the process ends."""
    deadline = time.monotonic() + seconds
    while not _answers(url):
        if not running(pid_file) or time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def stop(pid_file: Path) -> bool:
    """End the process and its children. Return whether it was running."""
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
    """The id of the process, if it still runs and is the one that was started."""
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
    """Kill the rest of the process's session, such as functions that were running."""
    noted = _noted(pid_file)
    if noted is None:
        return
    pid, started = noted
    # A group's id is not reused while the group has members. So the group is ours if its leader is gone,
    # or is still the process that was started.
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
    """The start time of the process, in the system's own format. None if the process is gone."""
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
