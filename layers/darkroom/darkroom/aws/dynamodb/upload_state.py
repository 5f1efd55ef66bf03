"""The state of uploads: an item for each stem and each waiting photo, in a partition beside the thread's own."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table, Write
from darkroom.domain import keys, upload
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.errors import Outdated
from darkroom.uploads import pairing
from darkroom.uploads.pairing import Ask, Pair, Seen, Stem, Waiting

PARTITIONS = "/uploads/"  # no thread's id begins with a slash
WORDLESS = "/wordless/"
MAX_FOLDERS = 100  # folders with requests in one thread that are looked at
_ASKED = "ASKED"


class DynamoUploadState:
    """The upload state of `uploads.ports`, in the threads table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def stem(self, home: str, name: str) -> Stem:
        """See `uploads.ports.UploadState`."""
        item = self._table.item(PARTITIONS + home, _stem_sk(name))
        if not item:
            return Stem()
        return Stem(
            version=item["version"],
            generation=item.get("generation", 0),
            words_sha256=item.get("words"),
            pairs={extension: Pair(pair["etag"], pair["words"]) for extension, pair in item.get("pairs", {}).items()},
            seen={extension: Seen(**seen) for extension, seen in item.get("seen", {}).items()},
            thread=item.get("thread"),
            outbox=item.get("outbox"),
            lane=item.get("lane"),
            goes_with=item.get("goes_with"),
        )

    def generation(self, home: str, stem: str, extension: str) -> int | None:
        """See `batches.ports.Generations`."""
        return self.stem(home, stem).seen[extension].generation

    def waiting(self, thread: str) -> list[Waiting]:
        """See `uploads.ports.UploadState`."""
        return [
            Waiting(item["home"], item["stem"], ImageRef(**item["image"]), item["etag"], item["at"])
            for item in self._table.items(PARTITIONS + thread, "WAITING#")
        ]

    def ahead(self, thread: str, top: str) -> tuple[str, str] | None:
        """See `uploads.ports.UploadState`. Releases up to 0.1.1 use only the first item, for all folders."""
        asked = self._table.items(PARTITIONS + thread, _ASKED, most=MAX_FOLDERS)
        own = [(item["home"], item["stem"]) for item in asked if upload.top(item["stem"]) == top]
        return own[-1] if own else None

    def outboxes(self, thread: str) -> list[str]:
        """The ids of the thread's unsent requests from uploads. Most of them wait in a lane."""
        own = self._table.items(PARTITIONS + thread, "STEM#")
        asked = {(item["home"], item["stem"]) for item in self._table.items(PARTITIONS + thread, _ASKED)}
        others = [self._table.item(PARTITIONS + home, _stem_sk(name)) for home, name in asked if home != thread]
        documents = [json.loads(item["outbox"]) for item in (*own, *others) if item.get("outbox")]
        return [document["request_id"] for document in documents if document.get("thread_id") == thread]

    def has_turn(self, thread: str) -> bool:
        """See `uploads.ports.UploadState`."""
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
        """See `uploads.ports.UploadState`."""
        partition = PARTITIONS + thread
        writes = [self._stem_put(arrived.home, arrived.stem, stem)]
        if ask:
            if stem.lane is not None:
                asked = {"home": arrived.home, "stem": arrived.stem}
                own = f"{_ASKED}#{_digest(arrived.top)}"
                writes += [self._table.put(partition, sk, asked) for sk in (_ASKED, own)]
            writes += self._taken(partition, arrived, ask)
        if waits:
            writes.append(self._table.put(partition, _waiting_sk(arrived.key), asdict(waits)))
        if arrived.kind == "photo":
            over = {left or thread, thread} - ({thread} if waits else set())
            writes += [self._table.delete(PARTITIONS + each, _waiting_sk(arrived.key)) for each in sorted(over)]
        try:
            self._table.transact(*writes)
        except ConditionFailed as failed:
            raise Outdated from failed
        return _next(stem)

    def join(self, text: Upload, apart: Stem, stem: str) -> None:
        """See `uploads.ports.UploadState`."""
        try:
            self._table.transact(self._stem_put(text.home, text.stem, replace(apart, goes_with=stem)))
        except ConditionFailed as failed:
            raise Outdated from failed

    def leave_wordless(self, photo: Upload, *, until: float) -> None:
        """See `uploads.ports.UploadState`."""
        document = {**asdict(photo), "expires_at": int(until)}
        self._table.transact(self._table.put(WORDLESS + photo.folder, _wordless_sk(photo), document))

    def wordless(self, folder: Upload, most: int, *, now: float) -> list[Upload]:
        """See `uploads.ports.UploadState`. DynamoDB removes expired items late."""
        found = self._table.items(WORDLESS + folder.folder, "PHOTO#", most=most)
        return [_photo(item) for item in found if item["expires_at"] > now]

    def take_up(self, photo: Upload) -> None:
        """See `uploads.ports.UploadState`."""
        self._table.transact(self._table.delete(WORDLESS + photo.folder, _wordless_sk(photo)))

    def sent(self, home: str, name: str, stem: Stem) -> None:
        """See `uploads.ports.UploadState`."""
        still_there = Condition("outbox = :outbox", {"outbox": stem.outbox})
        changes = {"outbox": None, "lane": None}
        empty = self._table.update(PARTITIONS + home, _stem_sk(name), changes, still_there, add={"version": 1})
        try:
            self._table.updated(empty)
        except ConditionFailed:
            return  # another worker has sent it too: the queue or the ledger drops the repetition

    def _stem_put(self, home: str, name: str, stem: Stem) -> Write:
        unchanged = Condition("version = :before", {"before": stem.version})
        condition = unchanged if stem.version else Condition("attribute_not_exists(sk)")
        return self._table.put(PARTITIONS + home, _stem_sk(name), _document(_next(stem)), condition)

    def _taken(self, partition: str, arrived: Upload, ask: Ask) -> list[Write]:
        """The writes for the request's photos: they wait no longer, and those of other stems now have these words."""
        still_waits = Condition("attribute_exists(sk)")
        writes = [self._table.delete(partition, _waiting_sk(photo.image.key), still_waits) for photo in ask.taken]
        for home, name in {(photo.home, photo.stem) for photo in ask.taken if photo.stem != arrived.stem}:
            photos = [photo for photo in ask.taken if (photo.home, photo.stem) == (home, name)]
            stem = pairing.taken_along(self.stem(home, name), photos, keys.sha256(ask.words))
            writes.append(self._stem_put(home, name, stem))
        return writes


def _next(stem: Stem) -> Stem:
    return replace(stem, version=stem.version + 1)


def _document(stem: Stem) -> dict[str, Any]:
    """The stem as it is stored, where `words_sha256` is called `words`."""
    pairs = {extension: {"etag": pair.etag, "words": pair.words_sha256} for extension, pair in stem.pairs.items()}
    document = asdict(stem) | {"words": stem.words_sha256, "pairs": pairs}
    del document["words_sha256"]
    return {field: value for field, value in document.items() if value is not None}


def _stem_sk(name: str) -> str:
    return "STEM#" + _digest(name)


def _waiting_sk(name: str) -> str:
    return "WAITING#" + _digest(name)


def _wordless_sk(photo: Upload) -> str:
    return "PHOTO#" + _digest(photo.key)


def _photo(item: Mapping[str, Any]) -> Upload:
    """The photo as it was announced. Other releases may store more or fewer fields."""
    said: dict[str, Any] = {each.name: item.get(each.name) for each in fields(Upload)}
    return Upload(**said)


def _digest(name: str) -> str:
    """The hash of a name, because a sort key is limited to 1,024 bytes."""
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
