"""The table for a terminal."""

import sys
from collections.abc import Sequence

from benchmarks.spread import Estimate
from benchmarks.verdict import Line

REPEATS = 0.05  # a smaller spread, in percent, does not reach the shown digit
HEADS = ("", "naive", "Darkroom", "floor", "ratio", "goal", "")


def say(what: str) -> None:
    """Report the present step on the error output, apart from the table."""
    print(f"… {what}", file=sys.stderr, flush=True)


def table(lines: Sequence[Line]) -> str:
    """All lines, aligned, with the reasons for missing measurements below."""
    rows = [HEADS, *(cells(line) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    told = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    reasons: dict[str, list[str]] = {}
    for line in lines:
        reasons.setdefault(line.problem or line.missing, []).append(line.what)
    why = ["\n" + "\n".join(whats) + f":\n  {reason}" for reason, whats in reasons.items() if reason]
    return "\n".join([told[0], "-" * (sum(widths) + 2 * len(widths)), *told[1:], *why])


def cells(line: Line) -> tuple[str, ...]:
    """The cells of a line."""
    numbers = tuple(number(value, line.unit) for value in (line.naive, line.darkroom, line.floor))
    is_ratio = line.per not in ("", line.unit) and not line.per.startswith("MB")
    found = _found(line.found, is_ratio=is_ratio) if line.found and is_ratio else ""
    return (line.what, *numbers, found and f"{found} of {line.per}", _goal(line, is_ratio=is_ratio), line.verdict)


def number(value: float | None, unit: str) -> str:
    """Three significant digits, and the unit."""
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}" if unit else f"{value:g}"


def _found(found: Estimate, *, is_ratio: bool) -> str:
    """The value, with more digits if the rounds agree in them."""
    scale, unit = (100, " %") if is_ratio else (1, "")
    digits = 2 if found.spread * scale < REPEATS else 0
    return f"{found.value * scale:.{digits}f} ± {found.spread * scale:.{digits}f}{unit}"


def _goal(line: Line, *, is_ratio: bool) -> str:
    if line.goal is None:
        return ""
    return f"≤ {line.goal * 100:.6g} %" if is_ratio else f"≤ {line.goal:g} {line.per}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words on the left, numbers on the right."""
    last = len(row) - 1
    return [
        cell.ljust(width) if position in (0, last) else cell.rjust(width)
        for position, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
