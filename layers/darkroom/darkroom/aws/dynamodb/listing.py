"""The index of ended turns, by day, of waiting requests and of batches: the items in it, and their index keys."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from darkroom.aws.dynamodb.table import Table
from darkroom.domain.outcome import Outcome, timestamp
from darkroom.domain.timing import LEDGER_KEPT_SECONDS
from darkroom.errors import Unavailable
from darkroom.turns.ports import Claim, Wait

INDEX = "Listed"
WAITING = "waiting"
BATCHES = "batches"
LOOKED_AT = 50  # turns that show whether a model works
REFUSED = "/refused"  # no thread's id begins with a slash
INSTRUCTION_CHARACTERS = 200
UNLISTED = ("listed_in", "listed_at", "receipts", "instruction", "cause", "waits_until")  # removed when a wait is over


def of_ended(ended: Outcome) -> dict[str, Any]:
    """The index keys of an outcome: its day."""
    at = ended.timing.finished_at
    return {"listed_in": at[:10], "listed_at": at}


def of_waiting(claim: Claim, trouble: Unavailable, wait: Wait) -> dict[str, Any]:
    """The index entry of a waiting request, oldest request first. A probe's wait has no receipt handles."""
    receipts = {"receipts": list(wait.receipts)} if wait.receipts else {}
    return {
        "listed_in": WAITING,
        "listed_at": claim.requested_at,
        "cause": trouble.cause,
        "waits_until": wait.until,
        "instruction": wait.instruction[:INSTRUCTION_CHARACTERS],
        **receipts,
    }


def of_batch(began_at: float) -> dict[str, str]:
    """The index keys of a batch. `began_at` is in seconds since the epoch."""
    return {"listed_in": BATCHES, "listed_at": timestamp(began_at)}


def waiting(table: Table) -> Iterator[dict[str, Any]]:
    """The waiting requests, oldest first. The index may be a moment behind."""
    return table.listed(INDEX, WAITING)


def ended(table: Table, day: str) -> Iterator[dict[str, Any]]:
    """The turns and refusals of a UTC day (`2026-11-29`), newest first."""
    return table.listed(INDEX, day, is_newest_first=True)


def batches(table: Table) -> Iterator[str]:
    """The partitions of batches, the latest first."""
    return (item["thread_id"] for item in table.listed(INDEX, BATCHES, is_newest_first=True, page=50))


def has_succeeded(table: Table, model: str, since: str, now: str) -> bool:
    """Whether one of the newest turns has a paid picture of this model and ended after `since`."""
    return any(
        turn.get("model") == model
        and turn["status"] == "succeeded"
        and turn["listed_at"] > since
        and turn["cost"]["paid_calls"]
        for day in {since[:10], now[:10]}
        for turn in islice(table.listed(INDEX, day, is_newest_first=True, page=LOOKED_AT), LOOKED_AT)
    )


class Refusals:
    """Refusals: a small item for each, in the index of its day."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def note(self, refused: Outcome, key: str) -> None:
        """Store a refusal, whose `result.json` lies at `key`. Storing it twice is harmless."""
        told = {name: value for name, value in refused.as_document().items() if name in ("status", "error", "cost")}
        words = (refused.instruction or "")[:INSTRUCTION_CHARACTERS]
        expires = {"expires_at": int(self._clock()) + LEDGER_KEPT_SECONDS}
        document = {**told, "instruction": words, **of_ended(refused), **expires}
        self._table.write(self._table.put(REFUSED, key, document))
