"""Sabotages: Darkroom without one safeguard. The proof has to notice each of them."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from darkroom.errors import Unavailable
from darkroom.turns import handler, judging, retry_policy, spool, waiting
from darkroom.turns.handler import TurnHandler
from darkroom.turns.judging import JudgedCall
from darkroom.turns.paid_call import PaidCall
from darkroom.turns.waiting import Waiting
from darkroom.worker.message_batch import MessageBatch
from tests.fakes.ledger import MemoryLedger
from tests.fakes.waking import MemoryScout
from tests.guarantees.memory import courses, overtaking, sweep
from tests.guarantees.memory.safeguards import (
    Breaking,
    acks_first,
    announces_first,
    any_id,
    any_turn,
    beats_once,
    blind,
    copies_last,
    does_nothing,
    ends_for_all,
    forgets_first,
    goes_ahead,
    keeps_no_failure,
    keeps_the_free,
    lease_of_no_worth,
    leaves_a_tombstone_out,
    looks_and_then_counts,
    looks_at_nothing,
    marks_after_the_call,
    names_nothing,
    no_limit,
    over,
    reads_cancels_too_early,
    replaced,
    spools_last,
    starts_anew,
    takes_any_content,
    takes_lost_for_free,
    unfenced,
    without_bound,
)
from tests.guarantees.memory.sweep import JUDGED, MODES, Mode

Proof = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Sabotage:
    """A safeguard to remove, the proof that fails without it, and the failure's message."""

    name: str
    takes_out: Breaking
    proof: Proof
    says: str


def singles(mode: str, how: str) -> Proof:
    """The sweep of single breaks."""
    return lambda: list(sweep.singles(_mode(mode), how))


def undisturbed(mode: str) -> Proof:
    """A course in which nothing breaks."""
    return lambda: sweep.run(_mode(mode))


def overtaken(mode: str, first: str, *, renews: bool = False, dies: bool = False) -> Proof:
    """The sweep of other workers that get the first one's message, while it stalls at this boundary."""
    return lambda: list(overtaking.at(_mode(mode), first, renews=renews, dies=dies))


def _mode(name: str) -> Mode:
    return next(mode for mode in [*MODES, *JUDGED] if mode.name == name)


# ---------------------------------------------------------------- the spool and the results bucket


# ---------------------------------------------------------------- mark, call, spool, settle


# ---------------------------------------------------------------- the ledger


# ---------------------------------------------------------------- the queue


SABOTAGES = [
    Sabotage(
        "the spool is not looked into",
        replaced(PaidCall, "_spooled", blind),
        singles("text to image", "dies"),
        "is paid once",
    ),
    Sabotage(
        "a late answer is not looked for",
        replaced(PaidCall, "look_for_late_answer", looks_at_nothing),
        courses.an_answer_comes_late,
        "one call",
    ),
    Sabotage(
        "the spool is written over",
        over(lambda bucket, _: bucket == "spool"),
        singles("words", "aws fails"),
        "is written over",
    ),
    Sabotage(
        "result.json is written over",
        over(lambda _, key: key.endswith("json")),
        singles("words", "aws fails"),
        "is written over",
    ),
    Sabotage(
        "pictures are written over",
        over(lambda bucket, key: bucket == "results" and key.endswith("png")),
        singles("text to image", "aws fails"),
        "is written over",
    ),
    Sabotage(
        "it is announced before it is committed",
        replaced(TurnHandler, "_ended", announces_first),
        singles("text to image", "dies"),
        "turn is in the table",
    ),
    Sabotage(
        "the raw answers are deleted before the turn is committed",
        replaced(TurnHandler, "_ended", forgets_first),
        singles("text to image", "dies"),
        "is paid once|five attempts|has an outcome",
    ),
    Sabotage(
        "the raw answers are kept",
        replaced(TurnHandler, "_forget_replies", does_nothing),
        undisturbed("text to image"),
        "no raw answer is left",
    ),
    Sabotage(
        "a cancel is read too early",
        reads_cancels_too_early,
        courses.a_request_is_cancelled_just_before_its_call,
        "is not called once it was cancelled",
    ),
    Sabotage(
        "what was answered ends as cancelled",
        replaced(PaidCall, "look_for_late_answer", looks_at_nothing),
        courses.an_answer_comes_late_to_a_request_that_was_cancelled,
        "what was paid is published",
    ),
    Sabotage(
        "nobody is woken",
        replaced(Waiting, "_wake_others", does_nothing),
        courses.a_limit_is_lifted_while_many_wait,
        "of 12 go through",
    ),
    Sabotage(
        "the message of a copy that has ended its request sleeps on",
        replaced(Waiting, "_show_message", does_nothing),
        courses.a_limit_is_lifted_while_many_wait,
        "only 11 of 12 go through",
    ),
    Sabotage(
        "nobody looks whether there is room",
        replaced(Waiting, "_scouted", lambda _original: lambda _self, _attempt, seconds: seconds),
        courses.a_limit_is_lifted_while_many_wait,
        "only 0 of 12 go through",
    ),
    Sabotage(
        "whoever had waited ends the looking of another",
        replaced(MemoryScout, "ends", ends_for_all),
        courses.one_copy_looks_for_room,
        "one copy looks for room",
    ),
    Sabotage(
        "judging calls",
        lambda patch: patch.setattr(JudgedCall, "state", PaidCall.state),
        undisturbed("judged again"),
        "is paid once|more often than is allowed|judging costs nothing",
    ),
    Sabotage(
        "a turn is judged under any id",
        replaced(judging, "begun", any_id),
        courses.a_turn_is_judged_again_and_again,
        "to one turn at most",
    ),
    Sabotage(
        "what has its picture is judged again",
        lambda patch: patch.setattr(judging, "why_not", lambda _turn: None),
        courses.a_turn_that_has_its_picture_is_judged_again,
        "has its pictures is not judged",
    ),
    Sabotage(
        "what waits is not looked at",
        lambda patch: patch.setattr(waiting, "_may_be_cancelled", lambda *_: False),
        courses.what_waits_for_the_budget_is_cancelled,
        "is cancelled when it comes back",
    ),
    Sabotage(
        "a call is marked after it",
        replaced(PaidCall, "send", marks_after_the_call),
        singles("text to image", "dies"),
        "fewer counted",
    ),
    Sabotage(
        "an answer is settled before it is spooled", spools_last, singles("text to image", "dies"), "five attempts"
    ),
    Sabotage(
        "lost calls are not counted",
        replaced(PaidCall, "_settle_ambiguous", takes_lost_for_free),
        courses.every_line_breaks,
        "more often than is allowed",
    ),
    Sabotage(
        "lost calls are repeated without bound",
        lambda patch: patch.setattr(PaidCall, "outcome_unknown", lambda _self: Unavailable("ambiguous", "again")),
        courses.every_line_breaks,
        "it never ended",
    ),
    Sabotage(
        "a spool is tried once",
        lambda patch: patch.setattr(spool, "SPOOL_PAUSES", (0,)),
        singles("text to image", "aws fails"),
        "2 paid calls",
    ),
    Sabotage(
        "a free call is not given back",
        replaced(MemoryLedger, "settle_free", keeps_the_free),
        undisturbed("throttled once"),
        "the days count 2, the outcomes say 1",
    ),
    Sabotage(
        "a refusal is not given back",
        replaced(MemoryLedger, "settle_answered", keeps_the_free),
        undisturbed("refusal"),
        "the days count 1, the outcomes say 0",
    ),
    Sabotage(
        "no write is fenced",
        unfenced("_fence"),
        overtaken("words", "before commit"),
        "in the order of sending",
    ),
    Sabotage("a mark is not fenced", unfenced("mark"), overtaken("text to image", "before mark"), "is paid once"),
    Sabotage(
        "a free call's end is not fenced",
        unfenced("settle_free"),
        overtaken("throttled once", "after ask"),
        "fewer counted",
    ),
    Sabotage(
        "a lost call's end is not fenced",
        unfenced("settle_ambiguous"),
        overtaken("cut once", "before settle_ambiguous", dies=True),
        "the days count 3, the outcomes say 2",
    ),
    Sabotage(
        "an answer's end is not fenced",
        unfenced("settle_answered"),
        overtaken("refusal", "after ask"),
        "the days count -1, the outcomes say 0",
    ),
    Sabotage(
        "a late answer's end is not fenced",
        unfenced("settle_late"),
        courses.a_late_answer_is_found_twice,
        "the days count -1, the outcomes say 0",
    ),
    Sabotage(
        "a deferral is not fenced", unfenced("defer"), overtaken("throttled once", "before defer"), "is paid once"
    ),
    Sabotage(
        "a commit is not fenced by its owner",
        unfenced("commit"),
        overtaken("given up", "before commit"),
        "the days count 1, the outcomes say 0",
    ),
    Sabotage(
        "a live claim is given to another",
        replaced(MemoryLedger, "claim", lease_of_no_worth),
        overtaken("text to image", "after ask", renews=True),
        "is paid once",
    ),
    Sabotage(
        "what is done is answered anew",
        replaced(MemoryLedger, "claim", starts_anew),
        singles("text to image", "dies"),
        "its one result.json",
    ),
    Sabotage(
        "a tombstone is left out",
        replaced(MemoryLedger, "bury", leaves_a_tombstone_out),
        courses.a_thread_is_erased_and_its_message_comes_once_more,
        "is paid once|was erased",
    ),
    Sabotage(
        "an id stands for any content",
        replaced(MemoryLedger, "claim", takes_any_content),
        courses.an_id_is_used_again,
        "has an outcome",
    ),
    Sabotage(
        "a commit takes any turn",
        replaced(MemoryLedger, "commit", any_turn),
        courses.a_message_goes_out_of_sight,
        "turns are numbered",
    ),
    Sabotage(
        "the day's counter is read, and then written",
        looks_and_then_counts,
        courses.ten_race_for_the_last_calls,
        "4 calls on",
    ),
    Sabotage("the day has no limit", replaced(MemoryLedger, "mark", no_limit), courses.the_day_is_full, "3 calls on"),
    Sabotage(
        "a message is acked first",
        replaced(MessageBatch, "_is_done", acks_first),
        singles("text to image", "dies"),
        "has an outcome",
    ),
    Sabotage(
        "others go ahead of one that waits",
        replaced(MessageBatch, "_work_group", goes_ahead),
        courses.one_waits_and_others_behind_it,
        "in the order of sending",
    ),
    Sabotage(
        "what is left is not named",
        replaced(MessageBatch, "_work_group", names_nothing),
        undisturbed("cut once"),
        "has an outcome",
    ),
    Sabotage("hearts beat once", beats_once, courses.a_call_takes_long, "is paid once"),
    Sabotage(
        "leases are not renewed",
        replaced(MemoryLedger, "renew", does_nothing),
        overtaken("text to image", "after ask", renews=True),
        "is paid once",
    ),
    Sabotage(
        "attempts are not bounded",
        lambda patch: patch.setattr(handler, "MAX_STRIKES", 10**9),
        courses.an_attempt_is_given_up_after_five,
        "it never ended",
    ),
    Sabotage(
        "that a call never left is not kept",
        replaced(PaidCall, "_spool", keeps_no_failure),
        courses.a_call_never_leaves_and_its_worker_dies,
        "it was never sent",
    ),
    Sabotage(
        "AWS that fails is a strike",
        lambda patch: patch.setattr(TurnHandler, "_no_strike", lambda _self, _claim: nullcontext()),
        courses.aws_fails_for_long_where_no_call_is_made,
        "five attempts broke|nobody's fault",
    ),
    Sabotage(
        "a copy is left when it is too late",
        copies_last,
        courses.the_attempt_that_gives_up_dies,
        "a copy is left",
    ),
    Sabotage(
        "nobody waits for the provider",
        lambda patch: patch.setattr(retry_policy, "is_over", lambda *_args, **_more: True),
        undisturbed("throttled once"),
        "too soon",
    ),
    Sabotage(
        "nobody gives up on the provider",
        lambda patch: patch.setattr(retry_policy, "is_over", lambda *_args, **_more: False),
        courses.the_provider_is_down,
        "it never ended",
    ),
    Sabotage(
        "an old refusal is believed",
        lambda patch: patch.setattr(
            PaidCall, "settle_left_open", lambda self: self._settle(self._spooled(self.claim.open_call))
        ),
        courses.an_old_refusal_lies_in_the_spool,
        "last call",
    ),
    Sabotage(
        "nobody is too old",
        lambda patch: patch.setattr(retry_policy, "MAX_AGE_SECONDS", 10**9),
        courses.a_thread_waits_for_the_budget_longer_than_a_message_lives,
        "nothing is lost",
    ),
    Sabotage(
        "nobody gives up on the budget",
        lambda patch: patch.setattr(retry_policy, "BUDGET_SECONDS", 10**9),
        courses.the_budget_is_used_up_for_ever,
        "it waited nine days",
    ),
    Sabotage(
        "a thread has no bound",
        replaced(TurnHandler, "_claimed", lambda original: without_bound(original)),
        courses.the_thread_is_full,
        "a thread is bounded",
    ),
]
