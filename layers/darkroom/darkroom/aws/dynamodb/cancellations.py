"""Cancelled requests: an item for each thread, in a partition of its own, which a call's mark checks."""

import time
from collections.abc import Callable, Sequence

from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table, Write
from darkroom.domain.keys import sha256
from darkroom.domain.timing import LEDGER_KEPT_SECONDS
from darkroom.errors import Unavailable

PARTITIONS = "/cancelled/"  # no thread's id begins with a slash
MARK = "MARK"
ERASING = "erasing"  # while this attribute is there, no request of the thread calls: its earlier turns are being erased


class Cancellations:
    """The marks of cancelled requests. Each covers one request, or all that were made up to a moment."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def cancel(self, thread_id: str, request_ids: Sequence[str]) -> None:
        """Mark these requests, including any that do not exist yet."""
        now = self._clock()
        marks = {_attribute(request_id): now for request_id in request_ids}
        self._write(thread_id, {**marks, **self._expires()}, None)

    def cancel_until(self, thread_id: str, moment: str) -> None:
        """Mark all requests up to this moment. Its form is that of `requested_at`, which AWS's clock gives."""
        is_later = Condition("attribute_not_exists(#until) OR #until < :until")  # the update defines the names
        try:
            self._write(thread_id, {"until": moment, **self._expires()}, is_later)
        except ConditionFailed:
            return  # a later mark covers it

    def has(self, thread_id: str, request_id: str, requested_at: str) -> bool:
        """Whether the request is marked."""
        item = self._table.item(PARTITIONS + thread_id, MARK)
        return _attribute(request_id) in item or str(item.get("until", "")) >= requested_at

    def check(self, thread_id: str, request_id: str, requested_at: str) -> Write:
        """The part of a transaction that fails if the request is marked, or its thread is being erased."""
        name = _attribute(request_id)
        is_open = f"attribute_not_exists(#{name}) AND (attribute_not_exists(#until) OR #until < :asked)"
        is_open += f" AND attribute_not_exists({ERASING})"
        condition = Condition(is_open, {"asked": requested_at}, (name, "until"))
        return self._table.check(PARTITIONS + thread_id, MARK, condition)

    def check_erasing(self, thread_id: str) -> None:
        """Raises Unavailable (`erasing`) while the thread is being erased."""
        if ERASING in self._table.item(PARTITIONS + thread_id, MARK):
            raise erasing()

    def _write(self, thread_id: str, changes: dict[str, object], condition: Condition | None) -> None:
        self._table.write(self._table.update(PARTITIONS + thread_id, MARK, changes, condition))

    def _expires(self) -> dict[str, object]:
        return {"expires_at": int(self._clock()) + LEDGER_KEPT_SECONDS}


def erasing() -> Unavailable:
    """The error for a request that has to wait until its thread is erased."""
    return Unavailable("erasing", "the earlier turns of its thread are being erased")


def _attribute(request_id: str) -> str:
    """The attribute of a request's mark. It is hashed, because expressions take no dots or colons in a name."""
    return f"request_{sha256(request_id)[:32]}"
