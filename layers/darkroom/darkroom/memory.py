"""What is remembered of uploads: one item a stem, one a photo that waits, in a partition beside the thread's own."""

import hashlib
from dataclasses import asdict, replace

from darkroom import naming, pairing
from darkroom.errors import Outdated
from darkroom.pairing import Ask, Pair, Seen, Stem, Waiting
from darkroom.request import ImageRef
from darkroom.table import Condition, ConditionFailed, Table, Write
from darkroom.upload import Upload

PARTITIONS = "/uploads/"  # no thread's id begins with a slash


class UploadMemory:
    """The memory of `upload_ports`, in the threads table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def stem(self, home: str, name: str) -> Stem:
        """See `upload_ports.Memory`."""
        item = self._table.item(PARTITIONS + home, _stem_sk(name))
        if not item:
            return Stem()
        return Stem(
            version=item["version"],
            generation=item.get("generation", 0),
            words=item.get("words"),
            pairs={extension: Pair(**pair) for extension, pair in item.get("pairs", {}).items()},
            seen={extension: Seen(**seen) for extension, seen in item.get("seen", {}).items()},
            thread=item.get("thread"),
            outbox=item.get("outbox"),
            lane=item.get("lane"),
        )

    def waiting(self, thread: str) -> list[Waiting]:
        """See `upload_ports.Memory`."""
        return [
            Waiting(item["home"], item["stem"], ImageRef(**item["image"]), item["etag"], item["at"])
            for item in self._table.items(PARTITIONS + thread, "WAITING#")
        ]

    def ahead(self, thread: str) -> tuple[str, str] | None:
        """See `upload_ports.Memory`."""
        asked = self._table.item(PARTITIONS + thread, "ASKED")
        return (asked["home"], asked["stem"]) if "stem" in asked else None

    def has_turn(self, thread: str) -> bool:
        """See `upload_ports.Memory`."""
        return bool(self._table.item(thread, "THREAD"))

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
        """See `upload_ports.Memory`."""
        partition = PARTITIONS + thread
        writes = [self._stem_put(arrived.thread, arrived.stem, stem)]
        if ask:
            if stem.lane is not None:
                writes.append(self._table.put(partition, "ASKED", {"home": arrived.thread, "stem": arrived.stem}))
            writes += self._taken(partition, arrived, ask)
        if waits:
            writes.append(self._table.put(partition, _waiting_sk(arrived.key), asdict(waits)))
        left = left or thread
        if arrived.kind == "photo" and (left != thread or not waits):
            writes.append(self._table.delete(PARTITIONS + left, _waiting_sk(arrived.key)))
        try:
            self._table.transact(*writes)
        except ConditionFailed as failed:
            raise Outdated from failed
        return _next(stem)

    def sent(self, home: str, name: str, stem: Stem) -> None:
        """See `upload_ports.Memory`."""
        still_there = Condition("outbox = :outbox", {"outbox": stem.outbox})
        changes = {"outbox": None, "lane": None}
        empty = self._table.update(PARTITIONS + home, _stem_sk(name), changes, still_there, add={"version": 1})
        try:
            self._table.updated(empty)
        except ConditionFailed:
            return  # another worker has sent it too, which the queue and the ledger see through

    def _stem_put(self, home: str, name: str, stem: Stem) -> Write:
        document = {field: value for field, value in asdict(_next(stem)).items() if value is not None}
        unchanged = Condition("version = :before", {"before": stem.version})
        condition = unchanged if stem.version else Condition("attribute_not_exists(sk)")
        return self._table.put(PARTITIONS + home, _stem_sk(name), document, condition)

    def _taken(self, partition: str, arrived: Upload, ask: Ask) -> list[Write]:
        """Photos that go along wait no longer; those of other stems have these words from now on."""
        still_waits = Condition("attribute_exists(sk)")
        writes = [self._table.delete(partition, _waiting_sk(photo.image.key), still_waits) for photo in ask.taken]
        for home, name in {(photo.home, photo.stem) for photo in ask.taken if photo.stem != arrived.stem}:
            photos = [photo for photo in ask.taken if (photo.home, photo.stem) == (home, name)]
            stem = pairing.taken_along(self.stem(home, name), photos, naming.sha256(ask.words))
            writes.append(self._stem_put(home, name, stem))
        return writes


def _next(stem: Stem) -> Stem:
    return replace(stem, version=stem.version + 1)


def _stem_sk(name: str) -> str:
    return "STEM#" + _digest(name)


def _waiting_sk(name: str) -> str:
    return "WAITING#" + _digest(name)


def _digest(name: str) -> str:
    """Of any name, however long: a sort key has 1,024 bytes at most."""
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
