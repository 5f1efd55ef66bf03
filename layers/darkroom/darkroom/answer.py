"""The use case: a message becomes a turn of a thread, or is told why not.

    claim - load the branch - mark, call, spool, settle - publish the pictures - commit - announce

Whatever happens, a message ends in one `result.json`, or is left in the queue by raising Unavailable.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from darkroom import naming, outcome, patience, premise, provenance, request
from darkroom.blob import Blob
from darkroom.context import REQUEST_BYTES
from darkroom.errors import TROUBLE_CAUSES, Rejected, Unavailable
from darkroom.message import Message
from darkroom.outcome import Outcome
from darkroom.payment import Payment, Till
from darkroom.ports import Claim, Done, Held, Outbox, PictureFetcher, Reused
from darkroom.premise import Inquiry, Premise
from darkroom.publication import Publication, turn_key
from darkroom.renditions import Renditions
from darkroom.replies import Encoded
from darkroom.reply import Reply
from darkroom.report import Reports, Subject
from darkroom.request import Recognised, Request
from darkroom.settings import Price
from darkroom.thread import Thread

MOST_STRIKES = 5
SAVE_SECONDS = 60  # to spool an answer, publish and commit it


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator decided."""

    buckets: Collection[str]
    model: str
    max_context_images: int
    max_turns: int
    give_up_after: float
    api_timeout: float
    price: Price
    max_request_bytes: int = REQUEST_BYTES


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a request, in its thread as it stands. `time_left` gives the invocation's remaining seconds.

    `is_last`: the request has waited enough for the provider. `is_probe`: it is a copy of a waiting message that
    makes this try.
    """

    request: Request
    thread: Thread
    payment: Payment
    time_left: Callable[[], float]
    is_last: bool
    is_probe: bool

    @property
    def turn(self) -> int:
        """The number that the turn will have."""
        return self.thread.latest_turn + 1

    @property
    def prefix(self) -> str:
        """Where its pictures will lie."""
        return naming.turn_prefix(self.request.thread_id, self.turn, self.request.request_id)


class Answering:
    """Answers messages. `time_left` gives the invocation's remaining seconds."""

    def __init__(
        self,
        terms: Terms,
        till: Till,
        publication: Publication,
        renditions: Renditions,
        fetcher: PictureFetcher,
        dead_letters: Outbox,
        probes: Outbox,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._terms = terms
        self._till = till
        self._ledger = till.ledger
        self._publication = publication
        self._renditions = renditions
        self._fetcher = fetcher
        self._dead_letters = dead_letters
        self._probes = probes
        self._reports = Reports(terms.price, clock)
        self._clock = clock
        self._jitter = jitter

    def answer(self, message: Message, time_left: Callable[[], float]) -> Outcome:
        """The message's outcome, published. Raises Unavailable, with `retry_after`, where it has to wait."""
        try:
            asked = self._parsed(message)
        except Rejected as rejection:
            return self._refused(message, request.recognise(message.body), rejection)
        try:
            return self._turn(asked, message, time_left)
        except Rejected as rejection:
            return self._refused(message, asked, rejection)

    def was_abandoned(self, message: Message) -> bool:
        """Whether its last worker died over it, so that it had better be worked on alone."""
        try:
            return message.receive_count > 1 and self._ledger.abandoned(self._parsed(message))
        except Rejected:
            return False

    def _refused(self, message: Message, asked: Request | Recognised, rejection: Rejected) -> Outcome:
        """Tells whoever sent a message that takes no turn, where it will look. Nobody sent a copy."""
        refused = self._reports.refused(message, asked, rejection)
        if not message.is_probe:
            images = asked.images if isinstance(asked, Request) else ()
            self._publication.announce(refused, naming.rejected_message_key(message.message_id), images)
        return refused

    def _parsed(self, message: Message) -> Request:
        return request.parse(
            message.body, group=message.group, message_id=message.message_id, buckets=self._terms.buckets
        )

    def _turn(self, asked: Request, message: Message, time_left: Callable[[], float]) -> Outcome:
        """Raises Rejected where the request takes no turn."""
        standing = self._ledger.claim(asked, outcome.timestamp(message.sent_at))
        if isinstance(standing, Done):
            self._publication.announce(standing.outcome, turn_key(standing.outcome), asked.images)
            return standing.outcome
        if isinstance(standing, Held):
            raise Unavailable("held", "another worker has this request in hand", retry_after=standing.seconds + 1)
        if isinstance(standing, Reused):
            raise reused(asked.request_id)
        try:
            return self._claimed(asked, standing, message, time_left)
        finally:
            self._ledger.drop(standing)

    def _claimed(self, asked: Request, claim: Claim, message: Message, time_left: Callable[[], float]) -> Outcome:
        with self._no_strike(claim):
            thread = self._ledger.thread(asked.thread_id, asked.parent_turn)
        if thread.latest_turn >= self._terms.max_turns and not claim.paid_calls:
            self._ledger.forget(claim)
            raise _too_many_turns(self._terms.max_turns)
        is_last = patience.is_over(claim, now=self._clock(), give_up_after=self._terms.give_up_after)
        payment = Payment(claim, self._till, is_last=is_last)
        attempt = Attempt(asked, thread, payment, time_left, is_last, message.is_probe)
        try:
            ended = self._ended(attempt)
        except Unavailable as trouble:
            ended = self._deferred(attempt, trouble)
        if ended.error and ended.error.code == "internal_error":
            self._dead_letters.send(asked.body, asked.thread_id, asked.request_id)
        with self._no_strike(payment.claim):
            self._ledger.commit(payment.claim, ended, thread.past_of(ended))
        self._publication.announce(ended, turn_key(ended), asked.images)
        return ended

    @contextmanager
    def _no_strike(self, claim: Claim) -> Iterator[None]:
        """AWS that passes is nobody's fault: lets go of the claim, so that waiting for it is no strike."""
        try:
            yield
        except Unavailable as trouble:
            if trouble.cause == "aws":
                self._ledger.defer(claim, trouble)
            raise

    def _ended(self, attempt: Attempt) -> Outcome:
        """The outcome, its pictures published. Raises Unavailable where it is not to be had yet."""
        if attempt.payment.claim.strikes > MOST_STRIKES:
            return self._failed(attempt, _internal_error())
        reply = None
        try:
            reply = attempt.payment.reply(
                lambda: premise.of(attempt.request, attempt.thread, self._terms.model),
                lambda plan: self._inquiry(plan, attempt),
                lambda: self._check_time(attempt),
            )
            answer = attempt.payment.judged(reply)
            made = [self._fetched(picture) for picture in answer.pictures]
            pictures = self._publication.pictures(made, attempt.prefix, self._origin(attempt))
        except Rejected as rejection:
            return self._failed(attempt, rejection, reply)
        return self._reports.succeeded(self._about(attempt), reply, answer, pictures)

    def _origin(self, attempt: Attempt) -> dict[str, str]:
        """Where its pictures came from, as `announce` says it of the outcome."""
        about, asked = self._about(attempt), attempt.request
        return provenance.metadata(asked.thread_id, asked.request_id, *about.asked.sources, *asked.images)

    def _inquiry(self, plan: Premise, attempt: Attempt) -> Inquiry:
        """Everything that a call needs, read and checked before one is counted."""
        terms, renditions = self._terms, self._renditions.checking(lambda: self._check_time(attempt))
        return premise.inquiry(plan, self._till.objects, renditions, terms.max_context_images, terms.max_request_bytes)

    def _check_time(self, attempt: Attempt) -> None:
        if attempt.time_left() < self._terms.api_timeout + SAVE_SECONDS:
            raise Unavailable("time", "too little of this invocation's time is left for a call", retry_after=0)

    def _fetched(self, picture: Encoded | str) -> Blob:
        return self._fetcher.fetch(picture) if isinstance(picture, str) else picture.decoded()

    def _deferred(self, attempt: Attempt, trouble: Unavailable) -> Outcome:
        """Lets go until later: raises Unavailable; or the outcome, where it has waited long enough."""
        claim = attempt.payment.claim
        try:
            seconds = patience.delay(
                claim, trouble, model=self._about(attempt).asked.model, is_last=attempt.is_last,
                now=self._clock(), give_up_after=self._terms.give_up_after, jitter=self._jitter(),
            )  # fmt: skip
        except Rejected as rejection:
            return self._failed(attempt, rejection)
        if trouble.cause != "held":
            self._ledger.defer(claim, trouble)
        if trouble.cause in TROUBLE_CAUSES:
            seconds = self._probed(attempt, seconds)
        raise Unavailable(trouble.cause, trouble.message, retry_after=seconds) from trouble

    def _probed(self, attempt: Attempt, seconds: float) -> float:
        """How long to wait. While a breaker is open one waiting request has a copy that comes back sooner.

        The message itself cannot: each receive counts for all that wait behind it too, and there are a thousand.
        """
        model, breaker = self._about(attempt).asked.model, self._till.breaker
        if attempt.is_probe:
            return min(seconds, patience.PROBE_SECONDS) if breaker.keeps_probe(model) else seconds
        if breaker.wants_probe(model):
            asked = attempt.request
            self._probes.send(asked.body, asked.thread_id, asked.request_id)
        return seconds

    def _failed(self, attempt: Attempt, rejection: Rejected, reply: Reply | None = None) -> Outcome:
        return self._reports.failed(self._about(attempt), reply, rejection)

    def _about(self, attempt: Attempt) -> Subject:
        """What a report of the turn is about: the call that was made, or would have been."""
        asked = attempt.payment.asked
        if asked is None:
            asked = premise.as_far_as_known(attempt.request, attempt.thread, self._terms.model).asked()
        return Subject(attempt.request, attempt.payment.claim, asked, attempt.turn)


def reused(request_id: str) -> Rejected:
    """What whoever gave an old id to a new request is told."""
    return Rejected(
        "request_id_reused",
        f"request_id {request_id!r} stands for another request of this thread already",
        hint="Its outcome is untouched. Give each new request an id of its own.",
        param="request_id",
    )


def _too_many_turns(most: int) -> Rejected:
    return Rejected(
        "too_many_turns",
        f"the thread has its {most} turns",
        hint="Go on in a new thread, with the newest result among its images; by upload, give that another name.",
        param="thread_id",
    )


def _internal_error() -> Rejected:
    return Rejected(
        "internal_error",
        f"{MOST_STRIKES} attempts at this request broke off, and not for its own fault",
        hint="The operator has a copy of the request and an alarm.",
    )
