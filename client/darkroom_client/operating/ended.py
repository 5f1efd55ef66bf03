"""Reads the requests that ended on a day, and their cost, from one index. It lists no bucket."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Table


class Ended(NamedTuple):
    """A request that has ended. One that took no turn has no thread, and `told_at` is the key of its refusal."""

    at: str
    code: str
    thread_id: str | None
    turn: int | None
    request_id: str | None
    told_at: str | None
    instruction: str
    model: str | None
    paid_calls: int
    amount: float | None
    currency: str | None

    @property
    def is_failed(self) -> bool:
        """Whether there is no picture."""
        return self.code != "succeeded"


def ended(table: Table, day: str) -> Iterator[Ended]:
    """The requests that ended on a day of UTC (`2026-11-29`), the newest first, each as the index has it."""
    return map(_of, listing.ended(table, day))


def _of(item: dict[str, Any]) -> Ended:
    is_refusal = item["thread_id"] == listing.REFUSED
    cost = item.get("cost") or {}
    return Ended(
        at=item["listed_at"],
        code=item["error"]["code"] if item.get("error") else item["status"],
        thread_id=None if is_refusal else item["thread_id"],
        turn=item.get("turn"),
        request_id=item.get("request_id"),
        told_at=item["sk"] if is_refusal else None,
        instruction=" ".join(str(item.get("instruction") or "").split()),
        model=item.get("model"),
        paid_calls=cost.get("paid_calls", 0),
        amount=cost.get("amount"),
        currency=cost.get("currency"),
    )
