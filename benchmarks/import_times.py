"""The output of `python -X importtime`, added up by package."""

import re
import sys
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( +)(\S+)$", re.MULTILINE)
OURS = ("darkroom", "app", "benchmarks")
STANDARD = "standard library"


@dataclass
class Import:
    """A module, its own microseconds, and the modules that it imported first."""

    name: str
    own: int
    children: list["Import"] = field(default_factory=list)

    @property
    def package(self) -> str:
        """The package that it counts for."""
        top = self.name.partition(".")[0]
        if top in OURS:
            return "darkroom"
        return STANDARD if top in sys.stdlib_module_names else top


def shares(told: str, direct: Collection[str]) -> dict[str, float]:
    """Milliseconds of our modules, of each direct dependency, and of the standard library as far as our modules use it.
    Any other package counts for the package that imported it first.
    """
    found: dict[str, float] = defaultdict(float)
    for top in tree(told):
        _add(top, top.package, direct, found)
    return dict(found)


def tree(told: str) -> list[Import]:
    """The imports as a tree. A line comes after the lines of the modules that it imported, and is less indented."""
    waiting: dict[int, list[Import]] = defaultdict(list)
    for own, _, indent, name in LINE.findall(told):
        depth = len(indent)
        waiting[depth].append(Import(name, int(own), waiting.pop(depth + 2, [])))
    return [one for depth in sorted(waiting) for one in waiting[depth]]


def _add(one: Import, importer: str, direct: Collection[str], found: dict[str, float]) -> None:
    package = one.package if importer == "darkroom" or one.package in direct else importer
    found[package] += one.own / 1000
    for child in one.children:
        _add(child, package, direct, found)
