"""Memory, processor time and wall time of turns: the rows that need only runs of the three clients."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.rows.row import MEGABYTE, Compared, Report, cpu, growth, wall
from benchmarks.rows.scenarios import (
    CONVERSATION_10,
    CONVERSATION_20,
    GEMINI_10,
    GEMINI_20,
    LONG_THREAD,
    MIDDLE_THREAD,
    ONE,
    OPENAI_10,
    OPENAI_20,
    SHORT_THREAD,
    TEN,
)
from benchmarks.runs import Bench, Measured, Series
from benchmarks.samples import Samples, TooFew
from benchmarks.spread import Estimate, estimate
from benchmarks.verdict import Line

SAME_MEGABYTES = 2.0
ABOVE_NEBULA = "MB above nebula's"
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


@dataclass(frozen=True, slots=True)
class Above:
    """Darkroom's growth above that of another series, round by round. `per` names the other series."""

    what: str
    darkroom: Series
    other: Series
    per: str

    def line(self, row: str, samples: Samples) -> Line:
        """The table's line, which shows the growth. It is not measured if too many numbers were discarded."""
        try:
            ours, others = samples.values(growth, self.darkroom, self.other)
        except TooFew as reason:
            return Line(row, self.what, "MB", None, None, None, per=self.per, goal=SAME_MEGABYTES, problem=str(reason))
        above = estimate([our - other for our, other in zip(ours, others, strict=True)])
        return Line(row, self.what, "MB", None, estimate(ours).value, None, above, self.per, SAME_MEGABYTES)


class Memory:
    """The process's growth in a conversation's turn: it depends neither on the pictures' size nor on the dialect."""

    name = "memory"
    compared = (
        Compared("memory growth, 3 x 7 MB in, 10 MB out", "MB", growth, OURS_10, NAIVE_10, "naive", 0.08),
        Compared("memory growth, 3 x 7 MB in, 20 MB out", "MB", growth, OURS_20, NAIVE_20, "naive", 0.08),
        Compared("memory growth, 10 MB out, against the floor", "MB", growth, OURS_10, FLOOR_10, "", None),
    )
    above = (
        Above("memory growth, 20 MB out, against 10 MB", OURS_20, OURS_10, "MB above that"),
        Above("memory growth with gemini, 10 MB out", Series("darkroom", GEMINI_10), OURS_10, ABOVE_NEBULA),
        Above("memory growth with gemini, 20 MB out", Series("darkroom", GEMINI_20), OURS_20, ABOVE_NEBULA),
        Above("memory growth with openai, 10 MB out", Series("darkroom", OPENAI_10), OURS_10, ABOVE_NEBULA),
        Above("memory growth with openai, 20 MB out", Series("darkroom", OPENAI_20), OURS_20, ABOVE_NEBULA),
    )
    series = tuple(series for each in (*compared, *above) for series in (each.darkroom, each.other))

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        return Report([each.line(self.name, samples) for each in (*self.compared, *self.above)])


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
