"""Recent: a wall with the newest picture of each conversation."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from darkroom_client.console import addresses
from darkroom_client.console.media.pictures import Shown
from darkroom_client.index import Summary

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

PAGE = 60
STATES = ("succeeded", "failed", "waiting")
RATIOS = (0.5, 2.4)  # the wall crops a very tall or wide picture; its own page shows all of it


def document(desk: "Desk", query: QueryParams) -> dict[str, Any]:
    """The threads that match the filter: words, the beginning of the id, and the state. Raises Trouble."""
    asked = {name: query.get(name, "").strip() for name in ("words", "prefix", "state")}
    start = int(query["from"]) if re.fullmatch(r"[0-9]{1,6}", query.get("from", "")) else 0
    named = _named(desk, asked["words"], asked["prefix"])
    found = [each for each in named if asked["state"] not in STATES or each.status == asked["state"]]
    for thread_id in (erased := desk.wall.erased(found[start : start + PAGE])):
        desk.forget(thread_id)
    found, named = ([each for each in threads if each.thread_id not in erased] for threads in (found, named))
    shown = found[start : start + PAGE]
    pictures = desk.pictures.newest(shown)
    following = {**{name: value for name, value in asked.items() if value}, "from": start + PAGE}
    return {
        "threads": [card(each, pictures.get(each.thread_id)) for each in shown],
        "count": len(found),
        "states": _states(named, asked),
        "filter": asked,
        "next": f"/?{urlencode(following)}" if len(found) > start + PAGE else None,
    }


def card(thread: Summary, shown: Shown | None) -> dict[str, Any]:
    """A thread as the wall shows it."""
    return thread._asdict() | {
        "address": addresses.thread(thread.thread_id),
        "picture": shown and _picture(thread.thread_id, shown),
    }


def _picture(thread_id: str, shown: Shown) -> dict[str, Any]:
    picture = shown.picture
    ratio = min(max(picture.width / picture.height, RATIOS[0]), RATIOS[1])
    return {
        "turn": shown.turn, "number": shown.number, "width": picture.width, "height": picture.height,
        "uri": f"s3://{picture.bucket}/{picture.key}", "ratio": round(ratio * 10),
        "thumbnail": addresses.picture("thumbnails", thread_id, shown.turn, shown.number),
    }  # fmt: skip


def _named(desk: "Desk", words: str, prefix: str) -> Sequence[Summary]:
    threads = desk.wall.found(words, prefix) if words else desk.wall.threads()
    return [each for each in threads if each.thread_id.startswith(prefix)]


def _states(named: Sequence[Summary], asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """The numbers of failed and of waiting threads, each with the address of the wall that shows only these."""
    counted = Counter(each.status for each in named)
    kept = {name: asked[name] for name in ("words", "prefix") if asked[name]}
    return [
        {"state": state, "count": counted[state], "address": f"/?{urlencode({**kept, 'state': state})}"}
        for state in ("failed", "waiting")
        if counted[state] and asked["state"] != state
    ]
