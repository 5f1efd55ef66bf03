"""What uploads and batches need of the world, beside `ports`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from darkroom.lines import Place
from darkroom.pairing import Ask, Stem, Waiting
from darkroom.ports import Done, Held, Reused
from darkroom.upload import Upload


class Memory(Protocol):
    """What is remembered of uploads."""

    def stem(self, home: str, name: str) -> Stem:
        """What is remembered of a stem, in the thread that its key says; a blank one if nothing is."""
        ...

    def waiting(self, thread: str) -> list[Waiting]:
        """The thread's photos without words."""
        ...

    def ahead(self, thread: str) -> tuple[str, str] | None:
        """The stem whose request may be waiting in a lane, ahead of others of the thread: its home and its name."""
        ...

    def has_turn(self, thread: str) -> bool:
        """Whether the thread has a turn. Before the first one a request may be on its way to it: see `ahead`."""
        ...

    def decide(
        self,
        thread: str,
        arrived: Upload,
        stem: Stem,
        ask: Ask | None,
        waits: Waiting | None,
        *,
        left: str | None = None,
    ) -> Stem:
        """Remembers a decision on an upload of a thread, all of it or nothing. Raises Outdated.

        `left` is the thread that the stem belonged to before, if it was another; what waited there waits no longer.
        """
        ...

    def sent(self, home: str, name: str, stem: Stem) -> None:
        """What is in the stem's outbox is in its queue."""
        ...


class Lanes(Protocol):
    """A share of the requests' queue for each source of many requests, so that nobody waits for all of another's.

    A lane has so many places. A request holds one from before it is sent until it has ended; one that the ledger does
    not come to know, for an hour.
    """

    def enter(self, lane: str, thread_id: str, request_id: str) -> bool:
        """Takes a place, or keeps the one that the request has; False where the lane is full."""
        ...


class Outcomes(Protocol):
    """How requests stand, for those who only look."""

    def standing(self, thread_id: str, request_id: str, fingerprint: str) -> Done | Held | Reused | None:
        """Done; on its way; over with another content; None where neither is known."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is. `counted` and `read` are places in its file; `total` counts its lines that say something,
    as far as they are counted; `open` are the positions, from 1 on, of lines that were sent and have not ended.
    """

    version: int = 0
    counted: Place = field(default_factory=Place)
    total: int = 0
    is_counted: bool = False
    read: Place = field(default_factory=Place)
    position: int = 0
    open: tuple[int, ...] = ()
    succeeded: int = 0
    failed: int = 0
    moved_at: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Sent:
    """A line that is sent, or about to be: then nobody knows its message's id."""

    position: int
    custom_id: str
    thread: str
    fingerprint: str
    place: Place  # in the file, before it
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A line that has ended, with its line of the answer file."""

    position: int
    text: str


class Register(Protocol):
    """What is known of batches and of their lines."""

    def progress(self, batch: str) -> Progress: ...

    def save(self, batch: str, progress: Progress, line: Sent | Answered | None = None) -> Progress:
        """Remembers both or neither. Raises Outdated where another worker was here since the progress was read."""
        ...

    def sent(self, batch: str, position: int) -> Sent:
        """The line at one of the progress's open positions. Raises Outdated where it has ended since."""
        ...

    def answers(self, batch: str) -> Iterator[str]:
        """The texts of the lines that have ended, in input order."""
        ...
