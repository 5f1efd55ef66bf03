"""Thread: a conversation with its branches, its pictures and its waiting requests."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from darkroom.domain.outcome import Outcome, Picture, Source
from darkroom_client.console import addresses
from darkroom_client.errors import NotFound
from darkroom_client.results import Result, Waiting

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

WAITING_FIELDS = ("request_id", "instruction", "cause", "since", "until")
LIGHT_BYTES = 1_500_000  # the page shows a picture up to this length without a preview


def document(desk: "Desk", thread_id: str) -> dict[str, Any]:
    """The document of `darkroom show --json`, with the requests from this console that no worker has taken up yet.

    Raises Trouble if there is no such thread.
    """
    thread = desk.room.thread(thread_id)
    found = thread.turns()
    turns = [each.outcome for each in found if isinstance(each, Result)]
    waiting = [each for each in found if isinstance(each, Waiting)]
    known = {each.request_id for each in turns} | {each.request_id for each in waiting}
    sent = [each for each in desk.sent.of(thread.id) if each.request_id not in known]
    if not (found or sent):
        desk.forget(thread.id)  # it may have been erased
        raise NotFound(f"There is no conversation {thread.id}, or nothing has taken up its first request yet.")
    desk.pictures.remember(turns)
    return {
        "thread_id": thread.id,
        "turns": [each.as_document() for each in turns],
        "waiting": [{name: getattr(each, name) for name in WAITING_FIELDS} for each in waiting],
        "sent": [{"request_id": each.request_id, "instruction": each.request.instruction} for each in sent],
    }


def shown(desk: "Desk", told: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the page shows beside the document: the turns as a tree, with the addresses of their pictures."""
    thread_id = str(told["thread_id"])
    turns = [desk.pictures.turn(thread_id, each["turn"]) for each in told["turns"]]
    outcomes = [each for each in turns if each]
    return {
        "rows": [_row(thread_id, turn, depth, is_start) for turn, depth, is_start in in_order(outcomes)],
        "choices": [each for turn in outcomes for each in _choices(thread_id, turn)],
        "newest": max((each.turn or 0 for each in outcomes if each.status == "succeeded"), default=0),
        "sum": _sum(outcomes),
        "sent_words": {each.request_id: each.request.instruction for each in desk.sent.of(thread_id)},
        "is_paused": bool(told["sent"]) and desk.room.stack.seems_paused(),
        "models": sorted({each.model for each in outcomes if each.model}),
    }


def in_order(turns: Sequence[Outcome]) -> Iterator[tuple[Outcome, int, bool]]:
    """Each turn with its depth, and whether a branch starts with it.

    The depth grows by one where several turns with a picture answer the same turn.
    """
    known = {turn.turn or 0: turn for turn in turns}
    children = defaultdict[int, list[Outcome]](list)
    for turn in turns:
        children[(turn.parent_turn or 0) if turn.parent_turn in known else 0].append(turn)
    left = [(0, 0, False)]  # the turns that are still to come, the next one last
    while left:
        number, depth, is_start = left.pop()
        if number:
            yield known[number], depth, is_start
        answers = children.get(number, [])
        is_fork = number > 0 and sum(each.status == "succeeded" for each in answers) > 1
        left += [(each.turn or 0, depth + is_fork, is_fork) for each in reversed(answers)]


def _row(thread_id: str, turn: Outcome, depth: int, is_start: bool) -> dict[str, Any]:
    number = turn.turn or 0
    return {
        "turn": turn, "number": number, "depth": min(depth, 6), "is_start": is_start,
        "pictures": [_picture(thread_id, number, place, each) for place, each in enumerate(turn.images, 1)],
        "sources": [_source(thread_id, number, place, each) for place, each in enumerate(turn.sources, 1)],
        "retry": f"/questions/retry/{addresses.part(thread_id)}/{number}" if _may_be_retried(turn) else None,
    }  # fmt: skip


def _may_be_retried(turn: Outcome) -> bool:
    from darkroom_client.operating.retry import ASKED_AGAIN

    return turn.error is not None and turn.error.code in ASKED_AGAIN


def _picture(thread_id: str, turn: int, number: int, picture: Picture) -> dict[str, Any]:
    whole = addresses.picture("pictures", thread_id, turn, number)
    is_light = picture.bytes <= LIGHT_BYTES
    return {
        "small": addresses.picture("thumbnails", thread_id, turn, number),
        "large": whole if is_light else addresses.picture("previews", thread_id, turn, number),
        "whole": whole,
        "download": addresses.picture("downloads", thread_id, turn, number),
        "uri": f"s3://{picture.bucket}/{picture.key}",
        "width": picture.width, "height": picture.height, "bytes": picture.bytes, "number": number,
    }  # fmt: skip


def _source(thread_id: str, turn: int, number: int, source: Source) -> dict[str, Any]:
    return {
        "small": addresses.picture("source-thumbnails", thread_id, turn, number),
        "large": addresses.picture("source-previews", thread_id, turn, number),
        "whole": addresses.picture("sources", thread_id, turn, number),
        "name": source.key.rpartition("/")[2],
        "uri": f"s3://{source.bucket}/{source.key}",
    }


def _choices(thread_id: str, turn: Outcome) -> Iterator[dict[str, str]]:
    """The pictures that may be compared, with names for a person."""
    number = turn.turn or 0
    for place, source in enumerate(turn.sources, 1):
        told = _source(thread_id, number, place, source)
        yield {"name": f"Source of turn {number}: {told['name']}", "address": told["large"]}
    for place, picture in enumerate(turn.images, 1):
        more = f", picture {place}" if len(turn.images) > 1 else ""
        yield {"name": f"Turn {number}{more}", "address": _picture(thread_id, number, place, picture)["large"]}


def _sum(turns: Sequence[Outcome]) -> dict[str, Any]:
    amounts = [each.cost.amount for each in turns if each.cost.amount is not None]
    return {
        "paid_calls": sum(each.cost.paid_calls for each in turns),
        "amount": sum(amounts) if amounts else None,
        "currency": next((each.cost.currency for each in turns if each.cost.currency), None),
    }
