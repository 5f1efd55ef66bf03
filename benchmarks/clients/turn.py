"""One client's turn, measured: `python -m benchmarks.clients.turn`, with its job on standard input.

First comes a small turn, so that imports and first uses are not measured. Then comes a pause in which the servers drop
every connection, as in an environment that waited. Then comes the turn. The process writes the measurements into the
file that the job names.

While Valgrind counts, there is no pause, and everything takes many times as long. So all timed waits are as many times
longer: otherwise the heartbeat would make calls that a turn of normal length does not make.
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
    """VmRSS or VmHWM in bytes. Not `ru_maxrss`, which a process inherits from its parent."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


class Calls:
    """Counts the calls of each AWS operation at the client's edge, which does not show the SDK's retries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def watch(self) -> None:
        """Count every call of botocore's clients from here on."""
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
    """The measurements of the events, run at the same time, each in a thread."""
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
    """Tell Valgrind, if it counts, to begin a new count: see `callgrind.MARK`."""
    os.getpgid(0)


def lengthen_waits(times: float) -> None:
    """Multiply the timed waits for an event, such as the heartbeat's."""
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
    """Move this process into the control group."""
    (Path(folder) / "cgroup.procs").write_text(str(os.getpid()))


if __name__ == "__main__":
    main()
