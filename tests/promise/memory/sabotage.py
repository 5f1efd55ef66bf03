"""Sabotages: Darkroom with one safeguard taken out, each of which the proof has to notice."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import pytest

from darkroom import answer, patience, payment
from darkroom.answer import Answering
from darkroom.batch import Batch
from darkroom.context import Question
from darkroom.errors import Ambiguous, Unavailable
from darkroom.payment import Payment
from darkroom.ports import Claim
from darkroom.publication import turn_key
from tests.fakes import MemoryLedger, MemoryObjects
from tests.promise.memory import courses, overtaking, sweep
from tests.promise.memory.sweep import MODES, Mode
from tests.promise.memory.world import CopiesTo

Breaking = Callable[[pytest.MonkeyPatch], None]
Proof = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Sabotage:
    """A safeguard that is taken out, the proof that goes red without it, and what that says then."""

    name: str
    takes_out: Breaking
    proof: Proof
    says: str


def replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Breaking:
    """Puts what is made of the original in its place."""
    return lambda patch: patch.setattr(owner, name, make(getattr(owner, name)))


def singles(mode: str, how: str) -> Proof:
    """The sweep of single breaks."""
    return lambda: list(sweep.singles(_mode(mode), how))


def undisturbed(mode: str) -> Proof:
    """A course in which nothing breaks."""
    return lambda: sweep.run(_mode(mode))


def overtaken(mode: str, first: str, *, renews: bool = False, dies: bool = False) -> Proof:
    """The sweep of others that get what a first one has in hand, which stalls at this boundary."""
    return lambda: list(overtaking.at(_mode(mode), first, renews=renews, dies=dies))


def _mode(name: str) -> Mode:
    return next(mode for mode in MODES if mode.name == name)


# ---------------------------------------------------------------- the spool and the results bucket


def _blind(original: Any) -> Any:
    def spooled(self: Payment, call: int) -> Any:
        return original(self, call) if self.claim.answered_by else None

    return spooled


def _over(is_meant: Callable[[str, str], bool]) -> Breaking:
    """Writes such objects over what is there."""

    def make(original: Any) -> Any:
        def write_once(
            self: MemoryObjects, bucket: str, key: str, data: bytes, media_type: str, metadata: Any = None
        ) -> bool:
            if not is_meant(bucket, key):
                return bool(original(self, bucket, key, data, media_type, metadata))
            self.put(bucket, key, data, metadata)
            self.writes.append(key)
            return True

        return write_once

    return replaced(MemoryObjects, "write_once", make)


def _announces_first(original: Any) -> Any:
    def ended(self: Answering, attempt: Any) -> Any:
        outcome = original(self, attempt)
        self._publication.announce(outcome, turn_key(outcome))
        return outcome

    return ended


# ---------------------------------------------------------------- mark, call, spool, settle


def _marks_after_the_call(_original: Any) -> Any:
    def exchange(self: Payment, inquiry: Any, check_time: Callable[[], None]) -> None:
        context = inquiry.context
        prepared = self._till.api.prepare(Question(context, inquiry.asked.model, inquiry.asked.options))
        check_time()
        reply = self._till.api.ask(prepared)
        self.claim = self._till.ledger.mark(self.claim, inquiry.asked)
        self._spool(reply)
        self._settle(reply)

    return exchange


def _spools_last(patch: pytest.MonkeyPatch) -> None:
    spool, settle = Payment._spool, Payment._settle
    kept: list[Any] = []

    def settles_first(self: Payment, reply: Any) -> None:
        settle(self, reply)
        while kept:
            spool(self, kept.pop())

    patch.setattr(Payment, "_spool", lambda _self, reply: kept.append(reply))
    patch.setattr(Payment, "_settle", settles_first)


def _keeps_no_failure(original: Any) -> Any:
    return lambda self, reply: None if reply is payment.NEVER_SENT else original(self, reply)


def _takes_lost_for_free(_original: Any) -> Any:
    def settle(self: Payment, lost: Ambiguous) -> None:
        self._settle_free(Unavailable("unreachable", str(lost)))

    return settle


def _keeps_the_free(original: Any) -> Any:
    def settle(self: MemoryLedger, claim: Claim, **more: Any) -> Claim:
        settled = original(self, claim, **more)
        assert isinstance(settled, Claim)
        if not more.get("charged"):
            self.calls[str(claim.call_day)] += 1
        return settled

    return settle


# ---------------------------------------------------------------- the ledger


def _unfenced(write: str) -> Breaking:
    """Lets anybody make this write. (Who forgets a request found its thread full, as everybody does after it.)"""

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


def _lease_of_no_worth(original: Any) -> Any:
    def claim(self: MemoryLedger, request: Any, requested_at: str) -> Any:
        if entry := self.entries.get((request.thread_id, request.request_id)):
            entry.lease_until = 0
        return original(self, request, requested_at)

    return claim


def _starts_anew(original: Any) -> Any:
    def claim(self: MemoryLedger, request: Any, requested_at: str) -> Any:
        entry = self.entries.get((request.thread_id, request.request_id))
        if entry and entry.done:
            del self.entries[request.thread_id, request.request_id]
        return original(self, request, requested_at)

    return claim


def _takes_any_content(original: Any) -> Any:
    def claim(self: MemoryLedger, request: Any, requested_at: str) -> Any:
        if entry := self.entries.get((request.thread_id, request.request_id)):
            entry.fingerprint = request.fingerprint
        return original(self, request, requested_at)

    return claim


def _any_turn(original: Any) -> Any:
    def commit(self: MemoryLedger, claim: Claim, outcome: Any) -> None:
        turns = self.turns.setdefault(claim.thread_id, [])
        original(self, claim, replace(outcome, turn=len(turns) + 1))
        turns[-1] = outcome

    return commit


def _no_limit(original: Any) -> Any:
    def mark(self: MemoryLedger, *args: Any) -> Claim:
        limit, self._limit = self._limit, 0
        try:
            return original(self, *args)  # type: ignore[no-any-return]
        finally:
            self._limit = limit

    return mark


def _looks_and_then_counts(patch: pytest.MonkeyPatch) -> None:
    """The day's counter is read by one call, and written by another."""
    exchange = Payment._exchange

    def looks_first(self: Payment, *args: Any) -> None:
        ledger: MemoryLedger = self._till.ledger._port  # type: ignore[attr-defined]
        is_full = sum(ledger.calls.values()) >= ledger._limit
        self._till.ledger.thread("")  # a call over the port, beside which others go on
        if is_full:
            raise Unavailable("budget", "used up", retry_after=3600)
        exchange(self, *args)

    patch.setattr(Payment, "_exchange", looks_first)
    patch.setattr(MemoryLedger, "mark", _no_limit(MemoryLedger.mark))


def _copies_last(patch: pytest.MonkeyPatch) -> None:
    """What is given up is committed first, and then a copy of it is left."""
    send, claimed = CopiesTo.send, Answering._claimed
    kept: list[tuple[Any, ...]] = []

    def late(self: Answering, *args: Any) -> Any:
        kept.clear()
        ended = claimed(self, *args)
        while kept:
            send(*kept.pop())
        return ended

    patch.setattr(CopiesTo, "send", lambda *args: kept.append(args))
    patch.setattr(Answering, "_claimed", late)


# ---------------------------------------------------------------- the queue


def _acks_first(original: Any) -> Any:
    def is_done(self: Batch[Any], message: Any, rest: Any) -> bool:
        self._queue.end(message)
        return bool(original(self, message, rest))

    return is_done


def _goes_ahead(_original: Any) -> Any:
    def work_group(self: Batch[Any], group: Any) -> list[str]:
        return [message.message_id for message in group if not self._is_done(message, [message])]

    return work_group


def _names_nothing(original: Any) -> Any:
    def work_group(self: Batch[Any], group: Any) -> list[str]:
        original(self, group)
        return []

    return work_group


def _does_nothing(_original: Any) -> Any:
    return lambda *_args: None


def _beats_once(patch: pytest.MonkeyPatch) -> None:
    beat = Batch._beat

    def first_beat(self: Batch[Any]) -> None:
        if not hasattr(self, "has_beaten"):
            beat(self)
        self.has_beaten = True  # type: ignore[attr-defined]

    patch.setattr(Batch, "_beat", first_beat)
    patch.setattr(MemoryLedger, "renew", _does_nothing(None))


SABOTAGES = [
    Sabotage(
        "the spool is not looked into",
        replaced(Payment, "_spooled", _blind),
        singles("text to image", "dies"),
        "is paid once",
    ),
    Sabotage(
        "a late answer is not looked for",
        replaced(Payment, "_came_late", lambda _original: lambda _self: False),
        courses.an_answer_comes_late,
        "one call",
    ),
    Sabotage(
        "the spool is written over",
        _over(lambda bucket, _: bucket == "spool"),
        singles("words", "aws fails"),
        "is written over",
    ),
    Sabotage(
        "result.json is written over",
        _over(lambda _, key: key.endswith("json")),
        singles("words", "aws fails"),
        "is written over",
    ),
    Sabotage(
        "pictures are written over",
        _over(lambda bucket, key: bucket == "results" and key.endswith("png")),
        singles("text to image", "aws fails"),
        "is written over",
    ),
    Sabotage(
        "it is announced before it is committed",
        replaced(Answering, "_ended", _announces_first),
        singles("text to image", "dies"),
        "turn is in the table",
    ),
    Sabotage(
        "a call is marked after it",
        replaced(Payment, "_exchange", _marks_after_the_call),
        singles("text to image", "dies"),
        "fewer counted",
    ),
    Sabotage(
        "an answer is settled before it is spooled", _spools_last, singles("text to image", "dies"), "five attempts"
    ),
    Sabotage(
        "lost calls are not counted",
        replaced(Payment, "_settle_ambiguous", _takes_lost_for_free),
        courses.every_line_breaks,
        "more often than is allowed",
    ),
    Sabotage(
        "lost calls are repeated without bound",
        lambda patch: patch.setattr(payment, "_outcome_unknown", lambda _claim: Unavailable("ambiguous", "again")),
        courses.every_line_breaks,
        "it never ended",
    ),
    Sabotage(
        "a spool is tried once",
        lambda patch: patch.setattr(payment, "SPOOL_PAUSES", (0,)),
        singles("text to image", "aws fails"),
        "2 paid calls",
    ),
    Sabotage(
        "a free call is not given back",
        replaced(MemoryLedger, "settle_free", _keeps_the_free),
        undisturbed("throttled once"),
        "the days count 2, the outcomes say 1",
    ),
    Sabotage(
        "a refusal is not given back",
        replaced(MemoryLedger, "settle_answered", _keeps_the_free),
        undisturbed("refusal"),
        "the days count 1, the outcomes say 0",
    ),
    Sabotage(
        "no write is fenced",
        _unfenced("_fence"),
        overtaken("text to image", "before commit"),
        "in the order of sending",
    ),
    Sabotage("a mark is not fenced", _unfenced("mark"), overtaken("text to image", "before mark"), "is paid once"),
    Sabotage(
        "a free call's end is not fenced",
        _unfenced("settle_free"),
        overtaken("throttled once", "after ask"),
        "fewer counted",
    ),
    Sabotage(
        "a lost call's end is not fenced",
        _unfenced("settle_ambiguous"),
        overtaken("cut once", "before settle_ambiguous", dies=True),
        "the days count 3, the outcomes say 2",
    ),
    Sabotage(
        "an answer's end is not fenced",
        _unfenced("settle_answered"),
        overtaken("refusal", "after ask"),
        "the days count -1, the outcomes say 0",
    ),
    Sabotage(
        "a late answer's end is not fenced",
        _unfenced("settle_late"),
        courses.a_late_answer_is_found_twice,
        "the days count -1, the outcomes say 0",
    ),
    Sabotage(
        "a deferral is not fenced", _unfenced("defer"), overtaken("throttled once", "before defer"), "is paid once"
    ),
    Sabotage(
        "a commit is not fenced by its owner",
        _unfenced("commit"),
        overtaken("given up", "before commit"),
        "the days count 1, the outcomes say 0",
    ),
    Sabotage(
        "a live claim is given to another",
        replaced(MemoryLedger, "claim", _lease_of_no_worth),
        overtaken("text to image", "after ask", renews=True),
        "is paid once",
    ),
    Sabotage(
        "what is done is answered anew",
        replaced(MemoryLedger, "claim", _starts_anew),
        singles("text to image", "dies"),
        "its one result.json",
    ),
    Sabotage(
        "an id stands for any content",
        replaced(MemoryLedger, "claim", _takes_any_content),
        courses.an_id_is_used_again,
        "has an outcome",
    ),
    Sabotage(
        "a commit takes any turn",
        replaced(MemoryLedger, "commit", _any_turn),
        courses.a_message_goes_out_of_sight,
        "turns are numbered",
    ),
    Sabotage(
        "the day's counter is read, and then written",
        _looks_and_then_counts,
        courses.ten_race_for_the_last_calls,
        "4 calls on",
    ),
    Sabotage("the day has no limit", replaced(MemoryLedger, "mark", _no_limit), courses.the_day_is_full, "3 calls on"),
    Sabotage(
        "a message is acked first",
        replaced(Batch, "_is_done", _acks_first),
        singles("text to image", "dies"),
        "has an outcome",
    ),
    Sabotage(
        "others go ahead of one that waits",
        replaced(Batch, "_work_group", _goes_ahead),
        courses.one_waits_and_others_behind_it,
        "in the order of sending",
    ),
    Sabotage(
        "what is left is not named",
        replaced(Batch, "_work_group", _names_nothing),
        undisturbed("cut once"),
        "has an outcome",
    ),
    Sabotage("hearts beat once", _beats_once, courses.a_call_takes_long, "is paid once"),
    Sabotage(
        "leases are not renewed",
        replaced(MemoryLedger, "renew", _does_nothing),
        overtaken("text to image", "after ask", renews=True),
        "is paid once",
    ),
    Sabotage(
        "attempts are not bounded",
        lambda patch: patch.setattr(answer, "MOST_STRIKES", 10**9),
        courses.an_attempt_is_given_up_after_five,
        "it never ended",
    ),
    Sabotage(
        "that a call never left is not kept",
        replaced(Payment, "_spool", _keeps_no_failure),
        courses.a_call_never_leaves_and_its_worker_dies,
        "it was never sent",
    ),
    Sabotage(
        "AWS that fails is a strike",
        lambda patch: patch.setattr(Answering, "_no_strike", lambda _self, _claim: nullcontext()),
        courses.aws_fails_for_long_where_no_call_is_made,
        "five attempts broke|nobody's fault",
    ),
    Sabotage(
        "a copy is left when it is too late",
        _copies_last,
        courses.the_attempt_that_gives_up_dies,
        "a copy is left",
    ),
    Sabotage(
        "nobody waits for the provider",
        lambda patch: patch.setattr(patience, "is_over", lambda *_args, **_more: True),
        undisturbed("throttled once"),
        "too soon",
    ),
    Sabotage(
        "nobody gives up on the provider",
        lambda patch: patch.setattr(patience, "is_over", lambda *_args, **_more: False),
        courses.the_provider_is_down,
        "it never ended",
    ),
    Sabotage(
        "an old refusal is believed",
        lambda patch: patch.setattr(
            Payment, "_settle_what_was_left", lambda self, call: self._settle(self._spooled(call))
        ),
        courses.an_old_refusal_lies_in_the_spool,
        "last call",
    ),
    Sabotage(
        "nobody is too old",
        lambda patch: patch.setattr(patience, "OLDEST_SECONDS", 10**9),
        courses.a_thread_waits_for_the_budget_longer_than_a_message_lives,
        "nothing is lost",
    ),
    Sabotage(
        "nobody gives up on the budget",
        lambda patch: patch.setattr(patience, "BUDGET_SECONDS", 10**9),
        courses.the_budget_is_used_up_for_ever,
        "it waited nine days",
    ),
    Sabotage(
        "a thread has no bound",
        replaced(Answering, "_claimed", lambda original: _without_bound(original)),
        courses.the_thread_is_full,
        "a thread is bounded",
    ),
]


def _without_bound(original: Any) -> Any:
    def claimed(self: Answering, *args: Any) -> Any:
        self._terms = replace(self._terms, max_turns=10**6)
        return original(self, *args)

    return claimed
