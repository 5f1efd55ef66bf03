"""One client's turn, measured: `python -m benchmarks.clients.turn`, told what to do on its standard input.

First a small turn, so that what is measured is no import and no first time; then a pause in which every connection is
dropped, as in an environment that waited; then the turn. What it took is written into the file that the job names.

Where Valgrind counts its instructions there is no pause, and it takes many times as long: then all waits with a time
limit are as many times longer, so that the heartbeat makes no calls that a turn of that length would not have.
"""

import gc
import importlib
import json
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STATUS, PEAK_RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
CONTEXT: Any = SimpleNamespace(
    get_remaining_time_in_millis=lambda: 900_000, aws_request_id="bench", function_name="bench"
)


def memory(name: str) -> int:
    """VmRSS or VmHWM in bytes. Not `ru_maxrss`, which is inherited from whoever started this."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


class Calls:
    """How often each operation of AWS was called, at the client's edge: the retries of the SDK are not seen here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def watch(self) -> None:
        """Counts what any client of botocore's is asked from here on."""
        from botocore import client as botocore_client

        base: Any = botocore_client.BaseClient
        inner = base._make_api_call

        def counting(client: Any, operation: str, parameters: Any) -> Any:
            name = f"{client.meta.service_model.service_name}:{operation}"
            with self._lock:
                self.counts[name] += 1
            return inner(client, operation, parameters)

        base._make_api_call = counting


def measured(handle: Any, events: list[dict[str, Any]]) -> dict[str, float]:
    """What the events took: all at once, a thread each."""
    gc.collect()
    PEAK_RESET.write_text("5")
    before, cpu, wall = memory("VmRSS"), time.process_time(), time.perf_counter()
    mark()
    if len(events) == 1:
        left = [handle(events[0], CONTEXT)]
    else:
        with ThreadPoolExecutor(len(events)) as pool:
            left = list(pool.map(lambda event: handle(event, CONTEXT), events))
    mark()
    wall, cpu, peak = time.perf_counter() - wall, time.process_time() - cpu, memory("VmHWM")
    if any(answer["batchItemFailures"] for answer in left):
        raise RuntimeError(f"not answered: {left}")
    return {"wall": wall, "cpu": cpu, "growth": peak - before, "peak": peak}


def mark() -> None:
    """Tells Valgrind to begin a new count, where it counts: see `callgrind.MARK`."""
    os.getpgid(0)


def lengthen_waits(times: float) -> None:
    """Those for an event, as the heartbeat and a deadline wait."""
    base: Any = threading.Event
    inner = base.wait

    def wait(event: Any, timeout: float | None = None) -> bool:
        return bool(inner(event, timeout and timeout * times))

    base.wait = wait


def main() -> None:
    job = json.load(sys.stdin)
    if job["slowness"] > 1:
        lengthen_waits(job["slowness"])
    for folder in job["start_groups"]:
        _join(folder)
    calls = Calls()
    handle = importlib.import_module(job["module"]).handler
    if job["counts_calls"]:
        calls.watch()
    handle(job["warm_up"], CONTEXT)
    time.sleep(job["pause"])
    for folder in job["turn_groups"]:
        _join(folder)
    before, starts = Counter(calls.counts), time.time()
    found = measured(handle, job["turn"])
    told = {"turn_starts": starts, "every_call": calls.counts, "calls": calls.counts - before}
    Path(job["report"]).write_text(json.dumps({**found, **told}))


def _join(folder: str) -> None:
    """Into this control group."""
    (Path(folder) / "cgroup.procs").write_text(str(os.getpid()))


if __name__ == "__main__":
    main()
