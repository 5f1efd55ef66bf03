"""The ports of uploads, besides the shared ones."""

from collections.abc import Sequence
from typing import Protocol

from darkroom.domain.upload import Upload
from darkroom.uploads.pairing import Ask, Stem, Waiting


class UploadState(Protocol):
    """The stored state of uploads."""

    def stem(self, home: str, name: str) -> Stem:
        """The state of a stem in the thread that its key gives; a blank one if there is none."""
        ...

    def waiting(self, thread: str) -> list[Waiting]:
        """The thread's photos without words."""
        ...

    def ahead(self, thread: str, top: str) -> tuple[str, str] | None:
        """The home and the name of the stem in this first folder that sent the thread's latest request.

        Its request may be waiting in a lane. The thread's later requests from that folder stay behind it.
        """
        ...

    def has_turn(self, thread: str) -> bool:
        """Whether the thread has a turn. A request for the first one may be on its way: see `ahead`."""
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
        """Store a decision on an upload of a thread, all of it or nothing. Raises Outdated.

        `left` is the stem's former thread, if it was another; photos that waited there wait no longer.
        """
        ...

    def join(self, text: Upload, apart: Stem, stem: str) -> None:
        """Store that a text, whose own stem is `apart`, belongs to a photo of another stem. Raises Outdated."""
        ...

    def leave_wordless(self, photo: Upload, *, until: float) -> None:
        """Keep a photo for its folder's words until then."""
        ...

    def wordless(self, folder: Upload, most: int, *, now: float) -> list[Upload]:
        """Photos that were kept for these words of a folder, at most so many."""
        ...

    def take_up(self, photo: Upload) -> None:
        """Record that a photo no longer waits for its folder's words."""
        ...

    def sent(self, home: str, name: str, stem: Stem) -> None:
        """Record that the stem's outbox is in its queue."""
        ...


class UploadEvents(Protocol):
    """The queue in which S3 announces uploads."""

    def announce(self, uploads: Sequence[Upload]) -> None:
        """Announce up to ten uploads again."""
        ...


class Lanes(Protocol):
    """A share of the requests' queue for each source of many requests, so that other sources need not wait for it.

    A lane has a number of places. A request takes one before it is sent and holds it until it has ended. If the ledger
    never learns of the request, the place is free again after `LANE_HELD_SECONDS`.
    """

    def enter(self, lane: str, thread_id: str, request_id: str) -> bool:
        """Take a place, or keep the one that the request has. Return False if the lane is full."""
        ...
