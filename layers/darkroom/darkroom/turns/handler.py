"""The use case: a message becomes a turn of a thread, or gets a refusal.

    claim - load the branch - mark, call, spool, settle - publish the pictures - commit - announce

Each message ends in one `result.json`, or stays in the queue because Unavailable is raised.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from darkroom.domain import keys, outcome, request
from darkroom.domain.context import Image
from darkroom.domain.message import Message
from darkroom.domain.outcome import Caution, Failure, Outcome
from darkroom.domain.ports import Done, Forgotten, Held, QueueSender, Reused
from darkroom.domain.price import Price
from darkroom.domain.request import Recognised, Request
from darkroom.domain.request_schema import RequestRules
from darkroom.domain.thread import Thread
from darkroom.domain.timing import MAX_DOWNLOADS, MAX_STRIKES, PICTURE_SECONDS, SAVE_SECONDS
from darkroom.errors import ASK_AGAIN, Cancelled, Code, DarkroomError, Rejected, Unavailable
from darkroom.pictures.renditions import Renditions
from darkroom.providers.dialect import Answer, Encoded
from darkroom.providers.reply import Reply
from darkroom.turns import call_plan, provenance, retry_policy
from darkroom.turns.call_plan import CallPlan, Defaults, PlannedCall
from darkroom.turns.cautions import Asked
from darkroom.turns.outcome_builder import OutcomeBuilder, Subject
from darkroom.turns.paid_call import CallDependencies, PaidCall, State
from darkroom.turns.ports import Claim, PictureFetcher, Scout, Waker
from darkroom.turns.publisher import Made, Published, Publisher, turn_key

if TYPE_CHECKING:
    from darkroom.turns.waiting import Waiting

RESTARTED = Caution("restarted", "the picture that this turn builds on is gone, so it started anew with its own")


class TurnPolicy(NamedTuple):
    """The operator's settings for turns."""

    rules: RequestRules
    defaults: Defaults
    max_context_images: int
    max_turns: int
    give_up_after: float
    api_timeout: float
    price: Price
    max_request_bytes: int


class TurnDependencies(NamedTuple):
    """The collaborators of a TurnHandler. Few requests wait, so `scout` and `waker` are made when they are needed."""

    calls: CallDependencies
    publisher: Publisher
    renditions: Renditions
    fetcher: PictureFetcher
    dead_letters: QueueSender
    probes: QueueSender
    scout: Callable[[], Scout]
    waker: Callable[[], Waker]
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a request, in the thread's current state. `time_left` returns the invocation's remaining seconds.

    `is_last`: the request has waited for the provider as long as it may. `fault`: the stack's current dialect refuses
    the request, which may have been called in another one.
    """

    request: Request
    thread: Thread
    call: PaidCall
    time_left: Callable[[], float]
    is_last: bool
    message: Message
    fault: Rejected | None = None
    sent: list[Image] = field(default_factory=list)  # in its call

    @property
    def is_probe(self) -> bool:
        """Whether the message is a copy of a waiting one."""
        return self.message.is_probe

    @property
    def turn(self) -> int:
        """The number that the turn gets."""
        return self.thread.latest_turn + 1

    @property
    def prefix(self) -> str:
        """The prefix of its pictures' keys."""
        return keys.turn_prefix(self.request.thread_id, self.turn, self.request.request_id)


class TurnHandler:
    """Answers messages."""

    def __init__(self, policy: TurnPolicy, dependencies: TurnDependencies) -> None:
        self._policy = policy
        self._dependencies = dependencies
        self._ledger = dependencies.calls.ledger
        self._publisher = dependencies.publisher
        self._clock = dependencies.clock
        self._outcomes = OutcomeBuilder(policy.price, dependencies.clock, dependencies.calls.spool.dialect)

    def answer(self, message: Message, time_left: Callable[[], float]) -> Outcome:
        """Publish and return the message's outcome. Raises Unavailable, with `retry_after`, if it has to wait."""
        fault = None
        try:
            asked = self._parsed(message)
        except Rejected as rejection:
            known, fault = self._in_another_dialect(message), rejection
            if known is None:
                return self._refused(message, request.recognise(message.body), rejection)
            asked = known
        try:
            return self._turn(asked, message, time_left, fault)
        except Rejected as rejection:
            return self._refused(message, asked, rejection)

    def was_abandoned(self, message: Message) -> bool:
        """Whether the message's last worker died on it, so that it should be handled alone."""
        try:
            return message.receive_count > 1 and self._ledger.abandoned(self._parsed(message))
        except Rejected:
            return False

    def _refused(self, message: Message, asked: Request | Recognised, rejection: Rejected) -> Outcome:
        """Publish the refusal of a message that takes no turn. A copy has no sender: nothing is published for it."""
        refused = self._outcomes.refused(message, asked, rejection)
        if not message.is_probe:
            images = asked.images if isinstance(asked, Request) else ()
            self._publisher.announce(refused, keys.rejected_message_key(message.message_id), images)
        return refused

    def _parsed(self, message: Message, rules: RequestRules | None = None) -> Request:
        rules = rules or self._policy.rules
        return request.parse(message.body, group=message.group, message_id=message.message_id, rules=rules)

    def _in_another_dialect(self, message: Message) -> Request | None:
        """The request by the options of another dialect, in which an earlier stack may have called it."""
        for dialect in self._dependencies.calls.spool.dialects.values():
            with suppress(Rejected):
                return self._parsed(message, self._policy.rules._replace(options=dialect.options))
        return None

    def _turn(
        self, asked: Request, message: Message, time_left: Callable[[], float], fault: Rejected | None
    ) -> Outcome:
        """The request's outcome. Raises Rejected if it takes no turn. A `fault` lets it take one only after a call."""
        status = self._ledger.claim(asked, outcome.timestamp(message.sent_at))
        if isinstance(status, Done):
            self._publisher.announce(status.outcome, turn_key(status.outcome), asked.images)
            if message.is_probe:
                self._waiting().hand_over(asked)
            return status.outcome
        if isinstance(status, Held):
            raise Unavailable("held", "another worker handles this request", retry_after=status.seconds + 1)
        if isinstance(status, Forgotten):  # its words were erased, and this message still holds them
            bare = replace(message, body=""), Recognised(asked.thread_id, asked.request_id)
            return self._refused(*bare, taken(asked.request_id, status))
        if isinstance(status, Reused):
            raise taken(asked.request_id, status)
        try:
            if fault and not status.calls:
                self._ledger.forget(status)
                raise fault
            return self._claimed(asked, status, message, time_left, fault)
        finally:
            self._ledger.drop(status)

    def _claimed(
        self, asked: Request, claim: Claim, message: Message, time_left: Callable[[], float], fault: Rejected | None
    ) -> Outcome:
        is_last = retry_policy.is_over(claim, now=self._clock(), give_up_after=self._policy.give_up_after)
        with self._no_strike(claim):
            if asked.repairs is None:
                call = PaidCall(claim, self._dependencies.calls, is_last=is_last, instruction=asked.instruction)
            else:
                asked, call = self._judged(asked, claim)
            thread = self._ledger.thread(asked.thread_id, asked.parent_turn)
        if thread.latest_turn >= self._policy.max_turns and not claim.paid_calls:
            self._ledger.forget(claim)
            raise _too_many_turns(self._policy.max_turns)
        attempt = Attempt(asked, thread, call, time_left, is_last, message, fault)
        try:
            ended = self._ended(attempt)
        except Unavailable as trouble:
            ended = self._deferred(attempt, trouble)
        if ended.error and ended.error.code == "internal_error":
            self._dependencies.dead_letters.send(asked.body, asked.thread_id, asked.request_id)
        if asked.repairs is not None and ended.error:
            self._ledger.forget(call.claim)
            raise _still_none(ended.error, asked.repairs)
        with self._no_strike(call.claim):
            self._ledger.commit(call.claim, ended, thread.past_of(ended))
        self._publisher.announce(ended, turn_key(ended), asked.images)
        self._forget_replies(ended, call.claim)
        if message.is_probe or claim.waiting_since or claim.refused_since:
            self._waiting().go_on(message, claim, call.claim)
        return ended

    def _judged(self, asked: Request, claim: Claim) -> tuple[Request, PaidCall]:
        """The request whose turn is judged again, and its calls. Raises Rejected if the turn cannot be judged again."""
        from darkroom.turns import judging  # few turns are, and each import costs at a cold start

        try:
            return judging.begun(asked, claim, self._dependencies.calls)
        except Rejected:
            self._ledger.forget(claim)
            raise

    def _forget_replies(self, ended: Outcome, claim: Claim) -> None:
        """Delete the raw answers after a success without warnings. Other outcomes may need them again.

        If the deletion fails, they expire.
        """
        if ended.status == "succeeded" and not ended.warnings:
            with suppress(DarkroomError):
                self._dependencies.calls.spool.forget(claim.thread_id, claim.request_id, claim.calls)

    @contextmanager
    def _no_strike(self, claim: Claim) -> Iterator[None]:
        """Release the claim if AWS has a passing trouble, so that the attempt is no strike."""
        try:
            yield
        except Unavailable as trouble:
            if trouble.cause == "aws":
                self._ledger.defer(claim, trouble)
            raise

    def _ended(self, attempt: Attempt) -> Outcome:
        """Publish the pictures and return the outcome. Raises Unavailable if there is none yet."""
        if attempt.call.claim.strikes > MAX_STRIKES:
            return self._failed(attempt, _internal_error())
        reply = None
        try:
            reply = self._paid_reply(attempt)
            answer = attempt.call.answer(reply)
            made = self._made(answer, attempt.call.claim)
            published = self._published(made, attempt)
        except Rejected as rejection:
            return self._failed(attempt, attempt.call.otherwise or rejection, reply)
        except Cancelled:
            return self._failed(attempt, _cancelled(attempt.call.claim))
        about = self._about(attempt)
        restarted = (RESTARTED,) if about.record.is_restarted else ()
        return self._outcomes.succeeded(about, reply, answer, published, restarted)

    def _made(self, answer: Answer, claim: Claim) -> list[Made]:
        """The pictures of an answer, without those that cannot be fetched if another one is there.

        Raises Rejected, or Unavailable if an address may be tried again.
        """
        inline = [picture.decoded() for picture in answer.pictures if isinstance(picture, Encoded)]
        is_last_try = any(map(len, inline)) or claim.fetches + 1 >= MAX_DOWNLOADS
        made, lost = list[Made](), list[Rejected | Unavailable]()
        for picture in answer.pictures:
            if isinstance(picture, Encoded):
                made.append(Made(inline.pop(0), picture.state))
                continue
            try:
                made.append(Made(self._dependencies.fetcher.fetch(picture)))
            except (Rejected, Unavailable) as error:
                if isinstance(error, Unavailable) and error.cause != "fetch":
                    raise  # a full disk of Darkroom's is no reason to leave a picture out
                lost.append(error)
        if lost and not any(len(each.data) for each in made):
            raise lost[0]
        if again := [error for error in lost if isinstance(error, Unavailable) and not is_last_try]:
            raise again[0]
        return made

    def _published(self, made: Sequence[Made], attempt: Attempt) -> Published:
        record = self._about(attempt).record
        renditions = self._dependencies.renditions.checking(lambda: self._check_time(attempt, PICTURE_SECONDS))
        has_source = bool(record.sources) or attempt.thread.has_source(record.parent_turn)
        asked = Asked(record.options, record.sources, attempt.sent, has_source)
        return self._publisher.pictures(made, attempt.prefix, self._origin(attempt), asked, renditions)

    def _origin(self, attempt: Attempt) -> dict[str, str]:
        """The origin of its pictures, as `announce` writes it for the outcome."""
        about, asked = self._about(attempt), attempt.request
        return provenance.metadata(asked.thread_id, asked.request_id, *about.record.sources, *asked.images)

    def _paid_reply(self, attempt: Attempt) -> Reply:
        """The one reply that the request pays for. Raises Unavailable if there is none yet, or Rejected."""
        call = attempt.call
        while (state := call.state) is not State.ANSWERED:
            if state is State.LEFT_OPEN:
                call.settle_left_open()
            elif state is State.LOST:
                call.look_for_late_answer()
            elif state is State.SPENT:
                raise call.outcome_unknown()
            else:
                self._call(attempt)
        return call.reply()

    def _call(self, attempt: Attempt) -> None:
        """Plan one call, and send it if the breaker admits it. Raises Rejected if no call can be made."""
        if attempt.fault:
            raise attempt.call.outcome_unknown() if attempt.call.claim.ambiguous else attempt.fault
        plan = call_plan.of(attempt.request, attempt.thread, self._policy.defaults)
        self._check_time(attempt)  # before the attempt takes the place of a probe
        if attempt.call.claim.waiting_since:
            self._ledger.check_room()  # before pictures are read: it has come in vain before
        with attempt.call.admitted(plan.model):
            planned = self._planned(plan, attempt)
            attempt.sent[:] = planned.context.images
            prepared = attempt.call.prepare(planned)
            self._check_time(attempt)  # fetching a key may take long
            attempt.call.send(planned, prepared)

    def _planned(self, plan: CallPlan, attempt: Attempt) -> PlannedCall:
        """Everything that a call needs, read and checked before the call is counted."""
        policy, renditions = self._policy, self._dependencies.renditions.checking(lambda: self._check_time(attempt))
        return call_plan.planned_call(
            plan,
            self._dependencies.calls.spool.objects,
            renditions,
            policy.defaults.dialect,
            max_context_images=policy.max_context_images,
            max_request_bytes=policy.max_request_bytes,
        )

    def _check_time(self, attempt: Attempt, seconds: float | None = None) -> None:
        if attempt.time_left() < (seconds or self._policy.api_timeout) + SAVE_SECONDS:
            raise Unavailable("time", "too little of this invocation's time is left for a call", retry_after=0)

    def _deferred(self, attempt: Attempt, trouble: Unavailable) -> Outcome:
        """Release the request by raising Unavailable. Return its outcome if it has waited long enough."""
        try:
            self._waiting().defer(attempt, trouble, self._about(attempt).record.model)
        except Rejected as rejection:
            return self._failed(attempt, attempt.call.otherwise or rejection)
        except Cancelled:
            return self._failed(attempt, _cancelled(attempt.call.claim))

    def _waiting(self) -> "Waiting":
        from darkroom.turns.waiting import Waiting  # few requests wait, and each import costs at a cold start

        return Waiting(self._dependencies, self._policy.give_up_after)

    def _failed(self, attempt: Attempt, rejection: Rejected, reply: Reply | None = None) -> Outcome:
        return self._outcomes.failed(self._about(attempt), reply, attempt.call.interpreted, rejection)

    def _about(self, attempt: Attempt) -> Subject:
        """The subject of the turn's outcome: the call that was made, or would have been."""
        record = attempt.call.record
        if record is None:
            record = call_plan.as_far_as_known(attempt.request, attempt.thread, self._policy.defaults).record()
        return Subject(attempt.request, attempt.call.claim, record, attempt.turn)


def _cancelled(claim: Claim) -> Rejected:
    """The error of a request that a person has cancelled."""
    lost = claim.paid_calls
    return Rejected(
        "cancelled",
        "the request was cancelled, and was not called" + (" again" if lost else ""),
        hint=f"{lost} of its calls may have been charged; no answer came back." if lost else None,
    )


def taken(request_id: str, status: Forgotten | Reused) -> Rejected:
    """The error of a request whose id is taken."""
    if isinstance(status, Forgotten):
        return Rejected(
            "forgotten",
            f"request_id {request_id!r} stands for a request that has ended, and whose thread was erased",
            hint="Nothing was called for it again. To ask anew, give it a new id.",
            param="request_id",
        )
    return Rejected(
        "request_id_reused",
        f"request_id {request_id!r} already stands for another request of this thread",
        hint="Its outcome is untouched. Give each new request an id of its own.",
        param="request_id",
    )


def _still_none(error: Failure, turn: int) -> Rejected:
    """The error if judging a turn again gives no picture. The turn's own outcome states its cost."""
    code: Code = "internal_error" if error.code == "internal_error" else "no_image"
    message = f"turn {turn} was judged again, and gives no picture: {error.message}"
    return Rejected(code, message, hint=f"Nothing was called or paid. {ASK_AGAIN}", param="repairs")


def _too_many_turns(most: int) -> Rejected:
    return Rejected(
        "too_many_turns",
        f"the thread already has {most} turns, the most that it may have",
        hint="Start a new thread with the newest result among its images. An upload needs another name for that.",
        param="thread_id",
    )


def _internal_error() -> Rejected:
    return Rejected(
        "internal_error",
        f"{MAX_STRIKES} attempts at this request failed, and it is not at fault",
        hint="The operator has a copy of the request and an alarm.",
    )
