"""Builds the outcomes of requests from the ledger, the call and the answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from darkroom.domain import outcome, price
from darkroom.domain.message import Message
from darkroom.domain.outcome import Caution, Cost, Outcome, Timing
from darkroom.domain.price import Price
from darkroom.domain.request import Recognised, Request
from darkroom.errors import Rejected
from darkroom.providers.dialect import Answer, Dialect
from darkroom.providers.reply import Reply
from darkroom.turns.ports import CallRecord, Claim
from darkroom.turns.publisher import Published

BODY_BYTES_KEPT = 4096


class Subject(NamedTuple):
    """The subject of an outcome: the request, its claim in the ledger, and the record of its call."""

    request: Request
    claim: Claim
    record: CallRecord
    turn: int


class OutcomeBuilder:
    """Builds outcomes with the operator's price.

    `clock` returns the time in epoch seconds, `dialect` the dialect of a reply.
    """

    def __init__(self, price: Price, clock: Callable[[], float], dialect: Callable[[Reply], Dialect]) -> None:
        self._price = price
        self._clock = clock
        self._dialect = dialect

    def succeeded(
        self, about: Subject, reply: Reply, answer: Answer, published: Published, warnings: Sequence[Caution]
    ) -> Outcome:
        """A turn with its pictures and its warnings."""
        return replace(
            self._turn(about, reply, answer),
            status="succeeded",
            images=published.pictures,
            text=answer.text[: outcome.TEXT_CHARACTERS] if answer.text else None,
            provider_request_id=answer.provider_request_id,
            warnings=[*answer.warnings, *published.warnings, *warnings],
            has_state=published.has_state,
        )

    def failed(self, about: Subject, reply: Reply | None, answer: Answer | None, rejection: Rejected) -> Outcome:
        """A turn that failed. `reply` is None if no call was answered, `answer` if the reply holds none."""
        named = self._dialect(reply).request_id(reply) if reply else None
        return replace(
            self._turn(about, reply, answer),
            error=outcome.failure(rejection),
            text=rejection.text[: outcome.TEXT_CHARACTERS] if rejection.text else None,
            provider_request_id=rejection.provider_request_id or named,
        )

    def refused(self, message: Message, request: Request | Recognised, rejection: Rejected) -> Outcome:
        """The outcome of a message that took no turn."""
        refused = outcome.refusal(
            rejection,
            timing=self._timing(outcome.timestamp(message.sent_at), None, None),
            attempts=message.receive_count,
            body=message.body.encode(errors="replace")[:BODY_BYTES_KEPT].decode(errors="ignore"),
        )
        return replace(
            refused,
            thread_id=request.thread_id,
            request_id=request.request_id,
            instruction=request.instruction or None,
            metadata=dict(request.metadata or {}),
        )

    def _turn(self, about: Subject, reply: Reply | None, answer: Answer | None) -> Outcome:
        """A failed turn, from which the other outcomes are made."""
        request, claim, record = about.request, about.claim, about.record
        return Outcome(
            schema_version=1,
            status="failed",
            thread_id=request.thread_id,
            turn=about.turn,
            parent_turn=record.parent_turn,
            request_id=request.request_id,
            instruction=request.instruction,
            model=record.model,
            options=dict(record.options),
            mode=record.mode,
            sources=list(record.sources),
            images=[],
            text=None,
            error=None,
            cost=self._cost(claim, record, answer),
            timing=self._timing(claim.requested_at, claim.started_at, reply),
            attempts=claim.attempts,
            provider_request_id=None,
            metadata=dict(request.metadata or {}),
            dialect=record.dialect,
            repairs=request.repairs,
            usage=answer.usage if answer else None,
        )

    def _cost(self, claim: Claim, record: CallRecord, answer: Answer | None) -> Cost:
        """The cost. A call whose answer is lost counts with all the pictures that it asked for."""
        images = price.pictures_asked(record.options) * (claim.paid_calls - int(claim.charged))
        if claim.charged:
            images += price.pictures_paid(record.options, len(answer.pictures) if answer else None)
        return Cost(claim.paid_calls, price.of_pictures(images, self._price), self._price.currency, images)

    def _timing(self, requested_at: str, started_at: str | None, reply: Reply | None) -> Timing:
        finished_at = outcome.timestamp(self._clock())
        return Timing(requested_at, started_at, finished_at, reply.seconds if reply else None)
