"""The measurements of a test run, printed at its end whether it passed or not. `docs/reliability.md` quotes them."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any


class Figures:
    """Sentences, and counts by kind."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def tell(self, sentence: str) -> None:
        self._lines.append(sentence)

    def count(self, what: str, kind: str, number: int) -> None:
        """Add to the count of one kind."""
        self._counts[what][kind] += number

    def handed_over(self) -> dict[str, Any]:
        """Everything in plain lists and dictionaries, for another process."""
        return {"lines": self._lines, "counts": {what: dict(kinds) for what, kinds in self._counts.items()}}

    def take_in(self, handed_over: Mapping[str, Any]) -> None:
        """Add the figures of another process."""
        self._lines += handed_over["lines"]
        for what, kinds in handed_over["counts"].items():
            self._counts[what].update(kinds)

    def lines(self) -> list[str]:
        """The sentences, and the sums of the counts."""
        counts = [f"{kinds.total()} {what}{_each(kinds)}" for what, kinds in self._counts.items()]
        return [*self._lines, *counts]


def _each(kinds: Counter[str]) -> str:
    return "" if len(kinds) > 15 else ": " + ", ".join(f"{kind} {number}" for kind, number in kinds.items())
