"""Memory, processor time and wall time of turns: the rows that need only runs of the three clients."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.rows.row import MEGABYTE, Compared, Report, cpu, growth, wall
from benchmarks.rows.scenarios import (
    CONVERSATION_10,
    CONVERSATION_20,
    LONG_THREAD,
    MIDDLE_THREAD,
    ONE,
    SHORT_THREAD,
    TEN,
)
from benchmarks.runs import Bench, Measured, Series
from benchmarks.samples import Samples, TooFew
from benchmarks.spread import Estimate, estimate
from benchmarks.verdict import Line

SAME_MEGABYTES = 2.0
NAIVE_10, OURS_10, FLOOR_10 = (
    Series("naive", CONVERSATION_10),
    Series("darkroom", CONVERSATION_10),
    Series("floor", CONVERSATION_10),
)
NAIVE_20, OURS_20 = Series("naive", CONVERSATION_20), Series("darkroom", CONVERSATION_20)
NAIVE_ONE, OURS_ONE = Series("naive", ONE), Series("darkroom", ONE)
NAIVE_TEN, OURS_TEN = Series("naive", TEN), Series("darkroom", TEN)
SHORT, MIDDLE, LONG = (Series("darkroom", each) for each in (SHORT_THREAD, MIDDLE_THREAD, LONG_THREAD))


@dataclass(frozen=True, slots=True)
class Turns:
    """A row that compares series, one for each line."""

    name: str
    compared: tuple[Compared, ...]

    @property
    def series(self) -> Sequence[Series]:
        """See `Row`."""
        return [series for each in self.compared for series in (each.darkroom, each.other)]

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        return Report([each.line(self.name, samples) for each in self.compared])


class Memory:
    """The process's growth in a conversation's turn, and that it does not depend on the pictures' size."""

    name = "memory"
    compared = (
        Compared("memory growth, 3 x 7 MB in, 10 MB out", "MB", growth, OURS_10, NAIVE_10, "naive", 0.08),
        Compared("memory growth, 3 x 7 MB in, 20 MB out", "MB", growth, OURS_20, NAIVE_20, "naive", 0.08),
        Compared("memory growth, 10 MB out, against the floor", "MB", growth, OURS_10, FLOOR_10, "", None),
    )
    series = tuple(series for each in compared for series in (each.darkroom, each.other))

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        return Report([*(each.line(self.name, samples) for each in self.compared), self._equal(samples)])

    def _equal(self, samples: Samples) -> Line:
        what, per = "growth with 20 MB out, less that with 10 MB", "MB more"
        try:
            tens, twenties = samples.values(growth, OURS_10, OURS_20)
        except TooFew as reason:
            return Line(self.name, what, "MB", None, None, None, per=per, goal=SAME_MEGABYTES, problem=str(reason))
        more = estimate([twenty - ten for ten, twenty in zip(tens, twenties, strict=True)])
        return Line(self.name, what, "MB", None, more.value, None, more, per, SAME_MEGABYTES)


def own_time(run: Measured) -> float:
    """Milliseconds of a turn that belong neither to the API nor to AWS."""
    return (run.wall - SHORT_THREAD.seconds - run.served) * 1000


def peak(run: Measured) -> float:
    """Megabytes of the whole process."""
    return run.peak / MEGABYTE


class Thread:
    """A turn in a long thread against one in a short thread, and that its reads do not grow without bound."""

    name = "thread"
    compared = (
        Compared("own time of a turn in a thread of 150, against 3", "ms", own_time, LONG, SHORT, "3 turns", None),
        Compared("peak memory of it, against 3", "MB", peak, LONG, SHORT, "3 turns", 1.2),
    )
    series = (LONG, SHORT)

    def report(self, samples: Samples, bench: Bench) -> Report:
        """See `Row`."""
        lines = [each.line(self.name, samples) for each in self.compared]
        if any(line.problem for line in lines):
            return Report(lines)
        what, middle = "DynamoDB read units in a thread of 150, against 50", bench.run(MIDDLE).read_units
        (long,) = samples.values(lambda run: run.read_units, LONG)
        return Report(
            [*lines, Line(self.name, what, "", None, max(long), None, Estimate(max(long) / middle), "50 turns", 1.0)]
        )


MEMORY = Memory()
CPU = Turns(
    "cpu",
    (
        Compared("CPU of a turn over TLS, 3 x 7 MB in, 10 MB out", "ms", cpu, OURS_10, NAIVE_10, "naive", None),
        Compared("CPU of that turn, against the floor", "ms", cpu, OURS_10, FLOOR_10, "floor", None),
    ),
)
AT_ONCE = Turns(
    "at-once",
    (
        Compared("memory growth, ten at once, 2 MB in and out", "MB", growth, OURS_TEN, NAIVE_TEN, "naive", 0.25),
        Compared("wall time of ten at once, against one", "s", wall, OURS_TEN, OURS_ONE, "one", None),
    ),
)
THREAD = Thread()
