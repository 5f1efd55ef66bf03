"""A thread's own partition: its requests, which become tombstones, and its turns, which go."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from darkroom.aws.dynamodb.claims import FORGOTTEN
from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table, Write
from darkroom.domain.timing import LEASE_SECONDS, LEDGER_KEPT_SECONDS
from darkroom_client.operating.erasing.receipt import Receipt

# A tombstone keeps these. Its hash tells the same request, which was answered, from another of the same id.
KEPT = frozenset(("thread_id", "sk", "request_id", "fingerprint", "state", "expires_at", FORGOTTEN))


@dataclass(frozen=True, slots=True)
class Known:
    """A thread as it is known at a moment: its requests' items in the ledger, and its turns."""

    latest_turn: int
    entries: list[dict[str, Any]]
    turns: list[dict[str, Any]]

    @property
    def open(self) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["state"] == "open"]

    @property
    def ended_ids(self) -> set[str]:
        """The requests that have ended. A request that is older than the ledger remembers still has its turn."""
        ended = (entry for entry in self.entries if entry["state"] == "done")
        return {each["request_id"] for each in chain(ended, self.turns)}

    @property
    def sources(self) -> set[tuple[str, str]]:
        """Bucket and key of each picture that it was asked with."""
        return {(source["bucket"], source["key"]) for turn in self.turns for source in turn["sources"]}

    @property
    def results(self) -> set[tuple[str, str]]:
        """Bucket and key of each picture that was made."""
        return {(image["bucket"], image["key"]) for turn in self.turns for image in turn["images"]}

    @property
    def pictures(self) -> set[str]:
        """The SHA-256 of each picture that it was asked with, or that was made."""
        return {picture["sha256"] for turn in self.turns for picture in chain(turn["sources"], turn["images"])}


class Partition:
    """The items of one thread."""

    def __init__(self, table: Table, thread_id: str, now: Callable[[], int], receipt: Receipt) -> None:
        self._table = table
        self._thread_id = thread_id
        self._now = now
        self._receipt = receipt

    def known(self) -> Known:
        """Its number is read first: a turn that comes after it keeps `remove` from what was not looked at."""
        latest = self._table.item(self._thread_id, "THREAD").get("latest_turn", 0)
        items = self._table.items
        return Known(latest, items(self._thread_id, "REQUEST#"), items(self._thread_id, "TURN#"))

    def bury(self, known: Known) -> int:
        """Makes tombstones of the requests that have ended. Returns for how many seconds their workers may still
        announce an outcome that they have read before: no other worker announces one, and none calls for it again.
        """
        now, newest = self._now(), 0
        for entry in (each for each in known.entries if each["state"] == "done"):
            if FORGOTTEN not in entry:
                self._make_tombstone(entry, now + LEDGER_KEPT_SECONDS)
                newest = now
            else:
                newest = max(newest, entry["expires_at"] - LEDGER_KEPT_SECONDS)
        return max(0, newest + LEASE_SECONDS - now)

    def _make_tombstone(self, entry: dict[str, Any], expires_at: int) -> None:
        words = dict.fromkeys(name for name in entry if name not in KEPT)
        changes = {**words, FORGOTTEN: True, "expires_at": expires_at}
        is_done = Condition("#state = :done", {"done": "done"}, ("state",))
        self._table.write(self._table.update(self._thread_id, entry["sk"], changes, is_done))
        self._receipt.erased("requests in the ledger", f"what the ledger knew of {entry['request_id']}")

    def remove(self, known: Known) -> bool:
        """Removes the turns, the newest first, and what was kept beside them. False where one more came meanwhile.

        A turn is known by its request: a thread that begins anew may have one of the same number.
        """
        for turn in reversed(known.turns):
            beside = self._table.delete(self._thread_id, f"PAST#{turn['turn']:05d}")
            is_it = Condition("attribute_not_exists(sk) OR request_id = :request", {"request": turn["request_id"]})
            self._are_gone(self._table.delete(self._thread_id, turn["sk"], is_it), beside)
        self._receipt.erased("turns", "its turns in the table", len(known.turns))
        is_newest = Condition("attribute_not_exists(sk) OR latest_turn = :newest", {"newest": known.latest_turn})
        return self._are_gone(self._table.delete(self._thread_id, "THREAD", is_newest))

    def release(self, known: Known) -> None:
        """Takes open requests out of whosever hands they are in: who began before has read what is erased now."""
        for entry in known.open:
            is_open = Condition("#state = :open", {"open": "open"}, ("state",))
            try:
                self._table.write(self._table.update(self._thread_id, entry["sk"], {"owner": ""}, is_open))
            except ConditionFailed:
                continue  # it has ended without a call

    def _are_gone(self, *deletions: Write) -> bool:
        """Deletes all of them, or none: False where a condition does not hold."""
        try:
            self._table.transact(*deletions)
        except ConditionFailed:
            return False
        return True
