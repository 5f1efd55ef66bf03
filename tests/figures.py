"""What a run of the tests measured, told at its end whether it passed or not: `docs/reliability.md` quotes it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any


class Figures:
    """Sentences, and what was counted, each kind of it by itself."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def tell(self, sentence: str) -> None:
        self._lines.append(sentence)

    def count(self, what: str, kind: str, number: int) -> None:
        """So many more of what is counted, of one kind of it."""
        self._counts[what][kind] += number

    def handed_over(self) -> dict[str, Any]:
        """All of it in plain lists and dictionaries, for another process."""
        return {"lines": self._lines, "counts": {what: dict(kinds) for what, kinds in self._counts.items()}}

    def take_in(self, handed_over: Mapping[str, Any]) -> None:
        """What another process measured, added to this."""
        self._lines += handed_over["lines"]
        for what, kinds in handed_over["counts"].items():
            self._counts[what].update(kinds)

    def lines(self) -> list[str]:
        """What was told, and the sums of what was counted."""
        counts = [f"{kinds.total()} {what}{_each(kinds)}" for what, kinds in self._counts.items()]
        return [*self._lines, *counts]


def _each(kinds: Counter[str]) -> str:
    return "" if len(kinds) > 15 else ": " + ", ".join(f"{kind} {number}" for kind, number in kinds.items())
