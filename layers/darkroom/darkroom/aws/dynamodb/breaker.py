"""A circuit breaker for each model, in the threads table: the provider's trouble, and the time of the next call."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom.domain import outcome
from darkroom.domain.timing import (
    BREAKER_KEPT_SECONDS,
    BREAKER_OPENS_AT,
    BREAKER_PAUSE_SECONDS,
    MAX_BREAKER_PAUSE_SECONDS,
    NEW_CALL_PAUSE_SECONDS,
    PROBE_CALL_SECONDS,
    PROBE_LEASE_SECONDS,
)
from darkroom.errors import PROVIDER_CAUSES, Cause, Unavailable
from darkroom.turns.ports import Admission

PARTITION = "/breaker"  # no thread's id begins with a slash
CERTAIN: frozenset[Cause] = frozenset(("credentials", "account", "configuration"))  # every other request would fail too


def weight(trouble: Unavailable, *, is_first: bool) -> int:
    """The number of failures that one counts for. If one request fails again and again, it may be at fault itself."""
    return BREAKER_OPENS_AT if trouble.cause in CERTAIN and is_first else 1


def is_open(failures: int, culprit: str, request: str) -> bool:
    """Whether it is open for a request. `culprit` is the only request that failed, empty if several did."""
    return failures >= BREAKER_OPENS_AT and culprit in ("", request)


def is_doubtful(trouble: Unavailable) -> bool:
    """Whether only this request may be in trouble. Then one that never called is let through sooner."""
    return trouble.is_doubtful and not trouble.retry_after


class DynamoBreaker:
    """The breaker of `turns.ports`, on DynamoDB. The model's item exists only during trouble."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def admit(self, model: str, request: str, *, is_last: bool, is_new: bool) -> Admission:
        """See `turns.ports.Breaker`."""
        item = self._table.item(PARTITION, model)
        cause: Cause | None = item.get("cause")
        if not is_open(item.get("failures", 0), item.get("culprit", ""), request):
            return Admission(cause, is_probe=False)
        if not is_last and not self._is_probe(model, is_first_call=is_new and item.get("doubtful", False)):
            raise Unavailable(cause or "unreachable", "calls are held back until the image API is well again")
        return Admission(cause, is_probe=True)

    def failed(self, model: str, request: str, trouble: Unavailable, *, is_first: bool) -> None:
        """See `turns.ports.Breaker`."""
        now = outcome.timestamp(self._clock())
        first_failed_at = self._table.item(PARTITION, model).get("first_failed_at", now)
        if listing.has_succeeded(self._table, model, first_failed_at, now):
            self._forget(model, Condition("failures < :open", {"open": BREAKER_OPENS_AT}))
            first_failed_at = now
        pause = max(BREAKER_PAUSE_SECONDS, min(trouble.retry_after or 0, MAX_BREAKER_PAUSE_SECONDS))
        changes = {
            "failure": uuid.uuid4().hex,
            "cause": trouble.cause if trouble.cause in PROVIDER_CAUSES else "unreachable",
            "next_call_at": self._clock() + pause,
            "doubtful": is_doubtful(trouble),
            "first_failed_at": first_failed_at,
        }
        failures = weight(trouble, is_first=is_first)
        is_another = "(attribute_not_exists(#failure) OR #failure <> :failure)"
        is_culprit = Condition(f"{is_another} AND (attribute_not_exists(culprit) OR culprit = :culprit)")
        is_certain = failures >= BREAKER_OPENS_AT
        if is_certain or not self._change(model, changes | {"culprit": request}, is_culprit, failures=failures):
            self._change(model, changes | {"culprit": ""}, Condition(is_another), failures=failures)

    def succeeded(self, model: str, known_trouble: Cause | None) -> None:
        """See `turns.ports.Breaker`. Without trouble it writes nothing: the next failure looks for this turn."""
        if known_trouble:
            self._forget(model, None)

    def _forget(self, model: str, condition: Condition | None) -> None:
        with suppress(ConditionFailed):
            self._table.write(self._table.delete(PARTITION, model, condition))

    def wants_probe(self, model: str) -> bool:
        """See `turns.ports.Breaker`."""
        nobody = "(attribute_not_exists(probed_until) OR probed_until < :now OR #prober = :prober)"
        return self._probed(model, Condition(f"failures >= :open AND {nobody}", self._now_and_open()))

    def keeps_probe(self, model: str) -> bool:
        """See `turns.ports.Breaker`."""
        return self._probed(model, Condition("failures >= :open", {"open": BREAKER_OPENS_AT}))

    def _is_probe(self, model: str, *, is_first_call: bool) -> bool:
        """Take the place of the one call that may go out now. First calls have a place of their own."""
        when = "next_new_call_at" if is_first_call else "next_call_at"
        pause = NEW_CALL_PAUSE_SECONDS if is_first_call else PROBE_CALL_SECONDS
        is_due = f"attribute_not_exists({when}) OR {when} <= :now OR #caller = :caller"
        due = Condition(f"failures >= :open AND ({is_due})", self._now_and_open())
        return self._change(model, {when: self._clock() + pause, "caller": uuid.uuid4().hex}, due)

    def _probed(self, model: str, condition: Condition) -> bool:
        lease = {"probed_until": self._clock() + PROBE_LEASE_SECONDS, "prober": uuid.uuid4().hex}
        return self._change(model, lease, condition)

    def _now_and_open(self) -> dict[str, Any]:
        return {"now": self._clock(), "open": BREAKER_OPENS_AT}

    def _change(self, model: str, changes: dict[str, Any], condition: Condition, **add: int) -> bool:
        """Write, and return whether the condition held. The change's unique name identifies botocore's retry of it."""
        expires = {"expires_at": int(self._clock()) + BREAKER_KEPT_SECONDS}
        try:
            self._table.updated(self._table.update(PARTITION, model, changes | expires, condition, add=add))
        except ConditionFailed:
            return False
        return True
