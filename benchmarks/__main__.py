"""`python -m benchmarks [ROW …]`: measures, prints the table, and exits 1 if a goal is missed.

Without names it measures every row. `--publish` also writes `docs/performance.md`, its JSON and its chart.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import chart, document, terminal, trust
from benchmarks.environment import HOME, PYTHON, Environment, built_layer, memory_megabytes, uncompiled_packages
from benchmarks.photographs import EVERY, made
from benchmarks.rows.calls import Calls
from benchmarks.rows.cold_start import ColdStart
from benchmarks.rows.gb_seconds import GbSeconds
from benchmarks.rows.instructions import Instructions
from benchmarks.rows.layer import Layer
from benchmarks.rows.limit import Limit
from benchmarks.rows.row import Report, Row, Table
from benchmarks.rows.stages import Stages
from benchmarks.rows.turns import AT_ONCE, CPU, MEMORY, THREAD
from benchmarks.runs import Bench, Discarded
from benchmarks.samples import Samples, sampled
from benchmarks.scenario import PICTURES
from benchmarks.servers.processes import running
from benchmarks.terminal import say
from benchmarks.verdict import Line, conclusion, failures
from local.stack.home import REPOSITORY

ROWS: Sequence[Row] = (
    MEMORY, AT_ONCE, Instructions(), CPU, ColdStart(), GbSeconds(), Limit(), Calls(), THREAD, Layer(), Stages(),
)  # fmt: skip
ROUNDS = 5
DOCS = REPOSITORY / "docs"


def main() -> int:
    options = _options()
    rows = [row for row in ROWS if row.name in (options.rows or [each.name for each in ROWS])]
    began = time.monotonic()
    reports = _measured(rows, options.runs)
    lines = [line for report in reports for line in report.lines]
    tables = {name: table for report in reports for name, table in report.tables.items()}
    circumstances = _circumstances(options.runs, time.monotonic() - began)
    print(f"\n{circumstances}\n\n{terminal.table(lines)}\n")
    _keep(HOME / "performance.json", lines, tables, circumstances)
    if options.publish:
        _publish(lines, tables, circumstances)
    print(conclusion(lines))
    return 1 if failures(lines) else 0


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(row.name for row in ROWS))
    options.add_argument("--runs", type=int, default=ROUNDS, help="rounds (%(default)s); some rows have their own")
    options.add_argument("--publish", action="store_true", help="write docs/performance.md")
    told = options.parse_args()
    if unknown := set(told.rows) - {row.name for row in ROWS}:
        options.error(f"there is no row {', '.join(unknown)}")
    return told


def _measured(rows: Sequence[Row], rounds: int) -> list[Report]:
    say("making the pictures")
    for photograph in EVERY:
        made(PICTURES, photograph)
    say("building the layer")
    packages = built_layer()
    with trust.made() as trusted, running(trusted.certificate) as servers:
        bench = Bench(servers, Environment(trusted, packages, uncompiled_packages()))
        samples = sampled(bench, [series for row in rows for series in row.series], rounds, say)
        return [_report(row, samples, bench) for row in rows]


def _report(row: Row, samples: Samples, bench: Bench) -> Report:
    say(row.name)
    try:
        return row.report(samples, bench)
    except Discarded as reason:
        return Report([Line(row.name, row.name, "", None, None, None, problem=str(reason))])


def _circumstances(rounds: int, seconds: float) -> str:
    return (
        f"{time.strftime('%Y-%m-%d')}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"{_python()}; medians of {rounds} rounds; "
        f"memory setting {memory_megabytes()} MB; "
        f"the whole run took {seconds / 60:.1f} minutes."
    )


def _python() -> str:
    """The version of the measured interpreter."""
    return subprocess.run([PYTHON, "-V"], capture_output=True, text=True, check=True).stdout.strip()


def _keep(target: Path, lines: Sequence[Line], tables: dict[str, Table], circumstances: str) -> None:
    told = {
        "circumstances": circumstances,
        "lines": [{**asdict(line), "verdict": line.verdict} for line in lines],
        "tables": {name: asdict(table) for name, table in tables.items()},
    }
    target.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _publish(lines: Sequence[Line], tables: dict[str, Table], circumstances: str) -> None:
    target = DOCS / "performance.md"
    written = document.filled(target.read_text(encoding="utf-8"), document.blocks(lines, tables, circumstances))
    target.write_text(written, encoding="utf-8")
    (DOCS / "performance.svg").write_text(chart.chart(lines), encoding="utf-8")
    _keep(DOCS / "performance.json", lines, tables, circumstances)


if __name__ == "__main__":
    sys.exit(main())
