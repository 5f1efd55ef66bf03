"""The uploads of a thread, and the memory of them.

An upload is the thread's by its key, or by what its metadata or its photo's metadata names; and so is each picture
that the thread was asked with, wherever it lies.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom.aws.dynamodb.upload_state import PARTITIONS, DynamoUploadState
from darkroom.aws.s3 import S3Objects
from darkroom.domain import keys, upload
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.timing import LEDGER_KEPT_SECONDS
from darkroom.domain.upload import Upload
from darkroom.errors import Rejected, TooLarge, Unreadable
from darkroom.uploads.pairing import Stem
from darkroom.uploads.partners import named_thread
from darkroom_client.operating.erasing.objects import Version, Versions
from darkroom_client.operating.erasing.receipt import Receipt

SHARED = ("batch", "folder_instruction", "noise")  # kinds of files that are no one thread's
MAX_REQUEST_BYTES = 1 << 20


class Uploads:
    """The uploads of one thread. None of them is newer than the moment that an erase began."""

    def __init__(
        self, table: Table, objects: S3Objects, versions: Versions, bucket: str, thread_id: str, receipt: Receipt
    ) -> None:
        self._table = table
        self._state = DynamoUploadState(table)
        self._objects = objects
        self._versions = versions
        self._bucket = bucket
        self._thread_id = thread_id
        self._receipt = receipt

    def open(self) -> Iterator[str]:
        """The uploads that may still become a request, in words."""
        for request_id in self._state.outboxes(self._thread_id):
            yield f"{request_id} is about to be sent"
        for photo in self._state.waiting(self._thread_id):
            if self._objects.metadata(ImageRef(photo.image.bucket, photo.image.key)) is not None:
                yield f"{photo.image.key} waits for words"

    def known(self, sources: Collection[str], since: int) -> dict[str, list[Version]]:
        """Its uploads by their keys, with their versions. `sources` are the keys of the pictures it was asked with."""
        own: dict[str, list[Version]] = {}
        for version in self._versions.below(self._bucket, ""):
            if version.key in sources or upload.of_key(self._bucket, version.key).thread == self._thread_id:
                own.setdefault(version.key, []).append(version)
        found = {key: own[key] for key in own if key in sources or self._is_its_own(self._upload(key))}
        for key in self._partners({*found, *sources}) - set(own):
            found[key] = [version for version in self._versions.below(self._bucket, key) if version.key == key]
        return {key: old for key in found if (old := [each for each in found[key] if each.modified <= since])}

    def erase(self, found: dict[str, list[Version]]) -> None:
        """Erases them for good; those last by which the others were found."""
        for key in reversed(found):
            count = self._versions.erase(self._bucket, found[key])
            self._receipt.erased("versions of uploads", f"s3://{self._bucket}/{key}", count)

    def forget(self, found: Collection[str], now: int) -> None:
        """Removes what names them, and lets their stems expire: these hold hashes, which keep a late event from being
        paid.
        """
        partition, count = PARTITIONS + self._thread_id, 0
        for item in self._table.items(partition, "ASKED"):
            if not self._state.stem(item["home"], item["stem"]).outbox:  # else it was asked meanwhile
                self._table.write(self._table.delete(partition, item["sk"]))
                count += 1
        for item in self._table.items(partition, "WAITING#"):
            if self._objects.metadata(ImageRef(**item["image"])) is None:
                self._table.write(self._table.delete(partition, item["sk"]))
                count += 1
        self._receipt.erased("names in the memory of uploads", "names in the memory of its uploads", count)
        stems = {(partition, item["sk"]) for item in self._table.items(partition, "STEM#")}
        for key in found:
            stems.add((PARTITIONS + self._upload(key).home, "STEM#" + keys.sha256(self._upload(key).stem)))
        for where in sorted(stems):
            self._expire(*where, now + LEDGER_KEPT_SECONDS)

    def _expire(self, partition: str, sk: str, at: int) -> None:
        """Not where it numbers the batches of a key, or something has come to it meanwhile, or is another thread's."""
        item: dict[str, Any] = self._table.item(partition, sk)
        is_others = item.get("thread", partition.removeprefix(PARTITIONS)) != self._thread_id
        is_batch = any(seen.get("generation") is not None for seen in item.get("seen", {}).values())
        if not item or is_others or is_batch or item.get("outbox"):
            return
        unchanged = Condition("version = :before", {"before": item["version"]})
        with suppress(ConditionFailed):
            self._table.write(self._table.update(partition, sk, {"expires_at": at}, unchanged))

    def _upload(self, key: str) -> Upload:
        return upload.of_key(self._bucket, key)

    def _stem(self, found: Upload) -> Stem:
        return self._state.stem(found.home, found.stem)

    def _is_its_own(self, found: Upload) -> bool:
        """Whether an upload is this thread's, whose key says so: its metadata, or what it says itself, goes before."""
        if found.kind in SHARED:
            return False
        ref = ImageRef(self._bucket, found.key)
        with suppress(Rejected, TooLarge, Unreadable, ValueError):  # then its key says it
            metadata = self._objects.metadata(ref) or {}
            named = named_thread(metadata) or self._stem(found).thread
            if found.kind == "request":
                named = self._named_inside(ref) or named
            return named in (None, self._thread_id)
        return True

    def _named_inside(self, ref: ImageRef) -> str | None:
        """The thread that a file of one request names. Raises ValueError where it cannot be read."""
        stored = self._objects.read(ref, most_bytes=MAX_REQUEST_BYTES)
        document = json.loads(stored.data) if stored else {}
        name = document.get("thread_id") if isinstance(document, dict) else None
        return keys.thread_id(name) if isinstance(name, str) else None

    def _partners(self, found: Collection[str]) -> set[str]:
        """The keys of texts that go with its photos: those of their stem, and those whose names are only alike."""
        partners = set[str]()
        for photo in map(self._upload, found):
            stem = self._stem(photo)
            alike = (photo.folder + slot[1:] for slot in stem.seen if slot.startswith("/"))
            of_stem = (photo.stem + slot for slot in stem.seen if not slot.startswith("/"))
            if (stem.thread or photo.thread) == self._thread_id:
                partners.update(key for key in chain(alike, of_stem) if self._upload(key).kind not in SHARED)
        return partners
