"""Tells a person about a request: its picture, its failure, or a rehearsal of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from darkroom.domain.request import Request
from darkroom_client.commands import terminal
from darkroom_client.commands.common import Given
from darkroom_client.commands.talking import preview
from darkroom_client.errors import Failed
from darkroom_client.pictures import LocalPicture
from darkroom_client.results import Result


def taken(result: Result, saved: Sequence[Path]) -> None:
    """A line for each file, then the picture itself where the terminal can show it."""
    console = terminal.console()
    thread = (terminal.name(result.thread_id or ""), "bold")
    console.print(Text.assemble(terminal.mark("succeeded"), " ", thread, f" turn {result.turn}"))
    told = facts(result)
    for image, path in zip(result.images, saved, strict=True):
        about = " · ".join([f"{image.width}×{image.height}", *told])
        console.print(Text.assemble("  ", terminal.name(str(path)), (f"  {about}", "dim")))
        told = []
    for caution in result.warnings:
        terminal.hang(console, "  ! ", Text(f"{caution.code}: {terminal.words(caution.message)}", "yellow"))
    if result.text:
        terminal.hang(console, "  ", Text(f"“{terminal.words(result.text, 300)}”", "italic"))
    for path in saved:
        preview.show(path)


def facts(result: Result) -> list[str]:
    """How long the call took, and what it cost."""
    seconds = result.outcome.timing.api_seconds
    cost = {"paid_calls": result.cost.paid_calls, "amount": result.cost.amount, "currency": result.cost.currency}
    return [fact for fact in ("" if seconds is None else f"{seconds:.1f} s", terminal.money(cost)) if fact]


def failed(failure: Failed) -> None:
    """The failure, and the way out."""
    console = terminal.console(is_error=True)
    turn = f" turn {failure.outcome.turn}" if failure.outcome.turn else ""
    thread = terminal.name(failure.outcome.thread_id or "the request")
    console.print(Text.assemble(terminal.mark("failed"), " ", (thread, "bold"), turn))
    terminal.hang(console, "  ", Text(f"{failure.code}: {terminal.words(failure.message)}", "red"))
    if failure.hint:
        terminal.hang(console, "  ", Text(terminal.words(failure.hint)))


def rehearsed(given: Given, request: Request, pictures: Sequence[LocalPicture], cost: Mapping[str, Any]) -> None:
    """The request that would be sent, how often, and the price."""
    body = {name: value for name, value in _fields(request).items() if value not in (None, [], {})}
    uploads = [{"name": each.name, "key": each.key, "bytes": len(each.data)} for each in pictures]
    lines = [f"Would send to {request.thread_id}: {terminal.words(request.instruction)}"]
    lines += [f"  {name}: {_said(body[name])}" for name in ("parent_turn", "model", "options") if name in body]
    lines += [f"  picture {each['name']}, {each['bytes']:,} bytes" for each in uploads]
    price = terminal.money(cost) if cost["amount"] is not None else "price unknown (the stack's PricePerImage is empty)"
    lines.append(f"  {terminal.counted(cost['paid_calls'], 'call')}, {price}. Nothing was sent or paid.")
    given.tell({"request": body, "uploads": uploads, "cost": dict(cost)}, *lines)


def _said(value: Any) -> str:
    """Options as they are written on the command line."""
    return ", ".join(f"{name}={each}" for name, each in value.items()) if isinstance(value, dict) else str(value)


def _fields(request: Request) -> dict[str, Any]:
    return {
        "thread_id": request.thread_id, "instruction": request.instruction, "parent_turn": request.parent_turn,
        "model": request.model, "options": dict(request.options or {}),
        "images": [f"s3://{each.bucket}/{each.key}" for each in request.images],
    }  # fmt: skip
