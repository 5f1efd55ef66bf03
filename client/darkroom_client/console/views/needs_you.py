"""Needs you: the requests and uploads that failed since yesterday, each with its remedy."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from darkroom.aws.dynamodb import listing
from darkroom.domain.outcome import timestamp
from darkroom_client.console import addresses
from darkroom_client.index import Index
from darkroom_client.operating.retry import ASKED_AGAIN

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

SINCE = timedelta(days=1)
MOST = 200
UPLOADS = "rejected/uploads/"


def document(desk: "Desk") -> dict[str, Any]:
    """Failed turns, and rejected uploads and messages, the newest first. Raises Trouble."""
    now = datetime.now(UTC)
    begin = (now - SINCE).replace(hour=0, minute=0, second=0, microsecond=0)
    days = {(begin + timedelta(days=number)).date().isoformat() for number in range((now - begin).days + 2)}
    items = Index(desk.room.stack).ended_from(timestamp(begin.timestamp()), days)
    failed = (item for item in items if item["status"] == "failed")
    return {"since": timestamp(begin.timestamp()), "failures": [_told(item) for item in islice(failed, MOST)]}


def _told(item: Mapping[str, Any]) -> dict[str, Any]:
    is_refusal = item["thread_id"] == listing.REFUSED
    error = item.get("error") or {}
    thread_id = None if is_refusal else str(item["thread_id"])
    return {
        "thread_id": thread_id,
        "address": addresses.thread(thread_id) if thread_id else None,
        "turn": item.get("turn"), "request_id": item.get("request_id"), "ended_at": item["listed_at"],
        "instruction": item.get("instruction") or "", "name": _name(item),
        "code": error.get("code"), "message": error.get("message"), "hint": error.get("hint"),
        **_remedy(item, error.get("code"), thread_id),
    }  # fmt: skip


def _name(item: Mapping[str, Any]) -> str:
    """The thread, the uploaded file, or `a message`."""
    key = str(item["sk"])
    if item["thread_id"] != listing.REFUSED:
        return str(item["thread_id"])
    return key.removeprefix(UPLOADS).rsplit("/", 2)[0] if key.startswith(UPLOADS) else "a message"


def _remedy(item: Mapping[str, Any], code: str | None, thread_id: str | None) -> dict[str, Any]:
    """The remedy that the page offers: words for a photo, a retry, or a reply."""
    if code == "needs_instruction" and "~" not in _name(item):
        return {"remedy": "words", "key": _name(item)}
    if thread_id and item.get("turn") and code in ASKED_AGAIN:
        return {"remedy": "retry", "question": f"/questions/retry/{addresses.part(thread_id)}/{item['turn']}"}
    return {"remedy": "reply" if thread_id else None}
