"""GB-seconds of a picture, the cost of a thousand pictures, and the speed of draining a backlog."""

from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks import cgroups, prices
from benchmarks.cgroups import NotPermitted
from benchmarks.environment import memory_megabytes, template
from benchmarks.rows.row import MEGABYTE, Report, Table, wall
from benchmarks.rows.scenarios import API_SECONDS, ONE, TEN
from benchmarks.rows.turns import NAIVE_ONE, OURS_TEN
from benchmarks.runs import Bench, Series
from benchmarks.samples import Samples, TooFew, sampled
from benchmarks.spread import estimate, ratio
from benchmarks.verdict import Line

NAIVE_MEGABYTES = 512
AT_ONCE = 10
GOAL = 0.10
QUOTA_ROUNDS = 3
API_TIMES = (10.0, 30.0)
UNLIMITED = "GB-seconds a picture, API 2 s"
SHARED = "GB-seconds a picture, Lambda's share of a processor"


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of both clients in the same conditions, which `where` describes."""

    where: str
    samples: Samples
    ours: Series = OURS_TEN
    naive: Series = NAIVE_ONE


class GbSeconds:
    """Darkroom ten at a time at its memory setting, the naive handler one at a time at 512 MB."""

    name = "gb-seconds"
    series = (NAIVE_ONE, OURS_TEN)

    def report(self, samples: Samples, bench: Bench) -> Report:
        """See `Row`. The cost follows from the runs that resemble Lambda's most."""
        unlimited = Runs("with this machine's whole processors: Lambda gives a share of one", samples)
        lines = [_line(UNLIMITED, unlimited, GOAL)]
        try:
            shared = _with_a_share(bench)
        except NotPermitted as reason:
            lines.append(Line(self.name, f"{SHARED}: {reason}", "GB-s", None, None, None))
            measured = unlimited
        else:
            lines.append(_line(SHARED, shared, None))
            measured = shared
        return Report(lines, {} if any(line.problem for line in lines) else {"cost": _cost(measured)})


def _with_a_share(bench: Bench) -> Runs:
    """Run with the share of a processor that Lambda gives to that much memory. Raises NotPermitted."""
    with ExitStack() as stack:
        ours, naive = (
            stack.enter_context(cgroups.processor(megabytes / cgroups.MEGABYTES_OF_ONE_PROCESSOR))
            for megabytes in (memory_megabytes(), NAIVE_MEGABYTES)
        )
        series = Series("darkroom", TEN, turn_groups=(ours,)), Series("naive", ONE, turn_groups=(naive,))
        samples = sampled(bench, series, QUOTA_ROUNDS, lambda _: None)
    return Runs("with the share of a processor that Lambda gives to so much memory", samples, *series)


def _line(what: str, runs: Runs, goal: float | None) -> Line:
    row = GbSeconds.name
    try:
        walls, beside = runs.samples.values(wall, runs.ours, runs.naive)
    except TooFew as reason:
        return Line(row, what, "GB-s", None, None, None, per="naive", goal=goal, problem=str(reason))
    ours = [seconds * memory_megabytes() / 1024 / AT_ONCE for seconds in walls]
    naive = [seconds * NAIVE_MEGABYTES / 1024 for seconds in beside]
    return Line(row, what, "GB-s", estimate(naive).value, estimate(ours).value, None, ratio(ours, naive), "naive", goal)


def _cost(runs: Runs) -> Table:
    ours, naive = (estimate(walls).value - API_SECONDS for walls in runs.samples.values(wall, runs.ours, runs.naive))
    megabytes = memory_megabytes()
    concurrency = int(template()["Parameters"]["MaximumConcurrency"]["Default"])
    days = _spool_days()
    ours_beside, naive_beside = (_beside_lambda(runs.samples, series, days) for series in (runs.ours, runs.naive))
    rows = []
    for seconds in API_TIMES:
        our_wall, naive_wall = ours + seconds, naive + seconds
        ours_lambda = prices.lambda_cost(our_wall / AT_ONCE, megabytes, 1 / AT_ONCE)
        naive_lambda = prices.lambda_cost(naive_wall, NAIVE_MEGABYTES, 1)
        for who, costs, an_hour in (
            ("naive", (naive_lambda, *naive_beside), concurrency * 3600 / naive_wall),
            ("Darkroom", (ours_lambda, *ours_beside), concurrency * AT_ONCE * 3600 / our_wall),
        ):
            told = (f"${dollars * 1000:.3f}" for dollars in (*costs, sum(costs)))
            rows.append((f"{seconds:.0f} s", who, *told, f"{an_hour:,.0f}"))
    requests, kept = "requests to S3, DynamoDB, SQS", f"answers kept {days} days"
    heads = ("API", "", "Lambda, 1,000 pictures", requests, kept, "together", "backlog drained an hour")
    circumstances = (
        f"From the runs {runs.where}, pictures of {TEN.answers[0].size / MEGABYTE:.0f} MB; "
        f"naive with {NAIVE_MEGABYTES} MB, Darkroom with {megabytes} MB; "
        f"{concurrency} invocations at once, `MaximumConcurrency`'s default."
    )
    return Table(heads, tuple(rows), f"{circumstances} {prices.STATED}")


def _beside_lambda(samples: Samples, series: Series, days: int) -> tuple[float, float]:
    """Dollars for a picture's requests, and for its objects in the spool for so many days."""
    run, pictures = next(run for run in samples.found[series] if run), series.scenario.requests
    calls = prices.calls_cost(run.calls, run.read_units, run.write_units)
    return calls / pictures, prices.storage_cost(run.spooled, days) / pictures


def _spool_days() -> int:
    """The days for which the spool keeps an object."""
    (rule,) = template()["Resources"]["SpoolBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    return int(rule["ExpirationInDays"])
