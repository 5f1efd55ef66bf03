"""What uploads need of the world, beside the shared ports."""

from collections.abc import Sequence
from typing import Protocol

from darkroom.domain.upload import Upload
from darkroom.uploads.pairing import Ask, Stem, Waiting


class UploadState(Protocol):
    """What is remembered of uploads."""

    def stem(self, home: str, name: str) -> Stem:
        """What is remembered of a stem, in the thread that its key says; a blank one if nothing is."""
        ...

    def waiting(self, thread: str) -> list[Waiting]:
        """The thread's photos without words."""
        ...

    def ahead(self, thread: str, top: str) -> tuple[str, str] | None:
        """The stem of this first folder that asked last in the thread: its home and its name.

        Its request may be waiting in a lane, and others of the thread from that folder stay behind it.
        """
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

    def join(self, text: Upload, apart: Stem, stem: str) -> None:
        """Remembers that a text, whose own stem is `apart`, belongs to a photo of another. Raises Outdated."""
        ...

    def leave_wordless(self, photo: Upload, *, until: float) -> None:
        """Leaves a photo for the words of its folder, should they come by then."""
        ...

    def wordless(self, folder: Upload, most: int, *, now: float) -> list[Upload]:
        """The photos, so many at most, that were left for these words of a folder."""
        ...

    def take_up(self, photo: Upload) -> None:
        """A photo waits for the words of its folder no longer."""
        ...

    def sent(self, home: str, name: str, stem: Stem) -> None:
        """What is in the stem's outbox is in its queue."""
        ...


class UploadEvents(Protocol):
    """The queue in which S3 announces uploads."""

    def announce(self, uploads: Sequence[Upload]) -> None:
        """Announces uploads again, ten at most."""
        ...


class Lanes(Protocol):
    """A share of the requests' queue for each source of many requests, so that nobody waits for all of another's.

    A lane has so many places. A request holds one from before it is sent until it has ended; one that the ledger does
    not come to know, for an hour.
    """

    def enter(self, lane: str, thread_id: str, request_id: str) -> bool:
        """Takes a place, or keeps the one that the request has; False where the lane is full."""
        ...
