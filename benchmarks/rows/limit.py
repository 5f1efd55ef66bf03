"""The smallest memory limit that a whole process survives, found step by step."""

import time
from collections.abc import Callable

from benchmarks import cgroups
from benchmarks.cgroups import NotPermitted
from benchmarks.rows.row import MEGABYTE, Report
from benchmarks.rows.scenarios import TEN_CONVERSATIONS
from benchmarks.runs import Bench, Client, Died, Discarded, Series
from benchmarks.samples import Samples
from benchmarks.verdict import Line

WHAT = "smallest memory limit survived, ten at once, 3 x 7 MB in, 20 MB out each"
STEP = 0.87  # a process needs nearly all that it takes without a limit, so the search starts from above
DOUBLINGS = 3
SLOWER = 2.0  # than without a limit: a process that reads its own code from disk again and again has not survived


class Limit:
    """Ten conversations at the same time in a memory control group."""

    name = "limit"
    series = ()

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        found: dict[Client, float] = {}
        for client in ("naive", "darkroom"):
            try:
                found[client] = _smallest(bench, client) / MEGABYTE
            except NotPermitted as reason:
                return Report([Line(self.name, f"{WHAT}: {reason}", "MB", None, None, None)])
            except Discarded as reason:
                return Report([Line(self.name, WHAT, "MB", found.get("naive"), None, None, problem=str(reason))])
        return Report([Line(self.name, WHAT, "MB", found["naive"], found["darkroom"], None)])


def _smallest(bench: Bench, client: Client) -> float:
    """The smallest limit in bytes. The search begins at the peak without a limit."""
    began = time.monotonic()
    peak = bench.run(Series(client, TEN_CONVERSATIONS)).peak
    longest = SLOWER * (time.monotonic() - began)
    return lowered(peak, lambda limit: _survives(bench, client, limit, longest))


def lowered(enough: float, is_enough: Callable[[float], bool]) -> float:
    """The smallest sufficient value, to within a step. Doubles `enough` first if it is too small. Raises Discarded."""
    most = enough * 2**DOUBLINGS
    while not is_enough(enough):
        enough *= 2
        if enough > most:
            raise Discarded(f"not survived with {most / MEGABYTE:,.0f} MB either")
    while is_enough(enough * STEP):
        enough *= STEP
    return enough


def _survives(bench: Bench, client: Client, limit: float, longest: float) -> bool:
    with cgroups.memory(int(limit)) as folder:
        try:
            bench.run(Series(client, TEN_CONVERSATIONS, start_groups=(folder,)), longest)
        except Died:
            return False
    return True
