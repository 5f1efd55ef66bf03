"""What answering a request needs of the world. Everything that goes wrong behind a port is one of `errors`."""

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
    """What a call was made with: kept beside the call, so that its answer can be published without it."""

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
    strikes: int = 1  # attempts that died or raised outside a call; this one, until it ends well
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
    doubtful: int = 0  # calls that were taken for free, which nobody can prove
    doubtful_alone: int = 0  # those of them that failed while the provider was well
    fetches: int = 0  # of the answer's pictures, that failed
    writes: int = 0  # of its owners, in their order
    receipts: Sequence[str] = ()  # the handles of its message, and of those behind it, since it waited last

    @property
    def paid_calls(self) -> int:
        """Calls that were, or may have been, paid."""
        return self.ambiguous + int(self.charged) + int(self.open_call is not None)


class Wait(NamedTuple):
    """What is told of a request that waits: until when, in epoch seconds, and its words.

    `receipts` are the handles of its message and of those that wait behind it, by which they can be woken.
    """

    until: float
    instruction: str
    receipts: tuple[str, ...] = ()


class Ledger(Protocol):
    """Who works on a request and which of its calls may have been paid; and the thread that it is part of.

    Every write but `claim` is fenced: it raises Unavailable (`held`) where the claim's lease went to another.
    """

    def claim(self, request: Request, requested_at: str) -> Claim | Done | Forgotten | Held | Reused: ...

    def abandoned(self, request: Request) -> bool:
        """Whether the last owner died with the request in its hands."""
        ...

    def thread(self, thread_id: str, parent_turn: int | None = None) -> Thread:
        """As much of the thread as a request needs that names this parent."""
        ...

    def ended(self, thread_id: str, turn: int) -> tuple[Outcome, Claim | None] | None:
        """A turn of the thread, and what is still known of its request's calls; None where there is no such turn."""
        ...

    def check_erasing(self, thread_id: str) -> None:
        """Raises Unavailable (`erasing`) while the thread is erased: for whoever has no call to mark."""
        ...

    def mark(self, claim: Claim, asked: CallRecord) -> Claim:
        """One more call, about to be sent. Raises Cancelled; or Unavailable where the day has none left (`budget`), or
        the thread is being erased (`erasing`).
        """
        ...

    def is_cancelled(self, claim: Claim) -> bool:
        """Whether a person has cancelled the request: it may not call any more."""
        ...

    def settle_free(self, claim: Claim, *, flatten: bool = False, doubtful: int = 0, alone: int = 0) -> Claim:
        """The open call did nothing; the day gets it back. `doubtful` and `alone` are added to the claim's counts."""
        ...

    def settle_ambiguous(self, claim: Claim) -> Claim: ...

    def settle_answered(self, claim: Claim, *, charged: bool) -> Claim:
        """The open call's spooled answer is the answer: nothing is paid any more."""
        ...

    def settle_late(self, claim: Claim, call: int, *, charged: bool) -> Claim:
        """A call that was taken for lost has been answered after all."""
        ...

    def defer(self, claim: Claim, trouble: Unavailable, wait: Wait | None = None) -> None:
        """Lets go of the claim, and remembers what for and since when. With `wait` it stands among what waits."""
        ...

    def room(self) -> int | None:
        """How many calls the day has left; None where it has no limit."""
        ...

    def check_room(self) -> None:
        """Raises Unavailable (`budget`) where the day has none left."""
        ...

    def forget(self, claim: Claim) -> None:
        """As if it had never been claimed: for a request that takes no turn."""
        ...

    def commit(self, claim: Claim, outcome: Outcome, past: Past | None = None) -> None:
        """Turn, what is kept beside it, thread and ledger in one step.

        Raises Unavailable (`held`) where the thread moved on.
        """
        ...

    def prove(self, claim: Claim) -> None:
        """Raises Unavailable (`held`) where the claim is another's by now, or its request has ended."""
        ...

    def renew(self) -> None:
        """Prolongs the lease of every claim in this process's hands."""
        ...

    def drop(self, claim: Claim) -> None:
        """Renews the claim's lease no longer; however the attempt ended."""
        ...


class Admission(NamedTuple):
    """A call that the breaker lets through: the provider's trouble of late, and whether it goes out as a probe."""

    trouble: Cause | None
    is_probe: bool


class Breaker(Protocol):
    """A circuit breaker a model, shared by every worker: keeps calls from a provider that is in trouble.

    Closed, it lets every call through. A few failures on end open it; then it lets one call through now and
    then, as a probe, and the first that succeeds closes it. While all of those failures are of one request it is open
    for that request alone: what fails may be the request. `request` is any name that is the request's own.
    """

    def admit(self, model: str, request: str, *, is_last: bool, is_new: bool) -> Admission:
        """Lets a call through. Raises Unavailable where it is open, unless this is the call before giving up.

        `is_new`: the request has never called. It is let through sooner where the failures may be those of others.
        """
        ...

    def failed(self, model: str, request: str, trouble: Unavailable, *, is_first: bool) -> None:
        """A call that was let through failed by the provider's trouble, of which its request hears first."""
        ...

    def succeeded(self, model: str, known_trouble: Cause | None) -> None:
        """A call was answered, that was let through knowing of this trouble.

        It starts the count again. What went out before there was trouble says nothing of its end: it closes no breaker.
        """
        ...

    def wants_probe(self, model: str) -> bool:
        """Whether it is open and nobody looks after the provider; the one who is told so shall, from now on."""
        ...

    def keeps_probe(self, model: str) -> bool:
        """Whether it is open still; the one who looks after the provider stays the one."""
        ...


class Scout(Protocol):
    """One copy of a request that waits for the daily limit looks whether there is room again.

    `request` is any name that is the request's own, and its copy's.
    """

    def wants(self, request: str) -> bool:
        """Whether nobody looks; the one who is told so shall, from now on."""
        ...

    def keeps(self, request: str) -> bool:
        """Whether it goes on looking: no other request does."""
        ...

    def ends(self, request: str) -> bool:
        """The request has ended. Whether it was the one that looked: nobody does from now on."""
        ...


class Waker(Protocol):
    """Brings waiting requests back before their time."""

    def wake(self, most: int) -> int:
        """Wakes so many at most, the oldest first, and returns how many. Each is woken once for each time it waits."""
        ...

    def show(self, receipts: Sequence[str]) -> None:
        """Makes messages visible by their handles. What has come back by itself has another handle by now."""
        ...


class ImageApi(Protocol):
    """The image-to-image API, in the stack's dialect."""

    def prepare(self, request: ApiRequest) -> PreparedCall: ...

    def ask(self, prepared: PreparedCall) -> Reply:
        """Raises Unavailable where nothing was sent, Ambiguous where the answer is lost."""
        ...

    def distrust_key(self) -> None: ...

    def without_key(self, words: str) -> str:
        """Words of an answer that another process has received, without the key."""
        ...


class PictureFetcher(Protocol):
    """Fetches what an answer refers to."""

    def fetch(self, url: str) -> Blob: ...
