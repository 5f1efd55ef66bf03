"""A FIFO queue in memory, as strict as SQS: groups that block, handles that expire, a dead-letter queue.

It is held to the same contract as SQS (`tests/contract/test_queue.py`).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from darkroom.domain.message import Message
from darkroom.errors import Fault
from tests.guarantees.memory.chains import NO_LINEAGE, Lineage

DEDUPLICATION_SECONDS = 300
MAX_IN_FLIGHT_SECONDS = 43_200
UNAGED_AFTER_RECEIVES = 3


@dataclass
class Entry:
    """A message in the queue. It is in flight until `visible_at`."""

    message_id: str
    group: str
    body: str
    sent_at: float
    receives: int = 0
    receipt: str = ""
    received_at: float = 0.0
    visible_at: float = 0.0
    lineage: Lineage = field(default_factory=dict)


class FifoQueue:
    """One queue. `dead` gets messages after `most_receives` receives; `kept_seconds` is the life of a message."""

    def __init__(
        self,
        clock: Callable[[], float],
        name: str = "message",
        *,
        visibility: float = 900,
        most_receives: int = 1000,
        dead: "FifoQueue | None" = None,
        kept_seconds: float = 14 * 86_400,
    ) -> None:
        self._clock = clock
        self._visibility = visibility
        self._most_receives = most_receives
        self._dead = dead
        self._kept_seconds = kept_seconds
        self._sent: dict[tuple[str, str], tuple[float, str]] = {}
        self._ids = (f"{name}-{number}" for number in itertools.count(1))
        self._receipts = itertools.count(1)
        self.entries: list[Entry] = []
        self.forgotten: list[Entry] = []
        self.copies: set[tuple[str, str]] = set()  # requests, by thread and id, with a copy in this queue

    def send(self, body: str, group: str, deduplication_id: str, *, lineage: Lineage = NO_LINEAGE) -> str:
        """Send a message. Return its id, or the first one's if this is its duplicate within five minutes."""
        now = self._clock()
        at, message_id = self._sent.get((group, deduplication_id), (float("-inf"), ""))
        if now - at < DEDUPLICATION_SECONDS:
            return message_id
        message_id = next(self._ids)
        self._sent[group, deduplication_id] = now, message_id
        self.entries.append(Entry(message_id, group, body, now, lineage=lineage))
        return message_id

    def receive(self, most: int = 10, *, most_groups: int = 10) -> list[Message]:
        """The next messages, in order within a group. A group with a message in flight gives none."""
        now = self._clock()
        self._forget(now)
        blocked = {entry.group for entry in self.entries if entry.visible_at > now}
        received: list[Message] = []
        for entry in [entry for entry in self.entries if entry.group not in blocked]:
            groups = {message.group for message in received}
            if len(received) == most or (entry.group not in groups and len(groups) == most_groups):
                continue
            if entry.receives >= self._most_receives and self._dead is not None:
                self.entries.remove(entry)
                letter = Entry(entry.message_id, entry.group, entry.body, entry.sent_at, lineage=entry.lineage)
                self._dead.entries.append(letter)
                continue
            entry.receives += 1
            entry.receipt = f"{entry.message_id}/{next(self._receipts)}"
            entry.received_at, entry.visible_at = now, now + self._visibility
            received.append(
                Message(entry.message_id, entry.group, entry.body, entry.receipt, entry.sent_at, entry.receives)
            )
        return received

    def hide(self, message: Message, seconds: float) -> None:
        """See `batch.Queue`. Raises Fault if the message is not in flight by this handle."""
        entry, now = self._entry(message), self._clock()
        if entry is None or entry.receipt != message.receipt_handle or entry.visible_at <= now:
            raise Fault("ChangeMessageVisibility: ReceiptHandleIsInvalid")
        until = now + max(0, round(seconds))
        if until > entry.received_at + MAX_IN_FLIGHT_SECONDS:
            raise Fault("ChangeMessageVisibility: InvalidParameterValue")
        entry.visible_at = until

    def show(self, receipt: str) -> None:
        """Make a message visible by the handle of its last receipt. Any other handle does nothing."""
        for entry in self.entries:
            if entry.receipt == receipt and entry.visible_at > self._clock():
                entry.visible_at = self._clock()

    def end(self, message: Message) -> None:
        """See `batch.Queue`. Raises Fault if the handle has expired. Ending a missing message is no fault."""
        entry = self._entry(message)
        if entry is None:
            return
        if entry.receipt != message.receipt_handle or entry.visible_at <= self._clock():
            raise Fault("DeleteMessage: ReceiptHandleIsInvalid")
        self.entries.remove(entry)

    @property
    def next_visible_at(self) -> float:
        """The first moment at which some group has a message and none in flight."""
        groups: dict[str, float] = {}
        for entry in self.entries:
            groups[entry.group] = max(entry.visible_at, groups.get(entry.group, 0))
        return min(groups.values(), default=0)

    @property
    def age_of_oldest(self) -> float:
        """SQS's `ApproximateAgeOfOldestMessage`, which leaves out messages that were received three times or more."""
        counted = [entry.sent_at for entry in self.entries if entry.receives < UNAGED_AFTER_RECEIVES]
        return self._clock() - min(counted, default=self._clock())

    def lineage(self, message: Message) -> Lineage:
        """The functions that were invoked on the way to a message, and how often."""
        entry = self._entry(message)
        return entry.lineage if entry else NO_LINEAGE

    def _entry(self, message: Message) -> Entry | None:
        return next((entry for entry in self.entries if entry.message_id == message.message_id), None)

    def _forget(self, now: float) -> None:
        """Delete the messages that are older than the queue keeps them."""
        old = [entry for entry in self.entries if now - entry.sent_at > self._kept_seconds]
        self.forgotten += old
        self.entries = [entry for entry in self.entries if entry not in old]
