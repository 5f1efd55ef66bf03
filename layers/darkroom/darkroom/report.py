"""Reports: the outcomes of requests, put together from the ledger, the call and the answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from darkroom import outcome
from darkroom.errors import Rejected
from darkroom.message import Message
from darkroom.outcome import Cost, Outcome, Picture, Timing
from darkroom.ports import Asked, Claim
from darkroom.replies import Answer
from darkroom.reply import Reply, provider_request_id
from darkroom.request import Recognised, Request
from darkroom.settings import Price

BODY_BYTES_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report of a turn is about: the request, what the ledger knows of it, and what was asked."""

    request: Request
    claim: Claim
    asked: Asked
    turn: int


@dataclass(frozen=True, slots=True)
class Reports:
    """Writes outcomes, with the operator's price and the time of a clock in epoch seconds."""

    price: Price
    clock: Callable[[], float]

    def succeeded(self, about: Subject, reply: Reply, answer: Answer, pictures: Sequence[Picture]) -> Outcome:
        """A turn with its pictures."""
        return replace(
            self._turn(about, reply),
            status="succeeded",
            images=list(pictures),
            text=answer.text[: outcome.TEXT_CHARACTERS] if answer.text else None,
            provider_request_id=answer.provider_request_id,
        )

    def failed(self, about: Subject, reply: Reply | None, rejection: Rejected) -> Outcome:
        """A turn that failed; `reply` is None where no call was answered."""
        named = provider_request_id(reply, "") if reply else None
        return replace(
            self._turn(about, reply),
            error=outcome.failure(rejection),
            text=rejection.text[: outcome.TEXT_CHARACTERS] if rejection.text else None,
            provider_request_id=rejection.provider_request_id or named,
        )

    def refused(self, message: Message, request: Request | Recognised, rejection: Rejected) -> Outcome:
        """A message that took no turn."""
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
            instruction=request.instruction,
            metadata=dict(request.metadata or {}),
        )

    def _turn(self, about: Subject, reply: Reply | None) -> Outcome:
        """A turn of which nothing good is known yet."""
        request, claim, asked = about.request, about.claim, about.asked
        return Outcome(
            schema_version=1,
            status="failed",
            thread_id=request.thread_id,
            turn=about.turn,
            parent_turn=asked.parent_turn,
            request_id=request.request_id,
            instruction=request.instruction,
            model=asked.model,
            options=dict(asked.options),
            mode=asked.mode,
            sources=list(asked.sources),
            images=[],
            text=None,
            error=None,
            cost=self._cost(claim.paid_calls),
            timing=self._timing(claim.requested_at, claim.started_at, reply),
            attempts=claim.attempts,
            provider_request_id=None,
            metadata=dict(request.metadata or {}),
        )

    def _cost(self, paid_calls: int) -> Cost:
        price = self.price
        amount = None if price.amount is None else round(price.amount * paid_calls, 6)
        return Cost(paid_calls, amount, price.currency)

    def _timing(self, requested_at: str, started_at: str | None, reply: Reply | None) -> Timing:
        finished_at = outcome.timestamp(self.clock())
        return Timing(requested_at, started_at, finished_at, reply.seconds if reply else None)
