"""What answering a request needs of the world. Everything that goes wrong behind a port is one of `errors`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from darkroom.blob import Blob
from darkroom.context import Question
from darkroom.errors import Cause, Unavailable
from darkroom.outcome import Mode, Outcome, Source
from darkroom.reply import Reply
from darkroom.request import ImageRef, Request
from darkroom.thread import Past, Thread


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call was made with: kept beside the call, so that its answer can be published without it."""

    mode: Mode
    model: str
    options: Mapping[str, Any]
    parent_turn: int | None
    sources: tuple[Source, ...]


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
    asked: Asked | None = None
    refused_since: float | None = None
    waiting_since: float | None = None
    deferrals: int = 0  # that lengthen the backoff
    fetches: int = 0  # of the answer's pictures, that failed
    writes: int = 0  # of its owners, in their order

    @property
    def paid_calls(self) -> int:
        """Calls that were, or may have been, paid."""
        return self.ambiguous + int(self.charged) + int(self.open_call is not None)


@dataclass(frozen=True, slots=True)
class Done:
    """The request has ended, with this outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """Another owner has the request in hand, for so many seconds at most."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reused:
    """The request's id stands for another request already."""


class Ledger(Protocol):
    """Who works on a request and which of its calls may have been paid; and the thread that it is part of.

    Every write but `claim` is fenced: it raises Unavailable (`held`) where the claim's lease went to another.
    """

    def claim(self, request: Request, requested_at: str) -> Claim | Done | Held | Reused: ...

    def abandoned(self, request: Request) -> bool:
        """Whether the last owner died with the request in its hands."""
        ...

    def thread(self, thread_id: str, parent_turn: int | None = None) -> Thread:
        """As much of the thread as a request needs that names this parent."""
        ...

    def mark(self, claim: Claim, asked: Asked) -> Claim:
        """One more call, about to be sent. Raises Unavailable (`budget`) where the day has none left."""
        ...

    def settle_free(self, claim: Claim, *, flatten: bool = False) -> Claim:
        """The open call did nothing; the day gets it back."""
        ...

    def settle_ambiguous(self, claim: Claim) -> Claim: ...

    def settle_answered(self, claim: Claim, *, charged: bool) -> Claim:
        """The open call's spooled answer is the answer: nothing is paid any more."""
        ...

    def settle_late(self, claim: Claim, call: int, *, charged: bool) -> Claim:
        """A call that was taken for lost has been answered after all."""
        ...

    def defer(self, claim: Claim, trouble: Unavailable) -> None:
        """Lets go of the claim, and remembers what for and since when."""
        ...

    def forget(self, claim: Claim) -> None:
        """As if it had never been claimed: for a request that takes no turn."""
        ...

    def commit(self, claim: Claim, outcome: Outcome, past: Past | None = None) -> None:
        """Turn, what is kept beside it, thread and ledger in one step.

        Raises Unavailable (`held`) where the thread moved on.
        """
        ...

    def renew(self) -> None:
        """Prolongs the lease of every claim in this process's hands."""
        ...

    def drop(self, claim: Claim) -> None:
        """Renews the claim's lease no longer; however the attempt ended."""
        ...


class Breaker(Protocol):
    """A circuit breaker a model, shared by every worker: keeps calls from a provider that is in trouble.

    Closed, it lets every call through. A few failures on end open it; then it lets one call through now and
    then, as a probe, and the first that succeeds closes it.
    """

    def admit(self, model: str, *, is_last: bool) -> Cause | None:
        """Lets a call through: what the provider's trouble was of late, None where there was none.

        Raises Unavailable where it is open, unless this is the call before giving up.
        """
        ...

    def failed(self, model: str, trouble: Unavailable, *, is_first: bool) -> None:
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


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes; the entity tag without quotes."""

    data: bytes
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Fetched:
    """A large object: its bytes, and their SHA-256."""

    data: Blob
    etag: str
    sha256: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class ObjectStore(Protocol):
    """S3, as far as it is used here."""

    def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Stored | None:
        """The object, or None where there is none. Raises TooLarge over `most_bytes`."""
        ...

    def metadata(self, ref: ImageRef) -> Mapping[str, str] | None:
        """The object's own metadata, or None where there is no object."""
        ...

    def fetch(
        self, ref: ImageRef, *, most_bytes: int | None = None, known: Mapping[str, str] | None = None
    ) -> Fetched | None:
        """The object of any size, or None where there is none. Raises TooLarge over `most_bytes`.

        Its SHA-256 is worked out only where neither the store has kept it nor `known` has it, by entity tags.
        """
        ...

    def write_once(
        self, bucket: str, key: str, data: Blob, media_type: str, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """Writes the object if there is none; False where one is there already, which is left as it is.

        What is Hashed is seen to be stored as it was hashed, and its SHA-256 is kept beside it.
        """
        ...

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        """Some of the object's bytes from an offset on, none at its end; None where there is no object."""
        ...

    def write(
        self, bucket: str, key: str, data: IO[bytes], media_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Writes the object, over what is there."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that needs nothing more than to be sent."""

    body: Blob
    key: str


class ImageApi(Protocol):
    """The image-to-image API."""

    def prepare(self, question: Question) -> Prepared: ...

    def ask(self, prepared: Prepared) -> Reply:
        """Raises Unavailable where nothing was sent, Ambiguous where the answer is lost."""
        ...

    def distrust_key(self) -> None: ...


class Developer(Protocol):
    """Makes pictures that may not go as they are into what may. To do so twice does no harm."""

    def develop(self, ref: ImageRef, most_bytes: int) -> None:
        """Keeps the rendition of the picture, where `renditions` says.

        Raises Undecodable or TooManyPixels, Unavailable (`aws`), or Fault where the picture broke the developer.
        """
        ...


class PictureFetcher(Protocol):
    """Fetches what an answer refers to."""

    def fetch(self, url: str) -> Blob: ...


class Outbox(Protocol):
    """A queue that a request's message is put into."""

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        """Sends once, and returns the message's id. What is sent under an id of its own is sent in any case."""
        ...
