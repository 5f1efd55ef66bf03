"""A table for the terminal. Chinese characters count for the two columns that they take."""

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """The number of terminal columns that the text takes."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shortened(text: str, most: int) -> str:
    """The text in at most that many columns, with an ellipsis for the part that is cut."""
    if width(text) <= most:
        return text
    kept = text
    while width(kept) > most - 1:
        kept = kept[:-1]
    return kept + "…"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], most: int = 60) -> str:
    """Columns two spaces apart; figures are flush right."""
    lines = [[shortened(cell, most) for cell in line] for line in (head, *rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(head))]
    right = [all(_is_figure(row[i]) for row in lines[1:]) for i in range(len(head))]
    rule = ["─" * wide for wide in widths]
    return "\n".join(_joined(line, widths, right) for line in (lines[0], rule, *lines[1:]))


def _joined(line: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = []
    for cell, wide, flush in zip(line, widths, right, strict=True):
        space = " " * (wide - width(cell))
        cells.append(space + cell if flush else cell + space)
    return "  ".join(cells).rstrip()


def _is_figure(cell: str) -> bool:
    return cell.replace(".", "", 1).isdigit() or cell in ("", "–")
