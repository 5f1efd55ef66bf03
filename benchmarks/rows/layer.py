"""The layer as it is shipped for arm64: its unpacked size, and the share of each distribution."""

import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.environment import PYTHON, build_layer, python_version, template
from benchmarks.rows.row import MEGABYTE, Report, Table
from benchmarks.runs import Bench, Discarded
from benchmarks.samples import Samples
from benchmarks.spread import Estimate
from benchmarks.verdict import Line

GOAL_MEGABYTES = 30.0


class Layer:
    """The layer, built by its own Makefile for Lambda's runtime."""

    name = "layer"
    series = ()

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        with tempfile.TemporaryDirectory() as folder:
            # If the measured interpreter is the runtime's, the layer's build need not look for one.
            is_the_runtimes = python_version() == template()["Globals"]["Function"]["Runtime"]
            try:
                build_layer(Path(folder), {"PYTHON_3_13": str(PYTHON)} if is_the_runtimes else {})
            except subprocess.CalledProcessError as error:
                raise Discarded(f"the layer could not be built: {error}") from error
            if not any(Path(folder).rglob("*.pyc")):
                raise Discarded("the layer could not be compiled: the runtime's Python is not here")
            sizes = by_distribution(Path(folder) / "python")
        whole = sum(sizes.values()) / MEGABYTE
        line = Line(
            self.name, "layer for arm64, unpacked", "MB", None, whole, None, Estimate(whole), "MB", GOAL_MEGABYTES
        )
        rows = tuple(
            (name, f"{size / MEGABYTE:.1f} MB", f"{size / MEGABYTE / whole:.0%}") for name, size in sizes.items()
        )
        return Report([line], {"layer": Table(("distribution", "size", "share"), rows)})


def by_distribution(packages: Path) -> dict[str, int]:
    """Bytes of each distribution's files, the largest first. Compiled files count for their sources."""
    owners = {
        path: record.parent.name.split("-")[0] for record in packages.glob("*.dist-info/RECORD") for path in _of(record)
    }
    found: Counter[str] = Counter()
    for file in packages.rglob("*"):
        if file.is_file():
            found[_owner(file.relative_to(packages), owners)] += file.stat().st_size
    return dict(found.most_common())


def _of(record: Path) -> list[str]:
    return [line.split(",")[0].strip('"') for line in record.read_text(encoding="utf-8").splitlines()]


def _owner(file: Path, owners: dict[str, str]) -> str:
    if file.parent.name == "__pycache__":
        file = file.parent.parent / f"{file.name.partition('.')[0]}.py"
    return owners.get(str(file), file.parts[0].split("-")[0])
