"""Calls to AWS in a turn, counted at the client's edge and compared with the calls that reached the servers."""

from benchmarks.rows.row import Report, Table
from benchmarks.rows.scenarios import PICTURE, SHORT_THREAD, WORDS_ALONE
from benchmarks.runs import Bench, Series
from benchmarks.samples import Samples
from benchmarks.verdict import Line

COUNTED = {"words alone": WORDS_ALONE, "a picture attached": PICTURE, "a conversation's turn": SHORT_THREAD}


class Calls:
    """The number of calls, and DynamoDB's units. The document lists each call and its reason."""

    name = "calls"
    series = ()

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        runs = {name: bench.run(Series("darkroom", scenario)) for name, scenario in COUNTED.items()}
        naive = {name: bench.run(Series("naive", scenario)) for name, scenario in COUNTED.items()}
        lines = [
            Line(self.name, f"calls to AWS, {name}", "", sum(naive[name].calls.values()), sum(run.calls.values()), None)
            for name, run in runs.items()
        ]
        units = (
            "DynamoDB units, read / written",
            *(f"{run.read_units:g} / {run.write_units:g}" for run in runs.values()),
        )
        return Report(lines, {"units": Table(("", *COUNTED), (units,))})
