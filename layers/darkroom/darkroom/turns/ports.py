"""The ports of answering a request. Each failure behind a port is one of `errors`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from darkroom.domain.outcome import DEFAULT_DIALECT, Mode, Outcome, Source
from darkroom.domain.ports import Done, Forgotten, Held, Reused
from darkroom.domain.request import Request
from darkroom.domain.thread import Past, Thread
from darkroom.errors import Cause, Unavailable
from darkroom.providers.dialect import ApiRequest, PreparedCall
from darkroom.providers.reply import Reply
from darkroom.streaming.blob import Blob


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The parameters of a call. They are kept beside it, so that any worker can publish its answer."""

    mode: Mode
    model: str
    options: Mapping[str, Any]
    parent_turn: int | None
    sources: tuple[Source, ...]
    dialect: str = DEFAULT_DIALECT
    is_restarted: bool = False  # without its branch, whose newest picture is gone


@dataclass(frozen=True, slots=True)
class Claim:
    """A request in the hands of one owner, and all that the ledger knows of it. Times are epoch seconds."""

    thread_id: str
    request_id: str
    owner: str
    requested_at: str
    started_at: str
    attempts: int = 1
    strikes: int = 1  # attempts that died or raised outside a call, and the current one until it ends well
    calls: int = 0  # marked so far
    open_call: int | None = None  # marked, not settled
    call_day: str | None = None
    ambiguous: int = 0
    answered_by: int | None = None
    charged: bool = False  # the answering call was, or may have been, paid
    flatten: bool = False
    asked: CallRecord | None = None
    refused_since: float | None = None
    waiting_since: float | None = None
    deferrals: int = 0  # that lengthen the backoff
    doubtful: int = 0  # calls that count as free without proof
    doubtful_alone: int = 0  # those of them that failed while the provider was well
    fetches: int = 0  # failed downloads of the answer's pictures
    writes: int = 0  # by its owners, in order
    receipts: Sequence[str] = ()  # the handles of its message, and of those behind it, since it waited last

    @property
    def paid_calls(self) -> int:
        """Calls that were, or may have been, paid."""
        return self.ambiguous + int(self.charged) + int(self.open_call is not None)


class Wait(NamedTuple):
    """A request that waits: the end of its wait in epoch seconds, and its words.

    `receipts` are the handles of its message and of those behind it. They serve to wake these messages.
    """

    until: float
    instruction: str
    receipts: tuple[str, ...] = ()


class Ledger(Protocol):
    """The owners of requests, the calls that may have been paid, and the threads.

    Every write but `claim` is fenced: it raises Unavailable (`held`) if another owner has taken over the lease.
    """

    def claim(self, request: Request, requested_at: str) -> Claim | Done | Forgotten | Held | Reused: ...

    def abandoned(self, request: Request) -> bool:
        """Whether the last owner died with the request in its hands."""
        ...

    def thread(self, thread_id: str, parent_turn: int | None = None) -> Thread:
        """As much of the thread as a request with this parent needs."""
        ...

    def ended(self, thread_id: str, turn: int) -> tuple[Outcome, Claim | None] | None:
        """A turn of the thread, and its request's last claim if that is kept; None if there is no such turn."""
        ...

    def check_erasing(self, thread_id: str) -> None:
        """Raises Unavailable (`erasing`) while the thread is being erased. `mark` checks this for calls."""
        ...

    def mark(self, claim: Claim, asked: CallRecord) -> Claim:
        """Count one more call, which is about to be sent.

        Raises Cancelled, or Unavailable if the day has no call left (`budget`) or the thread is being erased
        (`erasing`).
        """
        ...

    def is_cancelled(self, claim: Claim) -> bool:
        """Whether a person has cancelled the request, so that it may not call any more."""
        ...

    def settle_free(self, claim: Claim, *, flatten: bool = False, doubtful: int = 0, alone: int = 0) -> Claim:
        """Settle the open call as free; the day gets it back. Add `doubtful` and `alone` to the claim's counts."""
        ...

    def settle_ambiguous(self, claim: Claim) -> Claim: ...

    def settle_answered(self, claim: Claim, *, charged: bool) -> Claim:
        """Settle the open call as the answer: nothing more is paid."""
        ...

    def settle_late(self, claim: Claim, call: int, *, charged: bool) -> Claim:
        """Settle a call that counted as lost, and was answered after all."""
        ...

    def defer(self, claim: Claim, trouble: Unavailable, wait: Wait | None = None) -> None:
        """Release the claim, and keep the cause and the start of the wait. With `wait`, list the request as waiting."""
        ...

    def room(self) -> int | None:
        """The number of calls that the day has left; None if it has no limit."""
        ...

    def check_room(self) -> None:
        """Raises Unavailable (`budget`) if the day has no call left."""
        ...

    def forget(self, claim: Claim) -> None:
        """Undo the claim of a request that takes no turn."""
        ...

    def commit(self, claim: Claim, outcome: Outcome, past: Past | None = None) -> None:
        """Write the turn, the items beside it, the thread and the ledger in one step.

        Raises Unavailable (`held`) if the thread moved on.
        """
        ...

    def prove(self, claim: Claim) -> None:
        """Raises Unavailable (`held`) if another owner has the claim, or if its request has ended."""
        ...

    def renew(self) -> None:
        """Prolong the lease of every claim of this process."""
        ...

    def drop(self, claim: Claim) -> None:
        """Stop renewing the claim's lease, however the attempt ended."""
        ...


class Admission(NamedTuple):
    """A call that the breaker admits: the provider's recent trouble, and whether the call is a probe."""

    trouble: Cause | None
    is_probe: bool


class Breaker(Protocol):
    """A circuit breaker for each model, shared by all workers. It holds calls back from a provider in trouble.

    A closed breaker admits every call. A few failures in a row open it. An open breaker admits a call now and then, as
    a probe; the first success closes it. If all those failures are of one request, the breaker is open for that request
    alone, because the request may be the cause. `request` is any unique name of the request.
    """

    def admit(self, model: str, request: str, *, is_last: bool, is_new: bool) -> Admission:
        """Admit a call. Raises Unavailable if the breaker is open, unless this is the last call before giving up.

        `is_new`: the request has never called. It is admitted sooner if the failures may be those of others.
        """
        ...

    def failed(self, model: str, request: str, trouble: Unavailable, *, is_first: bool) -> None:
        """Report that an admitted call failed by the provider's trouble. `is_first`: its request meets it first."""
        ...

    def succeeded(self, model: str, known_trouble: Cause | None) -> None:
        """Report that an admitted call was answered. `known_trouble` is the trouble at its admission.

        The count of failures starts again. A call that was admitted before the trouble does not close the breaker.
        """
        ...

    def wants_probe(self, model: str) -> bool:
        """Whether it is open and has no prober. If so, the caller becomes the prober."""
        ...

    def keeps_probe(self, model: str) -> bool:
        """Whether it is still open. If so, the caller remains the prober."""
        ...


class Scout(Protocol):
    """Chooses the scout among the requests that wait for the daily limit. Its copy checks whether there is room again.

    `request` is any unique name that the request shares with its copy.
    """

    def wants(self, request: str) -> bool:
        """Whether there is no scout. If so, the request becomes the scout."""
        ...

    def keeps(self, request: str) -> bool:
        """Whether the request is still the scout."""
        ...

    def ends(self, request: str) -> bool:
        """Report that the request has ended. Return whether it was the scout; if so, there is none now."""
        ...


class Waker(Protocol):
    """Brings waiting requests back before their time."""

    def wake(self, most: int) -> int:
        """Wake at most so many, the oldest first, and return how many. Each wait is ended so at most once."""
        ...

    def show(self, receipts: Sequence[str]) -> None:
        """Make messages visible by their handles. A message that came back by itself has another handle now."""
        ...


class ImageApi(Protocol):
    """The image-to-image API, in the stack's dialect."""

    def prepare(self, request: ApiRequest) -> PreparedCall: ...

    def ask(self, prepared: PreparedCall) -> Reply:
        """Send the call. Raises Unavailable if nothing was sent, Ambiguous if the answer is lost."""
        ...

    def distrust_key(self) -> None: ...

    def without_key(self, words: str) -> str:
        """The words of an answer that another process received, without the key."""
        ...


class PictureFetcher(Protocol):
    """Fetches the pictures that an answer refers to."""

    def fetch(self, url: str) -> Blob: ...
