"""The chart, drawn as SVG: Darkroom and the floor as shares of the naive handler's values."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.terminal import number
from benchmarks.verdict import Line

WIDTH, LEFT, RIGHT, ROW, TOP = 900, 400, 100, 46, 90
LONGEST = 1.1  # longer bars are cut off
TITLE = "What a picture takes: Darkroom against the handler that everyone writes"
STYLE = """
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 } .soft { fill: #6e7781; font-size: 12px }
  .page { fill: #ffffff } .naive { fill: #d0d7de } .ours { fill: #0969da } .goal { stroke: #cf222e; stroke-width: 2 }
  .value { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .soft { fill: #8d96a0 } .page { fill: #0d1117 } .naive { fill: #30363d }
    .ours { fill: #4493f8 } .goal { stroke: #f85149 }
  }
"""


def chart(lines: Sequence[Line]) -> str:
    """A pair of bars for each line that compares with the naive handler, whose bar has the full length."""
    shown = [line for line in lines if line.per in ("naive", "the sample") and line.found]
    height = TOP + ROW * len(shown) + 16
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{TITLE}">',
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            f'<text class="title" x="24" y="34">{TITLE}</text>',
            *_legend(),
            *(mark for position, line in enumerate(shown) for mark in _bars(line, TOP + ROW * position)),
            "</svg>",
            "",
        ]
    )


def _legend() -> list[str]:
    return [
        '<rect class="naive" x="24" y="50" width="12" height="12" rx="2"/>',
        '<text class="soft" x="42" y="60">to compare with</text>',
        '<rect class="ours" x="170" y="50" width="12" height="12" rx="2"/>',
        '<text class="soft" x="188" y="60">Darkroom</text>',
        '<line class="goal" x1="274" x2="274" y1="48" y2="64"/>',
        '<text class="soft" x="284" y="60">goal: no more than this</text>',
    ]


def _bars(line: Line, top: int) -> list[str]:
    assert line.found is not None  # noqa: S101 - lines without a value are filtered out
    room = WIDTH - LEFT - RIGHT
    bar = max(2.0, min(line.found.value, LONGEST) * room)
    goal = min(line.goal or 0.0, LONGEST) * room
    values = f"{number(line.darkroom, line.unit)} against {number(line.naive, line.unit)}"
    marks = [
        f'<text x="{LEFT - 14}" y="{top + 15}" text-anchor="end">{escape(line.what)}</text>',
        f'<text class="soft" x="{LEFT - 14}" y="{top + 31}" text-anchor="end">{escape(values)}</text>',
        f'<rect class="naive" x="{LEFT}" y="{top + 2}" width="{room}" height="12" rx="2"/>',
        f'<rect class="ours" x="{LEFT}" y="{top + 18}" width="{bar:.0f}" height="14" rx="2"/>',
        f'<text class="value" x="{LEFT + max(bar, goal) + 8:.0f}" y="{top + 30}">{line.found.value:.0%}</text>',
    ]
    if goal:
        at = f"{LEFT + goal:.0f}"
        marks.append(f'<line class="goal" x1="{at}" x2="{at}" y1="{top + 16}" y2="{top + 34}"/>')
    return marks
