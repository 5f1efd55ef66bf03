"""Goals, and the verdicts on them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.spread import Estimate

Verdict = Literal["met", "within the spread", "missed", "not measured", ""]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table. `found` is the measured value, or a ratio to `per`. `goal` is None where there is none."""

    row: str
    what: str
    unit: str
    naive: float | None
    darkroom: float | None
    floor: float | None
    found: Estimate | None = None
    per: str = ""
    goal: float | None = None
    problem: str = ""  # the reason why nothing was found
    missing: str = ""  # the reason why nothing can be measured here, although the run is fine

    @property
    def verdict(self) -> Verdict:
        """The verdict. A goal that is missed by no more than the run's own spread is not certainly missed."""
        if self.problem or self.missing:
            return "not measured"
        if self.goal is None or self.found is None:
            return ""
        if self.found.value <= self.goal:
            return "met"
        return "within the spread" if self.found.value - self.found.spread <= self.goal else "missed"


def failures(lines: Sequence[Line]) -> list[Line]:
    """The lines that make the run fail: missed goals, and discarded numbers."""
    return [line for line in lines if line.verdict == "missed" or line.problem]


def conclusion(lines: Sequence[Line]) -> str:
    """The numbers of goals that are met, met within the spread, missed, or not measured."""
    counts = Counter(line.verdict for line in lines if line.verdict)
    return f"Goals: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common())}."
