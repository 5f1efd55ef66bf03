"""Lets requests wait: the length of the wait, the copy that checks its cause, and the waking of other requests.

The module is imported when a request waits, so that a cold start does not pay for it.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from darkroom.domain.keys import sha256
from darkroom.domain.message import Message
from darkroom.domain.request import Request
from darkroom.domain.timing import PROBE_SECONDS, WAKE_PAGE
from darkroom.errors import PROVIDER_CAUSES, TROUBLE_CAUSES, WAITING_CAUSES, Cancelled, DarkroomError, Unavailable
from darkroom.turns import retry_policy
from darkroom.turns.ports import Claim, Wait

if TYPE_CHECKING:
    from darkroom.turns.handler import Attempt, TurnDependencies


class Waiting:
    """Lets requests wait, and wakes them. `give_up_after` is in seconds."""

    def __init__(self, dependencies: "TurnDependencies", give_up_after: float) -> None:
        self._dependencies = dependencies
        self._ledger = dependencies.calls.ledger
        self._clock = dependencies.clock
        self._give_up_after = give_up_after

    def defer(self, attempt: "Attempt", trouble: Unavailable, model: str) -> NoReturn:
        """Release the request by raising Unavailable. Raises Rejected if it has waited long enough, or Cancelled."""
        claim = attempt.call.claim
        if _may_be_cancelled(claim, trouble) and self._ledger.is_cancelled(claim):
            raise Cancelled("while it waited")
        seconds = retry_policy.delay(
            claim, trouble, model=model, is_last=attempt.is_last,
            now=self._clock(), give_up_after=self._give_up_after, jitter=self._dependencies.jitter(),
        )  # fmt: skip
        if trouble.cause != "held":
            receipts = () if attempt.is_probe else (attempt.message.receipt_handle, *attempt.message.behind)
            wait = Wait(self._clock() + seconds, attempt.request.instruction, receipts)
            self._ledger.defer(claim, trouble, wait if trouble.cause in WAITING_CAUSES else None)
        if trouble.cause == "budget":
            seconds = self._scouted(attempt, seconds)
        if trouble.cause in TROUBLE_CAUSES:
            seconds = self._probed(attempt, seconds, model)
        raise Unavailable(trouble.cause, trouble.message, retry_after=seconds) from trouble

    def go_on(self, message: Message, before: Claim, now: Claim) -> None:
        """Wake others, after a request ended that had waited or that a copy handled."""
        if message.is_probe:
            self._show_message(before)
        self._wake_others(before, now)

    def hand_over(self, copied: Request) -> None:
        """A copy finds its request done. If that was the scout, wake the next one, which becomes the scout."""
        with suppress(DarkroomError):  # they come back by themselves, later
            if self._dependencies.scout().ends(_name(copied)):
                self._wake(self._ledger.room())

    def _show_message(self, claim: Claim) -> None:
        """Show the message whose request a copy has ended. Later turns of the thread wait behind it."""
        with suppress(DarkroomError):
            self._dependencies.waker().show(claim.receipts)

    def _wake_others(self, before: Claim, now: Claim) -> None:
        """Wake a page of others, if a request that had waited was answered.

        If the day has a limit, wake as many as it has room for, and one more as the scout. A request that waited for
        the limit and ends in another way may have been the scout: then wake one as the next scout.
        """
        is_answered = now.answered_by is not None
        if not (before.waiting_since or (before.refused_since and is_answered)):
            return
        with suppress(DarkroomError):  # they come back by themselves, later
            if before.waiting_since:
                self._dependencies.scout().ends(_name(before))
            self._wake(self._ledger.room() if is_answered else 0)

    def _wake(self, room: int | None) -> None:
        self._dependencies.waker().wake(WAKE_PAGE if room is None else min(WAKE_PAGE, room + 1))

    def _probed(self, attempt: "Attempt", seconds: float, model: str) -> float:
        """The seconds to wait. While a breaker is open, one waiting request has a copy that comes back sooner.

        The message itself cannot, because the queue counts each receive also for the messages behind it.
        """
        breaker = self._dependencies.calls.breaker
        if attempt.is_probe:
            may_probe = not retry_policy.is_doubtful(attempt.call.claim) and breaker.keeps_probe(model)
            return min(seconds, PROBE_SECONDS) if may_probe else seconds
        if breaker.wants_probe(model):
            self._copy(attempt.request)
        return seconds

    def _scouted(self, attempt: "Attempt", seconds: float) -> float:
        """The seconds to wait. One of the requests that wait for the daily limit has a copy that checks for room."""
        scout, name = self._dependencies.scout(), _name(attempt.request)
        if attempt.is_probe:
            return min(seconds, PROBE_SECONDS) if scout.keeps(name) else seconds
        if scout.wants(name):
            self._copy(attempt.request)
        return seconds

    def _copy(self, asked: Request) -> None:
        self._dependencies.probes.send(asked.body, asked.thread_id, asked.request_id)


def _may_be_cancelled(claim: Claim, trouble: Unavailable) -> bool:
    """Whether the request waits to call. After an answer it ends as usual; a lost answer is looked for first."""
    return claim.answered_by is None and (trouble.cause in PROVIDER_CAUSES or trouble.cause == "budget")


def _name(request: Request | Claim) -> str:
    """A unique name that a request's message and its copy share."""
    return sha256(f"{request.thread_id}/{request.request_id}")
