"""The removal of safeguards: the replacement for each sabotage."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from darkroom.domain.request import Request
from darkroom.errors import Ambiguous, Cancelled, Unavailable
from darkroom.streaming.blob import Blob
from darkroom.turns import judging
from darkroom.turns.handler import TurnHandler
from darkroom.turns.paid_call import CallDependencies, PaidCall
from darkroom.turns.ports import Claim
from darkroom.turns.publisher import turn_key
from darkroom.turns.spool import NEVER_SENT
from darkroom.worker.message_batch import MessageBatch
from tests.fakes.ledger import MemoryLedger
from tests.fakes.objects import MemoryObjects
from tests.fakes.waking import MemoryScout
from tests.guarantees.memory.world import CopiesTo

Breaking = Callable[[pytest.MonkeyPatch], None]


def replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Breaking:
    """Replace the original with a version made from it."""
    return lambda patch: patch.setattr(owner, name, make(getattr(owner, name)))


def blind(original: Any) -> Any:
    def spooled(self: PaidCall, call: int) -> Any:
        return original(self, call) if self.claim.answered_by else None

    return spooled


def looks_at_nothing(_original: Any) -> Any:
    def look(self: PaidCall) -> None:
        self._has_looked = True

    return look


def over(is_meant: Callable[[str, str], bool]) -> Breaking:
    """Write such objects over existing ones."""

    def make(original: Any) -> Any:
        def write_once(
            self: MemoryObjects, bucket: str, key: str, data: Blob, media_type: str, metadata: Any = None
        ) -> bool:
            if not is_meant(bucket, key):
                return bool(original(self, bucket, key, data, media_type, metadata))
            self.put(bucket, key, data[:], metadata)
            self.writes.append(key)
            return True

        return write_once

    return replaced(MemoryObjects, "write_once", make)


def announces_first(original: Any) -> Any:
    def ended(self: TurnHandler, attempt: Any) -> Any:
        outcome = original(self, attempt)
        self._publisher.announce(outcome, turn_key(outcome))
        return outcome

    return ended


def reads_cancels_too_early(patch: pytest.MonkeyPatch) -> None:
    """Read the cancel mark when a request is claimed, and not when its call is marked."""
    mark, claimed = MemoryLedger.mark, TurnHandler._claimed

    def marks_blindly(self: MemoryLedger, claim: Claim, asked: Any) -> Claim:
        with pytest.MonkeyPatch.context() as blind:
            blind.setattr(MemoryLedger, "is_cancelled", lambda _self, _claim: False)
            return mark(self, claim, asked)

    def looks_first(self: TurnHandler, asked: Any, claim: Claim, *more: Any) -> Any:
        if self._ledger.is_cancelled(claim):
            patch.setattr(TurnHandler, "_paid_reply", _raises_cancelled)
        return claimed(self, asked, claim, *more)

    patch.setattr(MemoryLedger, "mark", marks_blindly)
    patch.setattr(TurnHandler, "_claimed", looks_first)


def _raises_cancelled(*_: Any) -> Any:
    raise Cancelled


def forgets_first(original: Any) -> Any:
    def ended(self: TurnHandler, attempt: Any) -> Any:
        outcome = original(self, attempt)
        self._forget_replies(outcome, attempt.call.claim)
        return outcome

    return ended


def marks_after_the_call(_original: Any) -> Any:
    def send(self: PaidCall, planned: Any, prepared: Any) -> None:
        reply = self._dependencies.api.ask(prepared)
        self.claim = self._dependencies.ledger.mark(self.claim, planned.record)
        self._spool(reply)
        self._settle(reply)

    return send


def spools_last(patch: pytest.MonkeyPatch) -> None:
    spool, settle = PaidCall._spool, PaidCall._settle
    kept: list[Any] = []

    def settles_first(self: PaidCall, reply: Any) -> None:
        settle(self, reply)
        while kept:
            spool(self, kept.pop())

    patch.setattr(PaidCall, "_spool", lambda _self, reply: kept.append(reply))
    patch.setattr(PaidCall, "_settle", settles_first)


def keeps_no_failure(original: Any) -> Any:
    return lambda self, reply: None if reply is NEVER_SENT else original(self, reply)


def takes_lost_for_free(_original: Any) -> Any:
    def settle(self: PaidCall, lost: Ambiguous) -> None:
        self._settle_free(Unavailable("unreachable", str(lost)))

    return settle


def keeps_the_free(original: Any) -> Any:
    def settle(self: MemoryLedger, claim: Claim, **more: Any) -> Claim:
        settled = original(self, claim, **more)
        assert isinstance(settled, Claim)
        if not more.get("charged"):
            self.calls[str(claim.call_day)] += 1
        return settled

    return settle


def unfenced(write: str) -> Breaking:
    """Let every worker make this write. (Each worker that forgets a request found its thread full.)"""

    def fence(self: MemoryLedger, claim: Claim) -> Any:
        return self.entries[claim.thread_id, claim.request_id]

    def make(original: Any) -> Any:
        def written(self: MemoryLedger, claim: Claim, *args: Any, **more: Any) -> Any:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(MemoryLedger, "_fence", fence)
                return original(self, claim, *args, **more)

        return written

    if write == "_fence":
        return replaced(MemoryLedger, write, lambda _original: fence)
    return replaced(MemoryLedger, write, make)


def lease_of_no_worth(original: Any) -> Any:
    def claim(self: MemoryLedger, request: Any, requested_at: str) -> Any:
        if entry := self.entries.get((request.thread_id, request.request_id)):
            entry.lease_until = 0
        return original(self, request, requested_at)

    return claim


def starts_anew(original: Any) -> Any:
    def claim(self: MemoryLedger, request: Any, requested_at: str) -> Any:
        entry = self.entries.get((request.thread_id, request.request_id))
        if entry and entry.done:
            del self.entries[request.thread_id, request.request_id]
        return original(self, request, requested_at)

    return claim


def leaves_a_tombstone_out(original: Any) -> Any:
    def bury(self: MemoryLedger, thread_id: str) -> None:
        original(self, thread_id)
        for where in [where for where, entry in self.entries.items() if entry.is_forgotten]:
            del self.entries[where]

    return bury


def takes_any_content(original: Any) -> Any:
    def claim(self: MemoryLedger, request: Any, requested_at: str) -> Any:
        if entry := self.entries.get((request.thread_id, request.request_id)):
            entry.fingerprint = request.fingerprint
        return original(self, request, requested_at)

    return claim


def any_turn(original: Any) -> Any:
    def commit(self: MemoryLedger, claim: Claim, outcome: Any, *more: Any) -> None:
        turns = self.turns.setdefault(claim.thread_id, [])
        original(self, claim, replace(outcome, turn=len(turns) + 1), *more)
        turns[-1] = outcome

    return commit


def no_limit(original: Any) -> Any:
    def mark(self: MemoryLedger, *args: Any) -> Claim:
        limit, self._limit = self._limit, 0
        try:
            return original(self, *args)  # type: ignore[no-any-return]
        finally:
            self._limit = limit

    return mark


def looks_and_then_counts(patch: pytest.MonkeyPatch) -> None:
    """Read the day's counter in one call, and write it in another."""
    send = PaidCall.send

    def looks_first(self: PaidCall, *args: Any) -> None:
        ledger: MemoryLedger = self._dependencies.ledger._port  # type: ignore[attr-defined]
        is_full = sum(ledger.calls.values()) >= ledger._limit
        self._dependencies.ledger.thread("")  # a call over the port, during which other workers go on
        if is_full:
            raise Unavailable("budget", "used up", retry_after=3600)
        send(self, *args)

    patch.setattr(PaidCall, "send", looks_first)
    patch.setattr(MemoryLedger, "mark", no_limit(MemoryLedger.mark))


def copies_last(patch: pytest.MonkeyPatch) -> None:
    """Commit a request that is given up first, and leave its copy afterwards."""
    send, claimed = CopiesTo.send, TurnHandler._claimed
    kept: list[tuple[Any, ...]] = []

    def late(self: TurnHandler, *args: Any) -> Any:
        kept.clear()
        ended = claimed(self, *args)
        while kept:
            send(*kept.pop())
        return ended

    patch.setattr(CopiesTo, "send", lambda *args: kept.append(args))
    patch.setattr(TurnHandler, "_claimed", late)


def acks_first(original: Any) -> Any:
    def is_done(self: MessageBatch[Any], message: Any, rest: Any) -> bool:
        self._queue.end(message)
        return bool(original(self, message, rest))

    return is_done


def goes_ahead(_original: Any) -> Any:
    def work_group(self: MessageBatch[Any], group: Any) -> list[str]:
        return [message.message_id for message in group if not self._is_done(message, [message])]

    return work_group


def names_nothing(original: Any) -> Any:
    def work_group(self: MessageBatch[Any], group: Any) -> list[str]:
        original(self, group)
        return []

    return work_group


def does_nothing(_original: Any) -> Any:
    return lambda *_args: None


def ends_for_all(_original: Any) -> Any:
    def ends(self: MemoryScout, _request: str) -> bool:
        self._looks_until = 0.0
        return True

    return ends


def any_id(original: Any) -> Any:
    """Accept any id for a turn that is judged again, not only the one that follows from its own."""

    def begun(asked: Request, claim: Claim, dependencies: CallDependencies) -> Any:
        ended = dependencies.ledger.ended(asked.thread_id, int(asked.repairs or 0))
        own = judging.request_id(str(ended[0].request_id)) if ended else ""
        whole, call = original(replace(asked, request_id=own), claim, dependencies)
        return replace(whole, request_id=asked.request_id), call

    return begun


def beats_once(patch: pytest.MonkeyPatch) -> None:
    beat = MessageBatch._beat

    def first_beat(self: MessageBatch[Any]) -> None:
        if not hasattr(self, "has_beaten"):
            beat(self)
        self.has_beaten = True  # type: ignore[attr-defined]

    patch.setattr(MessageBatch, "_beat", first_beat)
    patch.setattr(MemoryLedger, "renew", does_nothing(None))


def without_bound(original: Any) -> Any:
    def claimed(self: TurnHandler, *args: Any) -> Any:
        self._policy = self._policy._replace(max_turns=10**6)
        return original(self, *args)

    return claimed
