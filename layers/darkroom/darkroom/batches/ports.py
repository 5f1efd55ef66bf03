"""The ports of batches, besides the shared ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from darkroom.batches.line_reader import Place
from darkroom.domain.ports import Done, Forgotten, Held, Reused


class Generations(Protocol):
    """Tells which batch under a name is the newest."""

    def generation(self, home: str, stem: str, extension: str) -> int | None:
        """The number of the newest batch uploaded under this name."""
        ...


class Outcomes(Protocol):
    """Reads the status of requests, without changing it."""

    def status(self, thread_id: str, request_id: str, fingerprint: str) -> Done | Forgotten | Held | Reused | None:
        """Done; erased; on its way; over with other content; None if the request is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a batch. `counted` and `read` are places in its file. `total` is the number of its non-blank
    lines counted so far. `open` are the positions, from 1 on, of lines that were sent and have not ended.
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
    began_at: float = 0.0  # when its lines were counted
    paid_calls: int = 0  # of the lines that have ended
    max_calls: int = 0  # set by its first line; 0 is no bound
    cancelled: int = 0  # of those that failed


@dataclass(frozen=True, slots=True)
class Sent:
    """A line that was sent, or is about to be. Before it is sent, its message has no id."""

    position: int
    custom_id: str  # determines its request's id
    thread: str
    fingerprint: str
    place: Place  # in the file, before the line
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A line that has ended, with its line of the answer file."""

    position: int
    text: str


class BatchState(Protocol):
    """The stored state of batches and their lines."""

    def progress(self, batch: str) -> Progress: ...

    def is_stopped(self, batch: str) -> bool:
        """Whether a person stopped the batch: no more of its lines are sent."""
        ...

    def save(self, batch: str, progress: Progress, line: Sent | Answered | None = None) -> Progress:
        """Store both or neither. Raises Outdated if another worker has saved since the progress was read."""
        ...

    def save_ids(self, batch: str, first: int, ids: Sequence[str | None]) -> None:
        """Store the ids of the lines from a position on, so that they are known even after the file is deleted."""
        ...

    def ids(self, batch: str) -> Mapping[int, str | None]:
        """The known ids of the lines by position."""
        ...

    def sent(self, batch: str, position: int) -> Sent:
        """The line at one of the open positions. Raises Outdated if it has ended since."""
        ...

    def answers(self, batch: str) -> Iterator[str]:
        """The answers of the lines that have ended, in input order."""
        ...
