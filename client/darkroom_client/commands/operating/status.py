"""`darkroom status`: shows how many requests wait or are under way, and why."""

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from darkroom_client.commands.common import Given, options, until_interrupted
from darkroom_client.stacks import choice
from darkroom_client.telling import clock

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.text import Text

    from darkroom_client.operating.status import Status

SHOWN = 10  # of perhaps very many that wait
WATCH_SECONDS = 5


@click.command("status", short_help="Show what waits, what is under way, and why.")
@click.option("--watch", is_flag=True, help=f"Look again every {WATCH_SECONDS} s, until Ctrl-C.")
@options
@click.pass_obj
def command(given: Given, watch: bool) -> None:
    """Show how many requests wait or are under way, what holds them back, and what needs attention.

    The numbers are approximate, as SQS's own are.
    """
    from darkroom_client.operating.status import status

    stack = given.open_stack()
    title = f"{choice.find(given.stack).name}, release {stack.outputs['StackVersion']}"
    with until_interrupted() if watch else nullcontext():
        while True:
            found = stack.up_to_date(lambda: status(stack))
            if given.as_json:
                given.tell(found.document())
            else:
                _show(found, title, is_anew=watch)
            if not watch:
                return
            time.sleep(WATCH_SECONDS)


def _show(found: "Status", title: str, *, is_anew: bool) -> None:
    from darkroom_client.commands.tables import show
    from darkroom_client.commands.terminal import console

    if is_anew and console().is_terminal:
        console().clear()
    show(_picture(found, title))


def _picture(found: "Status", title: str) -> "Group":
    from rich.console import Group

    from darkroom_client.commands.tables import grid, table, text

    rows = [
        (text("under way"), text(f"{found.in_flight:,}")),
        (text("waiting"), text(_waiting(found))),
        (text("calls today"), _calls(found)),
        *((text(name), said) for name, said in _trouble(found)),
    ]
    parts: list[RenderableType] = [_state(found, title), grid(rows)]
    if found.sleepers:
        columns = [("WAITS FOR", "left"), ("UNTIL", "left"), ("TRIED", "right"), ("THREAD", "whole"), ("WORDS", "cut")]
        sleepers = [
            (each.cause, clock(each.until), each.attempts, each.thread_id, each.instruction)
            for each in found.sleepers[:SHOWN]
        ]
        parts += [text(""), table(columns, sleepers)]
        if more := len(found.sleepers) - SHOWN:
            parts += [text(f"and {more:,} more, which came later")] if more > 0 else []
    return Group(*parts)


def _state(found: "Status", title: str) -> "Text":
    from darkroom_client.commands.tables import text

    said, style = f"{title}: {'at work' if found.in_flight or found.waiting else 'idle'}", "bold green"
    if found.paused:
        said, style = f"{title}: paused, nothing is called until `darkroom resume`", "bold yellow"
    elif found.daily_limit and found.calls_today >= found.daily_limit:
        said, style = f"{title}: the calls of this UTC day are used up", "bold yellow"
    elif found.is_held_back:
        said, style = f"{title}: calls are held back until the image API is well again", "bold yellow"
    return text(said, style)


def _waiting(found: "Status") -> str:
    causes = ", ".join(f"{number:,} {cause}" for cause, number in found.causes.items())
    return f"{found.waiting:,}: {causes}" if len(found.causes) > 1 else causes or "0"


def _calls(found: "Status") -> "Text":
    from darkroom_client.commands.tables import text

    of_limit = f" of {found.daily_limit:,}" if found.daily_limit else ", and no limit (DailyCallLimit)"
    return text(f"{found.calls_today:,}{of_limit}")


def _trouble(found: "Status") -> "list[tuple[str, Text]]":
    """The rows that need attention, or say that nothing does."""
    from darkroom_client.commands.tables import text
    from darkroom_client.operating.status import is_own, one_held_back, way_out_of_one

    rows = []
    for model, each in found.breaker.items():
        state = "only probes go out" if each.is_open else f"{each.failures} failures in a row"
        said = f"{model}: {each.cause}, {state}"
        if each.is_open and not is_own(model, found.image_model):
            said = f"{one_held_back(model, each)} {way_out_of_one(each)}"
        rows.append(("provider", text(said, "yellow")))
    if found.dead_letters:
        said = f"{found.dead_letters:,}: `darkroom redrive` brings them back, once their cause is fixed"
        rows.append(("dead letters", text(said, "red")))
    else:
        rows.append(("dead letters", text("none")))
    if found.alarms is None:
        rows.append(("alarms", text("your credentials may not see them: attach the stack's OperatorPolicyArn")))
    else:
        rows.append(("alarms", text(", ".join(found.alarms) or "none", "red" if found.alarms else "")))
    return rows
