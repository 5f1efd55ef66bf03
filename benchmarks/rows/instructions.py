"""Instructions of turns and cold starts. These goals repeat exactly, while goals of time depended on the machine."""

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import callgrind
from benchmarks.rows import cold_start
from benchmarks.rows.row import Compared, Report
from benchmarks.rows.turns import FLOOR_10, LONG, MIDDLE, NAIVE_10, OURS_10
from benchmarks.runs import MAX_COUNTED_SECONDS, Bench, Discarded, Measured
from benchmarks.samples import Samples, sampled
from benchmarks.servers.processes import running
from benchmarks.spread import estimate, ratio
from benchmarks.terminal import say
from benchmarks.verdict import Line
from local.stack.home import REPOSITORY

ROUNDS = 2  # they show that a count repeats
MILLION = 1_000_000
UNIT = "M"


def own(run: Measured) -> float:
    """Millions of instructions of the turn, without the hashing."""
    return run.count.own / MILLION if run.count else 0.0


def whole(run: Measured) -> float:
    """Millions of instructions of the turn, with the hashing."""
    return run.count.whole / MILLION if run.count else 0.0


@dataclass(frozen=True, slots=True)
class Start:
    """Darkroom's cold start against that of another program in `cold_start.PROGRAMS`."""

    what: str
    other: str
    per: str
    goal: float


TURN = Compared("instructions of a turn, against the floor", UNIT, own, OURS_10, FLOOR_10, "floor", 1.4)
WHOLE_TURN = Compared("with SHA-256, each picture hashed once", UNIT, whole, OURS_10, FLOOR_10, "floor", 2.5)
AGAINST_NAIVE = Compared("instructions of that turn, against naive", UNIT, own, OURS_10, NAIVE_10, "naive", None)
THREAD = Compared("instructions of a turn in a thread of 150, against 50", UNIT, own, LONG, MIDDLE, "50 turns", 1.05)
START = Start("instructions of a cold start, against four boto3 clients, requests", "clients", "the clients", 1.25)
SAMPLE = Start("instructions of a cold start, against Tracer, Parser, @idempotent", "sample", "the sample", 0.4)


class Instructions:
    """A turn's instructions run from the call of the handler until it returns, in all threads, over open connections,
    in a process that has done a small turn. A cold start's are those of the whole process that `ColdStart` measures.
    """

    name = "instructions"
    series = ()

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        if not callgrind.is_here():
            return Report([_missing(each) for each in (TURN, WHOLE_TURN, THREAD, START, SAMPLE)])
        return Report([*_turns(bench), *_starts(bench)])


def _missing(wanted: Compared | Start) -> Line:
    row, reason = Instructions.name, callgrind.INSTALL
    return Line(row, wanted.what, UNIT, None, None, None, per=wanted.per, goal=wanted.goal, missing=reason)


def _turns(bench: Bench) -> list[Line]:
    """The turns. Series with goals run in rounds. The others run once, because one takes as long as all of these."""
    with running(bench.environment.trust.certificate, idle_seconds=MAX_COUNTED_SECONDS) as servers:
        counting = Bench(servers, bench.environment, is_counted=True)
        rounds = sampled(counting, (OURS_10, FLOOR_10), ROUNDS, say)
        once = sampled(counting, (NAIVE_10, LONG, MIDDLE), 1, say)
    once.found[OURS_10] = rounds.found[OURS_10][:1]
    in_rounds = [each.line(Instructions.name, rounds) for each in (TURN, WHOLE_TURN)]
    return [*in_rounds, *(each.line(Instructions.name, once) for each in (AGAINST_NAIVE, THREAD))]


def _starts(bench: Bench) -> list[Line]:
    """The cold starts. The sample's is counted once, because it takes three times as long as the others."""
    wanted = ["darkroom", START.other] * ROUNDS + [SAMPLE.other]
    for name in dict.fromkeys(wanted):
        cold_start.started(bench, name)  # compiles everything that is not compiled yet
    say("cold starts")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = list(zip(wanted, pool.map(partial(_start, bench), wanted), strict=True))
    ours, clients, sample = (
        [count for name, count in counts if name == wanted] for wanted in ("darkroom", START.other, SAMPLE.other)
    )
    return [_against(START, ours, clients), _against(SAMPLE, ours, sample)]


def _start(bench: Bench, name: str) -> float:
    """Millions of instructions of one start."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        done = subprocess.run(
            [*callgrind.command(profile), *cold_start.command(name)], cwd=REPOSITORY, check=False, capture_output=True,
            env={**cold_start.variables(bench, name), **callgrind.VARIABLES}, timeout=MAX_COUNTED_SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise Discarded(f"the start of {name}, counted, ended with {done.returncode}\n{done.stderr[-500:]!r}")
        return callgrind.counted(profile).whole / MILLION


def _against(start: Start, ours: list[float], others: list[float]) -> Line:
    found, beside = ratio(ours, others), estimate(others).value
    return Line(Instructions.name, start.what, UNIT, beside, estimate(ours).value, None, found, start.per, start.goal)
