"""The parts of a row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.runs import Bench, Measured, Series
from benchmarks.samples import Samples, TooFew
from benchmarks.spread import estimate, ratio
from benchmarks.verdict import Line

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the document, besides the one with the goals."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a row."""

    lines: Sequence[Line] = ()
    tables: dict[str, Table] = field(default_factory=dict)


class Row(Protocol):
    """A row: the series that it needs, which run together with all others, and its report."""

    @property
    def name(self) -> str: ...

    @property
    def series(self) -> Sequence[Series]: ...

    def report(self, samples: Samples, bench: Bench) -> Report: ...


@dataclass(frozen=True, slots=True)
class Compared:
    """A value of Darkroom against that of another series."""

    what: str
    unit: str
    value: Callable[[Measured], float]
    darkroom: Series
    other: Series
    per: str
    goal: float | None

    def line(self, row: str, samples: Samples) -> Line:
        """The table's line. It is not measured if too many numbers were discarded."""
        try:
            ours, others = samples.values(self.value, self.darkroom, self.other)
        except TooFew as reason:
            return Line(row, self.what, self.unit, None, None, None, per=self.per, goal=self.goal, problem=str(reason))
        beside = estimate(others).value
        return Line(
            row, self.what, self.unit,
            naive=beside if self.other.client == "naive" else None,
            darkroom=estimate(ours).value,
            floor=beside if self.other.client == "floor" else None,
            found=ratio(ours, others), per=self.per, goal=self.goal,
        )  # fmt: skip


def growth(run: Measured) -> float:
    """Megabytes by which the process grew in the turn."""
    return run.growth / MEGABYTE


def wall(run: Measured) -> float:
    """Seconds."""
    return run.wall


def cpu(run: Measured) -> float:
    """Milliseconds."""
    return run.cpu * 1000
