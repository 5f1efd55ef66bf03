"""The ledger in memory, held to the contract tests of the real one."""

import copy
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from darkroom.domain import outcome
from darkroom.domain.outcome import Outcome
from darkroom.domain.ports import Done, Forgotten, Held, Reused
from darkroom.domain.request import Request
from darkroom.domain.thread import Past, Thread
from darkroom.domain.timing import (
    LEASE_SECONDS,
)
from darkroom.errors import PROVIDER_CAUSES, UNCOUNTED_CAUSES, Cancelled, Unavailable
from darkroom.turns.ports import CallRecord, Claim, Wait
from tests.fakes.edge import Clock


@dataclass
class Entry:
    """A request's item, as in the table."""

    fingerprint: str
    claim: Claim
    lease_until: float
    done: int | None = None
    is_forgotten: bool = False


class MemoryLedger:
    """The ledger in memory: the table that all processes share, and the claims of one process."""

    def __init__(self, clock: Clock, *, daily_call_limit: int = 0) -> None:
        self._clock = clock
        self._limit = daily_call_limit
        self.entries: dict[tuple[str, str], Entry] = {}
        self.turns: dict[str, list[Outcome]] = {}
        self.calls: dict[str, int] = {}
        self.waits: dict[tuple[str, str], Wait] = {}
        self.cancelled: set[tuple[str, str]] = set()
        self.cancelled_until: dict[str, str] = {}
        self.erasing: set[str] = set()  # threads
        self.marks: list[tuple[int, str]] = []  # number and day of each call that this process marked
        self._held: dict[str, Claim] = {}

    def in_another_process(self) -> "MemoryLedger":
        """Another process's ledger over the same table."""
        other = copy.copy(self)
        other._held = {}
        other.marks = []
        return other

    def claim(self, request: Request, requested_at: str) -> Claim | Done | Forgotten | Held | Reused:
        where = request.thread_id, request.request_id
        entry = self.entries.get(where)
        now = self._clock()
        if entry is None:
            blank = Claim(*where, "", requested_at, outcome.timestamp(now), attempts=0, strikes=0)
            entry = Entry(request.fingerprint, blank, 0)
        if entry.fingerprint != request.fingerprint:
            return Reused()
        if entry.is_forgotten:
            return Forgotten()
        if entry.done:
            return Done(self.turns[request.thread_id][entry.done - 1])
        if entry.claim.owner and entry.lease_until >= now:
            return Held(entry.lease_until - now)
        owner = uuid.uuid4().hex
        kept = replace(entry.claim, owner=owner, attempts=entry.claim.attempts + 1, strikes=entry.claim.strikes + 1)
        self.entries[where] = Entry(request.fingerprint, kept, now + LEASE_SECONDS)
        self._held[owner] = kept
        return replace(kept, strikes=kept.strikes - int(kept.open_call is not None))

    def abandoned(self, request: Request) -> bool:
        entry = self.entries.get((request.thread_id, request.request_id))
        return entry is not None and entry.done is None and bool(entry.claim.owner or entry.claim.strikes)

    def status(self, thread_id: str, request_id: str, fingerprint: str) -> Done | Forgotten | Held | Reused | None:
        entry = self.entries.get((thread_id, request_id))
        if entry and entry.done:
            is_this = entry.fingerprint == fingerprint
            if is_this and entry.is_forgotten:
                return Forgotten()
            return Done(self.turns[thread_id][entry.done - 1]) if is_this else Reused()
        return Held(0) if entry and entry.fingerprint == fingerprint else None

    def thread(self, thread_id: str, parent_turn: int | None = None) -> Thread:
        return Thread(tuple(self.turns.get(thread_id, ())))

    def ended(self, thread_id: str, turn: int) -> tuple[Outcome, Claim | None] | None:
        told = next((each for each in self.turns.get(thread_id, []) if each.turn == turn), None)
        entry = self.entries.get((thread_id, str(told.request_id))) if told else None
        return (told, entry.claim if entry and entry.done == turn else None) if told else None

    def check_erasing(self, thread_id: str) -> None:
        if thread_id in self.erasing:
            raise Unavailable("erasing", "the earlier turns of its thread are being erased")

    def mark(self, claim: Claim, asked: CallRecord) -> Claim:
        entry = self._fence(claim)
        day = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        if self._limit and self.calls.get(day, 0) >= self._limit:
            raise Unavailable("budget", "used up", retry_after=3600)
        if self.is_cancelled(claim):
            raise Cancelled("before its call")
        self.check_erasing(claim.thread_id)
        self.calls[day] = self.calls.get(day, 0) + 1
        number = claim.calls + 1
        self.marks.append((number, day))
        entry.lease_until = self._clock() + LEASE_SECONDS
        return self._change(claim, calls=number, open_call=number, call_day=day, asked=asked)

    def is_cancelled(self, claim: Claim) -> bool:
        until = self.cancelled_until.get(claim.thread_id, "")
        return (claim.thread_id, claim.request_id) in self.cancelled or until >= claim.requested_at

    def settle_free(self, claim: Claim, *, flatten: bool = False, doubtful: int = 0, alone: int = 0) -> Claim:
        self._fence(claim)
        self.calls[str(claim.call_day)] -= 1
        doubts = {"doubtful": claim.doubtful + doubtful, "doubtful_alone": claim.doubtful_alone + alone}
        return self._change(claim, open_call=None, flatten=flatten or claim.flatten, **doubts)

    def settle_ambiguous(self, claim: Claim) -> Claim:
        return self._change(claim, open_call=None, ambiguous=claim.ambiguous + 1)

    def settle_answered(self, claim: Claim, *, charged: bool) -> Claim:
        self._fence(claim)
        if not charged:
            self.calls[str(claim.call_day)] -= 1
        return self._change(claim, open_call=None, answered_by=claim.open_call, charged=charged)

    def settle_late(self, claim: Claim, call: int, *, charged: bool) -> Claim:
        self._fence(claim)
        if not charged and call == claim.calls:
            self.calls[str(claim.call_day)] -= 1
        return self._change(claim, answered_by=call, charged=charged, ambiguous=claim.ambiguous - 1)

    def room(self) -> int | None:
        day = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        return max(0, self._limit - self.calls.get(day, 0)) if self._limit else None

    def check_room(self) -> None:
        if self.room() == 0:
            raise Unavailable("budget", "used up", retry_after=3600)

    def defer(self, claim: Claim, trouble: Unavailable, wait: Wait | None = None) -> None:
        now = self._clock()
        if wait:
            known = self.waits.get((claim.thread_id, claim.request_id))
            receipts = wait.receipts or (known.receipts if known else ())
            self._fence(claim)
            self.waits[claim.thread_id, claim.request_id] = wait._replace(receipts=receipts)
            self._change(claim, receipts=receipts)
        self._change(
            claim,
            owner="",
            strikes=claim.strikes - 1,
            deferrals=claim.deferrals + int(trouble.cause not in UNCOUNTED_CAUSES),
            fetches=claim.fetches + int(trouble.cause == "fetch"),
            refused_since=claim.refused_since or (now if trouble.cause in PROVIDER_CAUSES else None),
            waiting_since=claim.waiting_since or (now if trouble.cause == "budget" else None),
        )

    def forget(self, claim: Claim) -> None:
        self._fence(claim)
        del self.entries[claim.thread_id, claim.request_id]
        self.waits.pop((claim.thread_id, claim.request_id), None)

    def commit(self, claim: Claim, outcome: Outcome, past: Past | None = None) -> None:
        turns = self.turns.setdefault(claim.thread_id, [])
        self._fence(claim)
        if outcome.turn != len(turns) + 1:
            raise Unavailable("held", "the thread moved on")
        turns.append(outcome)
        self.entries[claim.thread_id, claim.request_id].done = outcome.turn
        self.waits.pop((claim.thread_id, claim.request_id), None)

    def bury(self, thread_id: str) -> None:
        """Erase a thread, as the operator does: its ended requests become tombstones, its turns go."""
        for (thread, _), entry in self.entries.items():
            if thread == thread_id and entry.done:
                entry.is_forgotten = True
        self.turns.pop(thread_id, None)

    def prove(self, claim: Claim) -> None:
        self._fence(claim)

    def renew(self) -> None:
        for claim in self._held.values():
            entry = self.entries.get((claim.thread_id, claim.request_id))
            if entry and entry.claim.owner == claim.owner:
                entry.lease_until = self._clock() + LEASE_SECONDS

    def drop(self, claim: Claim) -> None:
        self._held.pop(claim.owner, None)

    def _fence(self, claim: Claim) -> Entry:
        entry = self.entries.get((claim.thread_id, claim.request_id))
        if entry is None or entry.done or entry.claim.owner != claim.owner:
            raise Unavailable("held", "taken over")
        return entry

    def _change(self, claim: Claim, **changes: Any) -> Claim:
        entry = self._fence(claim)
        entry.claim = replace(entry.claim, **changes)
        return replace(claim, **changes)
