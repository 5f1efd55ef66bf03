"""`darkroom doctor`: finds what is wrong with a stack, and the way out."""

from typing import TYPE_CHECKING

import click

from darkroom_client.commands.common import Given, options
from darkroom_client.stacks import releases

if TYPE_CHECKING:
    from darkroom_client.operating.doctor.finding import Finding

MARKS = {"ok": ("✓", "green"), "broken": ("✗", "bold red"), "unwise": ("!", "yellow"), "unknown": ("?", "yellow")}


@click.command("doctor", short_help="Find what is wrong with the stack, and the way out.")
@options
@click.pass_obj
def command(given: Given) -> int:
    """Check everything that may keep the stack from its work: key, model, queues, limits, quotas, alarms, versions.

    A ✗ is broken, a ! unwise, a ? not known. The exit code is 1 where something is broken. It pays for nothing: where
    you may read the key, it asks the image API for its list of models.
    """
    from darkroom_client.operating.doctor.examine import Doctor

    found = []
    for finding in Doctor(given.open_stack(), releases.own()).findings():
        found.append(finding)
        if not given.as_json:
            _show(finding)
    broken = [each for each in found if each.state == "broken"]
    sums = f"{len(broken)} broken." if broken else "Nothing is broken."
    given.tell({"healthy": not broken, "checks": [each._asdict() for each in found]}, "", sums)
    return int(bool(broken))


def _show(finding: "Finding") -> None:
    """A line that folds beside its mark, and the way out below."""
    from darkroom_client.commands.tables import grid, show, text

    mark, style = MARKS[finding.state]
    rows = [(text(mark, style), text(finding.said))]
    if finding.way_out:
        rows.append((text(""), text(finding.way_out, "cyan")))
    show(grid(rows))
