"""The log lines of all functions as they arrive."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.worker.escaping import escaped, escaped_lines
from local.stack import aws
from local.stack.home import Home

Event = tuple[int, str, str]
"""Milliseconds, function, line."""
_NOISE = ("START RequestId", "END RequestId", "REPORT RequestId")


def follow(home: Home, functions: tuple[str, ...], say: Callable[[str], None]) -> NoReturn:
    """Say every line of the last ten minutes, and then each new one, until interrupted."""
    known = aws.clients(home.endpoint)
    since = int((time.time() - 600) * 1000)
    seen: set[str] = set()
    while True:
        for when, function, line in _news(known, functions, since, seen):
            say(readable(when, function, line))
            # Lines that two functions write at the same time may arrive a moment apart.
            since = max(since, when - 60_000)
        time.sleep(1)


def readable(when: int, function: str, line: str) -> str:
    """The line with its time and function in front, and with only the interesting fields of its JSON."""
    clock = datetime.fromtimestamp(when / 1000).astimezone().strftime("%H:%M:%S")
    return f"{clock}  {function.removeprefix('darkroom-'):<10}  {_told(line)}"


def _told(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:
        return escaped_lines(line)
    if not isinstance(entry, dict) or "message" not in entry or "level" not in entry:
        return escaped_lines(line)
    boring = {"level", "location", "message", "timestamp", "service", "xray_trace_id", "exception"} | {
        name for name in entry if name.startswith(("function_", "cold_start"))
    }
    rest = [f"{escaped(name)}={_word(value)}" for name, value in entry.items() if name not in boring]
    words = [f"{_word(entry['level']):<7}", _word(entry["message"]), *rest]
    return "  ".join(words) + (f"\n{escaped_lines(str(entry['exception']))}" if entry.get("exception") else "")


def _word(value: object) -> str:
    return escaped(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _news(known: aws.Clients, functions: tuple[str, ...], since: int, seen: set[str]) -> Iterator[Event]:
    found = [event for function in functions for event in _events(known, function, since, seen)]
    # Sorted by time alone: the lines of one invocation have the same time and are already in order.
    events = sorted(found, key=lambda event: event[0])
    yield from (event for event in events if not event[2].startswith(_NOISE) and not _is_metrics(event[2]))


def _events(known: aws.Clients, function: str, since: int, seen: set[str]) -> Iterator[Event]:
    try:
        page = known.logs.filter_log_events(logGroupName=f"/aws/lambda/{function}", startTime=since)
        # The emulator writes a stream for each invocation, all of it when the invocation ends.
        events = [event for event in page["events"] if event["logStreamName"] not in seen]
        seen.update(event["logStreamName"] for event in events)
        yield from ((event["timestamp"], function, event["message"].rstrip()) for event in events)
    except (ClientError, BotoCoreError):
        # The emulator may be restarting.
        return


def _is_metrics(line: str) -> bool:
    return line.startswith("{") and '"_aws"' in line
