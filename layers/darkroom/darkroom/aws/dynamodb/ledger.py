"""The ledger: the worker that holds a request, and the calls of it that may have been paid.

Each request has one item, in its thread's partition, so that turn, thread and request end in one transaction. A claim
is a lease. While it lasts, only its owner writes the item: the writes are absolute values, and repeating one changes
nothing. Every write except the claim is fenced by the owner's name, and numbered: a write that arrives after a later
one is refused.
"""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.cancellations import Cancellations, erasing
from darkroom.aws.dynamodb.claims import (
    CLAIM,
    CLAIMABLE,
    FORGOTTEN,
    claim_of,
    document_of,
    fence,
    in_order,
    ours_or_gone,
    sort_key,
)
from darkroom.aws.dynamodb.daily_calls import DailyCalls
from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table, Write
from darkroom.aws.dynamodb.turn_store import DynamoTurns
from darkroom.domain import outcome, thread
from darkroom.domain.outcome import Outcome
from darkroom.domain.ports import Done, Forgotten, Held, Reused
from darkroom.domain.request import Request
from darkroom.domain.thread import Past, Thread
from darkroom.domain.timing import LEASE_SECONDS, LEDGER_KEPT_SECONDS
from darkroom.errors import PROVIDER_CAUSES, UNCOUNTED_CAUSES, Cancelled, DarkroomError, Unavailable
from darkroom.turns.ports import CallRecord, Claim, Wait


class DynamoLedger:
    """The ledger of `turns.ports`, on DynamoDB. A `daily_call_limit` of 0 means no limit: then no call is counted."""

    def __init__(self, table: Table, *, daily_call_limit: int, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._days = DailyCalls(table, daily_call_limit, clock)
        self._cancellations = Cancellations(table, clock=clock)
        self._clock = clock
        self._held: dict[str, Claim] = {}
        self._lock = threading.Lock()

    def claim(self, request: Request, requested_at: str) -> Claim | Done | Forgotten | Held | Reused:
        """See `turns.ports.Ledger`. It writes first, and reads only on a conflict."""
        now, owner = self._clock(), uuid.uuid4().hex
        values = {
            "owner": owner, "nobody": "", "open": "open", "one": 1, "zero": 0, "now": now,
            "request_id": request.request_id, "fingerprint": request.fingerprint,
            "requested_at": requested_at, "started_at": outcome.timestamp(now),
            "lease_until": now + LEASE_SECONDS, "expires_at": int(now) + LEDGER_KEPT_SECONDS,
        }  # fmt: skip
        write = self._table.update_by(
            request.thread_id, sort_key(request.request_id), CLAIM, values, ("owner", "state"), CLAIMABLE
        )
        try:
            entry = self._table.updated(write)
        except ConditionFailed:
            entry = self._entry(request)
        return self._status(entry, request, owner)

    def _status(self, entry: dict[str, Any], request: Request, owner: str) -> Claim | Done | Forgotten | Held | Reused:
        if not entry:
            raise Unavailable("held", "another worker has just let this request go")
        if entry["fingerprint"] != request.fingerprint:
            return Reused()
        if entry["state"] == "done":
            return Forgotten() if FORGOTTEN in entry else Done(self._turns(request.thread_id).one(entry["turn"]))
        if entry["owner"] != owner:  # otherwise it is ours: botocore retried our own write, and the retry failed
            return Held(max(0.0, entry["lease_until"] - self._clock()))
        claim = claim_of(entry)
        with self._lock:
            self._held[owner] = claim
        return claim

    def abandoned(self, request: Request) -> bool:
        """See `turns.ports.Ledger`."""
        entry = self._entry(request)
        return entry.get("state") == "open" and (entry["owner"] != "" or entry["strikes"] > 0)

    def thread(self, thread_id: str, parent_turn: int | None = None) -> Thread:
        """See `turns.ports.Ledger`."""
        return thread.read(self._turns(thread_id), parent_turn)

    def ended(self, thread_id: str, turn: int) -> tuple[Outcome, Claim | None] | None:
        """See `turns.ports.Ledger`."""
        told = next((each for each in self._turns(thread_id).page(turn) if each.turn == turn), None)
        if told is None:
            return None
        entry = self._table.item(thread_id, sort_key(str(told.request_id)))
        return told, claim_of(entry) if entry.get("turn") == turn else None

    def check_erasing(self, thread_id: str) -> None:
        """See `turns.ports.Ledger`."""
        self._cancellations.check_erasing(thread_id)

    def mark(self, claim: Claim, asked: CallRecord) -> Claim:
        """See `turns.ports.Ledger`. It renews the lease, which may have run out while this worker was stalled."""
        day = self._days.today()
        counts = self._days.one_more(day)
        number = claim.calls + 1
        marked = {"calls": number, "open_call": number, "call_day": day, "asked": asked}
        is_wanted = self._cancellations.check(claim.thread_id, claim.request_id, claim.requested_at)
        try:
            return self._change(claim, marked | {"lease_until": self._clock() + LEASE_SECONDS}, *counts, is_wanted)
        except Cancelled as stopped:
            if self.is_cancelled(claim):
                raise
            raise erasing() from stopped

    def is_cancelled(self, claim: Claim) -> bool:
        """See `turns.ports.Ledger`."""
        return self._cancellations.has(claim.thread_id, claim.request_id, claim.requested_at)

    def settle_free(self, claim: Claim, *, flatten: bool = False, doubtful: int = 0, alone: int = 0) -> Claim:
        """See `turns.ports.Ledger`."""
        doubts = {"doubtful": claim.doubtful + doubtful, "doubtful_alone": claim.doubtful_alone + alone}
        changes = {"open_call": None, "flatten": flatten or claim.flatten, **(doubts if doubtful else {})}
        return self._change(claim, changes, *self._days.one_less(claim.call_day))

    def settle_ambiguous(self, claim: Claim) -> Claim:
        """See `turns.ports.Ledger`."""
        return self._change(claim, {"open_call": None, "ambiguous": claim.ambiguous + 1})

    def settle_answered(self, claim: Claim, *, charged: bool) -> Claim:
        """See `turns.ports.Ledger`. It gives a call without a charge back to its day."""
        changes = {"open_call": None, "answered_by": claim.open_call, "charged": charged}
        return self._change(claim, changes, *self._days.one_less(None if charged else claim.call_day))

    def settle_late(self, claim: Claim, call: int, *, charged: bool) -> Claim:
        """See `turns.ports.Ledger`. Only the newest call's day is known."""
        changes = {"answered_by": call, "charged": charged, "ambiguous": claim.ambiguous - 1}
        is_given_back = not charged and call == claim.calls
        return self._change(claim, changes, *self._days.one_less(claim.call_day if is_given_back else None))

    def room(self) -> int | None:
        """See `turns.ports.Ledger`."""
        return self._days.room()

    def check_room(self) -> None:
        """See `turns.ports.Ledger`."""
        if self._days.room() == 0:
            raise self._days.used_up()

    def defer(self, claim: Claim, trouble: Unavailable, wait: Wait | None = None) -> None:
        """See `turns.ports.Ledger`.

        A transaction, because its idempotency token makes a retry safe after the claim is released.
        """
        now = self._clock()
        refused = now if trouble.cause in PROVIDER_CAUSES else None
        waiting = now if trouble.cause == "budget" else None
        changes = {
            "owner": "",
            "strikes": claim.strikes - 1,
            "deferrals": claim.deferrals + int(trouble.cause not in UNCOUNTED_CAUSES),
            "fetches": claim.fetches + int(trouble.cause == "fetch"),
            "refused_since": claim.refused_since or refused,
            "waiting_since": claim.waiting_since or waiting,
            **(listing.of_waiting(claim, trouble, wait) if wait else {}),
        }
        self._do(self._table.transact, self._numbered(claim, changes))

    def forget(self, claim: Claim) -> None:
        """See `turns.ports.Ledger`."""
        deletion = self._table.delete(claim.thread_id, sort_key(claim.request_id), ours_or_gone(claim))
        self._do(self._table.write, deletion)

    def commit(self, claim: Claim, outcome: Outcome, past: Past | None = None) -> None:
        """See `turns.ports.Ledger`."""
        turn = int(outcome.turn or 0)
        unlisted = dict.fromkeys(listing.UNLISTED) if claim.attempts > 1 else {}
        try:
            self._do(
                self._table.transact,
                *self._turns(claim.thread_id).added(outcome, past),
                self._advanced(claim.thread_id, turn, outcome.timing.finished_at),
                self._numbered(claim, {"state": "done", "turn": turn, **unlisted}),
            )
        except Unavailable:
            if not self._is_committed(claim, turn):
                raise

    def prove(self, claim: Claim) -> None:
        """See `turns.ports.Ledger`."""
        self._do(self._table.write, self._renewal(claim))

    def renew(self) -> None:
        """See `turns.ports.Ledger`. A lost claim is dropped; its owner finds out at its next write."""
        with self._lock:
            held = list(self._held.values())
        failed: DarkroomError | None = None
        for claim in held:
            try:
                self._do(self._table.write, self._renewal(claim))
            except DarkroomError as error:
                if isinstance(error, Unavailable) and error.cause == "held":
                    self.drop(claim)
                else:
                    failed = error  # raised when all the others have been renewed
        if failed:
            raise failed

    def drop(self, claim: Claim) -> None:
        """See `turns.ports.Ledger`."""
        with self._lock:
            self._held.pop(claim.owner, None)

    def _renewal(self, claim: Claim) -> Write:
        lease = {"lease_until": self._clock() + LEASE_SECONDS}
        return self._table.update(claim.thread_id, sort_key(claim.request_id), lease, fence(claim))

    def _turns(self, thread_id: str) -> DynamoTurns:
        return DynamoTurns(self._table, thread_id)

    def _entry(self, request: Request) -> dict[str, Any]:
        return self._table.item(request.thread_id, sort_key(request.request_id))

    def _is_committed(self, claim: Claim, turn: int) -> bool:
        """Whether the commit succeeded, and only botocore's retry of it failed."""
        entry = self._table.item(claim.thread_id, sort_key(claim.request_id))
        return (entry.get("state"), entry.get("turn"), entry.get("owner")) == ("done", turn, claim.owner)

    def _change(self, claim: Claim, changes: dict[str, Any], *others: Write) -> Claim:
        """The claim with these changes, written if it is still ours; together with the other writes, or not at all."""
        self._do(self._table.transact if others else self._table.write, self._numbered(claim, changes), *others)
        known = {name: value for name, value in changes.items() if name in Claim.__dataclass_fields__}
        return replace(claim, writes=claim.writes + 1, **known)

    def _numbered(self, claim: Claim, changes: dict[str, Any]) -> Write:
        """The owner's next write. It is refused after a later write, and accepted again after itself."""
        number = claim.writes + 1
        asked = {"asked": document_of(changes["asked"])} if "asked" in changes else {}
        numbered = changes | asked | {"writes": number}
        return self._table.update(claim.thread_id, sort_key(claim.request_id), numbered, in_order(claim, number))

    def _advanced(self, thread_id: str, turn: int, now: str) -> Write:
        before = Condition(
            "latest_turn = :before" + (" OR attribute_not_exists(latest_turn)" if turn == 1 else ""),
            {"before": turn - 1},
        )
        expression = "SET latest_turn = :turn, updated_at = :now, created_at = if_not_exists(created_at, :now)"
        return self._table.update_by(thread_id, "THREAD", expression, {"turn": turn, "now": now}, (), before)

    def _do(self, write: Callable[..., None], *writes: Write) -> None:
        try:
            write(*writes)
        except ConditionFailed as failed:
            if self._days.counts(writes[failed.position]):
                raise self._days.used_up() from failed
            if writes[failed.position].kind == "ConditionCheck":
                raise Cancelled("before its call") from failed
            raise Unavailable("held", "another worker has taken this request over") from failed
