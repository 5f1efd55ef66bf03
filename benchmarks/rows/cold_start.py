"""The cold start: processor time of a process until everything is imported and its clients are built."""

import os
import subprocess

from benchmarks.environment import PYTHON
from benchmarks.import_times import STANDARD, shares
from benchmarks.rows.row import Report, Table
from benchmarks.runs import Bench, Client, Discarded
from benchmarks.samples import Samples
from benchmarks.spread import estimate, ratio
from benchmarks.verdict import Line
from local.stack.home import REPOSITORY

ROUNDS = 5
SAMPLE = "benchmarks.clients.sample"
# The end of a process is not part of a start: it would take apart everything that was built.
BEGIN = "import os, runpy, sys; runpy.run_module(sys.argv[1]); os._exit(0)"
PROGRAMS: dict[str, tuple[Client, str]] = {
    "sample": ("naive", SAMPLE),
    "compiled": ("naive", SAMPLE),
    "darkroom": ("darkroom", "benchmarks.clients.darkroom_start"),
    "clients": ("naive", "benchmarks.clients.clients_start"),
    "floor": ("floor", "benchmarks.clients.floor_start"),
}
DIRECT = {
    "boto3": "AWS is spoken to with it; the runtime brings it",
    "botocore": "what boto3 is made of",
    "aws_lambda_powertools": "structured log lines, metrics, and the API's key kept for five minutes",
    "requests": "the image API and the addresses of pictures are spoken to with it",
    "urllib3": "the sockets under `requests` and botocore",
    "PIL": "a picture's size and kind are read with it, and small ones are decoded",
    "pybase64": "base64 many times faster than the standard library's",
}
REASONS = {
    **DIRECT,
    "darkroom": "the handler itself",
    STANDARD: "what Python needs to start, and our own modules use",
    "interpreter and clients": "Python's start; the clients built: data of the services read, classes made",
}


class ColdStart:
    """The whole process against a sample's, and against the least possible one. `Instructions` has the goals, because
    times depend on the machine.
    """

    name = "cold-start"
    series = ()

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        for name in PROGRAMS:
            started(bench, name)  # compiles everything that is not compiled yet
        found: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        for _ in range(ROUNDS):
            for name, times in found.items():
                times.append(started(bench, name))
        sample, compiled, ours, clients, floor = found.values()
        value, least = estimate(ours).value, estimate(floor).value
        lines = [
            Line(
                self.name, "cold start's CPU, against Tracer, Parser, @idempotent", "ms",
                estimate(sample).value, value, least, ratio(ours, sample), "the sample",
            ),
            Line(
                self.name, "cold start's CPU, against that sample if it were compiled", "ms",
                estimate(compiled).value, value, least, ratio(ours, compiled), "it compiled",
            ),
            Line(
                self.name, "cold start's CPU, against four boto3 clients, requests", "ms",
                estimate(clients).value, value, least, ratio(ours, clients), "the clients",
            ),
        ]  # fmt: skip
        return Report(lines, {"imports": _imports(bench, value)})


def started(bench: Bench, name: str) -> float:
    """Milliseconds of processor time of one such process. It ends where Lambda would send the first event."""
    process = subprocess.Popen(command(name), env=variables(bench, name), cwd=REPOSITORY)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Discarded(f"the start of {name} ended with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def command(name: str) -> list[str]:
    """The command of one such process."""
    _, module = PROGRAMS[name]
    return [str(PYTHON), "-c", BEGIN, module]


def variables(bench: Bench, name: str) -> dict[str, str]:
    """The environment of one such process."""
    client, _ = PROGRAMS[name]
    found = bench.environment.variables(client, bench.servers)
    if name == "sample":
        found |= {"PYTHONDONTWRITEBYTECODE": "1"}
        found["PYTHONPATH"] = f"{found['PYTHONPATH']}{os.pathsep}{bench.environment.uncompiled}"
    return found


def _imports(bench: Bench, whole: float) -> Table:
    """Each direct dependency's share, largest first. The rest are interpreter and clients."""
    traced = [str(PYTHON), "-X", "importtime", "-m", "benchmarks.clients.darkroom_start"]
    done = subprocess.run(
        traced, env=variables(bench, "darkroom"), cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    found = shares(done.stderr, DIRECT)
    found["interpreter and clients"] = max(0.0, whole - sum(found.values()))
    rows = sorted(found.items(), key=lambda share: -share[1])
    told = tuple((name, f"{ms:.0f} ms", f"{ms / whole:.0%}", REASONS.get(name, "**none given**")) for name, ms in rows)
    note = (
        "What is no direct dependency, or is a dependency's own use of the standard library, counts for its importer."
    )
    return Table(("import", "time", "share", "reason"), told, note)
