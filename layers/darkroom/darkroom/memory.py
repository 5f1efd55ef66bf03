"""What is remembered of uploads: one item a stem, one a photo that waits, in a partition beside the thread's own."""

import hashlib
from dataclasses import asdict, replace

from darkroom.errors import Outdated
from darkroom.pairing import Ask, Pair, Seen, Stem, Waiting
from darkroom.request import ImageRef
from darkroom.table import Condition, ConditionFailed, Table, Write
from darkroom.upload import Upload

MOST_WAITING = 100  # photos without words that are looked at; a request takes the oldest few of them
PARTITIONS = "/uploads/"  # no thread's id begins with a slash


class UploadMemory:
    """The memory of `ports`, in the threads table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def stem(self, home: str, name: str) -> Stem:
        """See `ports.Memory`."""
        item = self._table.item(PARTITIONS + home, _stem_sk(name))
        if not item:
            return Stem()
        return Stem(
            version=item["version"],
            generation=item.get("generation", 0),
            pair=Pair(**item["pair"]) if item.get("pair") else None,
            seen={extension: Seen(**seen) for extension, seen in item.get("seen", {}).items()},
            thread=item.get("thread"),
            outbox=item.get("outbox"),
            lane=item.get("lane"),
        )

    def waiting(self, thread: str) -> list[Waiting]:
        """See `ports.Memory`."""
        return [
            Waiting(item["home"], item["stem"], ImageRef(**item["image"]), item["etag"], item["at"])
            for item in self._table.items(PARTITIONS + thread, "WAITING#", most=MOST_WAITING)
        ]

    def is_known(self, thread: str) -> bool:
        """See `ports.Memory`."""
        return bool(self._table.item(PARTITIONS + thread, "ASKED") or self._table.item(thread, "THREAD"))

    def ahead(self, thread: str) -> tuple[str, str] | None:
        """See `ports.Memory`."""
        asked = self._table.item(PARTITIONS + thread, "ASKED")
        return (asked["home"], asked["stem"]) if "stem" in asked else None

    def decide(self, thread: str, arrived: Upload, stem: Stem, ask: Ask | None, waits: Waiting | None) -> Stem:
        """See `ports.Memory`."""
        known = replace(stem, version=stem.version + 1)
        partition = PARTITIONS + thread
        writes = [self._stem_put(arrived, known)]
        if ask:
            if stem.lane is not None:
                writes.append(self._table.put(partition, "ASKED", {"home": arrived.thread, "stem": arrived.stem}))
            if arrived.kind != "request":  # which says nothing of a photo that it does not name
                writes.append(self._table.delete(partition, _waiting_sk(arrived.stem)))
            for photo in ask.taken:
                writes += self._taken(partition, photo, known) if photo.stem != arrived.stem else []
        if waits:
            writes.append(self._table.put(partition, _waiting_sk(arrived.stem), asdict(waits)))
        try:
            self._table.transact(*writes)
        except ConditionFailed as failed:
            raise Outdated from failed
        return known

    def sent(self, home: str, name: str, stem: Stem) -> None:
        """See `ports.Memory`."""
        still_there = Condition("outbox = :outbox", {"outbox": stem.outbox})
        try:
            empty = {"outbox": None, "lane": None}
            self._table.updated(self._table.update(PARTITIONS + home, _stem_sk(name), empty, still_there))
        except ConditionFailed:
            return  # another worker has sent it too, which the queue and the ledger see through

    def _stem_put(self, arrived: Upload, stem: Stem) -> Write:
        document = {field: value for field, value in asdict(stem).items() if value is not None}
        unchanged = Condition("version = :before", {"before": stem.version - 1})
        new = Condition("attribute_not_exists(sk)")
        condition = new if stem.version == 1 else unchanged
        return self._table.put(PARTITIONS + arrived.thread, _stem_sk(arrived.stem), document, condition)

    def _taken(self, partition: str, photo: Waiting, stem: Stem) -> list[Write]:
        """Another stem's photo goes along: it waits no longer, and has these words from now on."""
        pair = {"etag": photo.etag, "words": stem.pair.words if stem.pair else ""}
        still_waits = Condition("attribute_exists(sk)")
        home = PARTITIONS + photo.home
        return [
            self._table.delete(partition, _waiting_sk(photo.stem), still_waits),
            self._table.update(home, _stem_sk(photo.stem), {"pair": pair}, add={"version": 1}),
        ]


def _stem_sk(name: str) -> str:
    return "STEM#" + _digest(name)


def _waiting_sk(name: str) -> str:
    return "WAITING#" + _digest(name)


def _digest(name: str) -> str:
    """Of any name, however long: a sort key has 1,024 bytes at most."""
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
