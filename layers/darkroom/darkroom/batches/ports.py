"""What batches need of the world, beside the shared ports."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from darkroom.batches.line_reader import Place
from darkroom.domain.ports import Done, Forgotten, Held, Reused


class Generations(Protocol):
    """Which uploads of batch files are the newest."""

    def generation(self, home: str, stem: str, extension: str) -> int | None:
        """The number of the newest batch that was uploaded under this name."""
        ...


class Outcomes(Protocol):
    """The status of requests, for those who only look."""

    def status(self, thread_id: str, request_id: str, fingerprint: str) -> Done | Forgotten | Held | Reused | None:
        """Done; erased; on its way; over with another content; None where neither is known."""
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
    began_at: float = 0.0  # when its lines were counted
    paid_calls: int = 0  # of the lines that have ended
    max_calls: int = 0  # that its first line allows; 0 is no bound


@dataclass(frozen=True, slots=True)
class Sent:
    """A line that is sent, or about to be: then nobody knows its message's id."""

    position: int
    custom_id: str  # from which its request's id follows
    thread: str
    fingerprint: str
    place: Place  # in the file, before it
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A line that has ended, with its line of the answer file."""

    position: int
    text: str


class BatchState(Protocol):
    """What is known of batches and of their lines."""

    def progress(self, batch: str) -> Progress: ...

    def is_stopped(self, batch: str) -> bool:
        """Whether a person has stopped the batch: no more of its lines are sent."""
        ...

    def save(self, batch: str, progress: Progress, line: Sent | Answered | None = None) -> Progress:
        """Remembers both or neither. Raises Outdated where another worker was here since the progress was read."""
        ...

    def save_ids(self, batch: str, first: int, ids: Sequence[str | None]) -> None:
        """Remembers the ids of the lines from a position on, so that they can be told where the file is gone."""
        ...

    def ids(self, batch: str) -> Mapping[int, str | None]:
        """The ids of the lines by their positions, as far as they are known."""
        ...

    def sent(self, batch: str, position: int) -> Sent:
        """The line at one of the progress's open positions. Raises Outdated where it has ended since."""
        ...

    def answers(self, batch: str) -> Iterator[str]:
        """The texts of the lines that have ended, in input order."""
        ...
