"""GB-seconds of a picture, what a thousand cost, and how fast a backlog is drained."""

from contextlib import ExitStack

from benchmarks import cgroups, prices
from benchmarks.cgroups import NotPermitted
from benchmarks.environment import memory_megabytes, template
from benchmarks.rows.row import Report, Table
from benchmarks.rows.scenarios import ONE, TEN
from benchmarks.rows.turns import NAIVE_ONE, OURS_TEN, overhead
from benchmarks.runs import Bench, Measured, Series
from benchmarks.samples import Samples, TooFew, sampled
from benchmarks.spread import Estimate, estimate, ratio
from benchmarks.verdict import Line

NAIVE_MEGABYTES = 512
AT_ONCE = 10
GOAL = 0.10
QUOTA_ROUNDS = 3
API_TIMES = (10.0, 30.0)


class GbSeconds:
    """Darkroom ten at a time at its memory setting, the naive handler one at a time at 512 MB."""

    name = "gb-seconds"
    series = (NAIVE_ONE, OURS_TEN)

    def report(self, samples: Samples, bench: Bench) -> Report:
        """See `Row`."""
        unlimited = _line("GB-seconds a picture, API 2 s", samples, OURS_TEN, NAIVE_ONE, GOAL)
        if unlimited.problem:
            return Report([unlimited])
        return Report([unlimited, self._under_quota(bench)], {"cost": _cost(samples)})

    def _under_quota(self, bench: Bench) -> Line:
        """The same with the share of a processor that Lambda gives to that much memory."""
        what = "GB-seconds a picture, Lambda's share of a processor"
        with ExitStack() as stack:
            try:
                groups = [
                    stack.enter_context(cgroups.processor(megabytes / cgroups.MEGABYTES_OF_ONE_PROCESSOR))
                    for megabytes in (memory_megabytes(), NAIVE_MEGABYTES)
                ]
            except NotPermitted as reason:
                return Line(self.name, f"{what}: {reason}", "GB-s", None, None, None)
            ours = Series("darkroom", TEN, turn_groups=(groups[0],))
            naive = Series("naive", ONE, turn_groups=(groups[1],))
            samples = sampled(bench, [ours, naive], QUOTA_ROUNDS, lambda _: None)
        return _line(what, samples, ours, naive, None)


def ours_a_picture(run: Measured) -> float:
    """GB-seconds."""
    return run.wall * memory_megabytes() / 1024 / AT_ONCE


def naive_a_picture(run: Measured) -> float:
    """GB-seconds."""
    return run.wall * NAIVE_MEGABYTES / 1024


def _line(what: str, samples: Samples, ours: Series, naive: Series, goal: float | None) -> Line:
    row = GbSeconds.name
    try:
        walls, beside = samples.values(lambda run: run.wall, ours, naive)
    except TooFew as reason:
        return Line(row, what, "GB-s", None, None, None, per="naive", goal=goal, problem=str(reason))
    share = memory_megabytes() / NAIVE_MEGABYTES / AT_ONCE
    compared = ratio([wall * share for wall in walls], beside)
    values = (
        estimate(beside).value * NAIVE_MEGABYTES / 1024,
        estimate(walls).value * memory_megabytes() / 1024 / AT_ONCE,
    )
    return Line(row, what, "GB-s", values[0], values[1], None, Estimate(compared.value, compared.spread), "naive", goal)


def _cost(samples: Samples) -> Table:
    ours, naive = overhead(samples, OURS_TEN), overhead(samples, NAIVE_ONE)
    megabytes = memory_megabytes()
    concurrency = int(template()["Parameters"]["MaximumConcurrency"]["Default"])
    our_calls, naive_calls = (_calls_a_picture(samples, series) for series in (OURS_TEN, NAIVE_ONE))
    rows = []
    for seconds in API_TIMES:
        our_wall, naive_wall = ours + seconds, naive + seconds
        ours_lambda = prices.lambda_cost(our_wall / AT_ONCE, megabytes, 1 / AT_ONCE)
        naive_lambda = prices.lambda_cost(naive_wall, NAIVE_MEGABYTES, 1)
        for who, compute, calls, an_hour in (
            ("naive", naive_lambda, naive_calls, concurrency * 3600 / naive_wall),
            ("Darkroom", ours_lambda, our_calls, concurrency * AT_ONCE * 3600 / our_wall),
        ):
            total = compute + calls
            rows.append(
                (f"{seconds:.0f} s", who, f"${compute * 1000:.3f}", f"${calls * 1000:.3f}", f"${total * 1000:.3f}",
                 f"{an_hour:,.0f}")
            )  # fmt: skip
    heads = ("API", "", "Lambda, 1,000 pictures", "S3, DynamoDB, SQS", "together", "backlog drained an hour")
    return Table(heads, tuple(rows), prices.STATED)


def _calls_a_picture(samples: Samples, series: Series) -> float:
    """Dollars for the requests that a picture needs."""
    run = next(run for run in samples.found[series] if run)
    return prices.calls_cost(run.calls, run.read_units, run.write_units) / series.scenario.requests
