"""A batch on its way: it is uploaded once, followed until all of its lines have ended, and stopped."""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.batches import batch_file
from darkroom.batches.ports import Progress, Sent
from darkroom.domain import keys, request_file, upload
from darkroom.errors import Outdated
from darkroom_client.batches import newest_batch
from darkroom_client.errors import Denied, Invalid, NotFound, Trouble
from darkroom_client.operating.batches.local_batch import TABLE, LocalBatch, as_lines, key_of
from darkroom_client.results import PAUSED, Waiting, waiting_of
from darkroom_client.stacks.aws_errors import OPERATOR, translated
from darkroom_client.stacks.stack import Stack
from darkroom_client.thread import Thread

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectTypeDef

ANOTHER_NAME = "Another name keeps both."
_UPLOADER = "SenderPolicyArn or OperatorPolicyArn"
FIRST_LOOK_SECONDS = 0.5
LONGEST_LOOK_SECONDS = 5.0
GROWTH = 1.2  # of the pause between two looks, while nothing moves
LOOKED_AT = 10  # open lines that show what the batch waits for


class Failure(NamedTuple):
    """A line that ended without a picture."""

    custom_id: str | None
    code: str
    message: str
    hint: str | None


class LineWait(NamedTuple):
    """A line that waits, and what for."""

    custom_id: str
    waiting: Waiting


class Standing(NamedTuple):
    """How far a batch is. Until its lines are counted, `total` is those that are counted so far. `failed` counts those
    that were `cancelled`, too.
    """

    total: int = 0
    is_counted: bool = False
    is_stopped: bool = False
    open: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    paid_calls: int = 0
    max_calls: int = 0
    began_at: float = 0.0
    moved_at: float = 0.0

    @property
    def ended(self) -> int:
        """Lines that have ended."""
        return self.succeeded + self.failed

    @property
    def is_over(self) -> bool:
        """Whether all of its lines have ended."""
        return self.is_counted and self.ended == self.total

    @property
    def ends_at(self) -> float | None:
        """When it may end, at the pace that it has had, in seconds since the epoch."""
        if not self.is_counted or not 0 < self.ended < self.total or self.is_stopped:
            return None
        return self.moved_at + (self.moved_at - self.began_at) / self.ended * (self.total - self.ended)


class Batch:
    """The newest batch of an upload key."""

    def __init__(self, stack: Stack, key: str) -> None:
        self.key = key
        self._stack = stack
        self._bucket = stack.outputs["UploadsBucket"]
        self._s3 = stack.s3
        self._table = Table(stack.dynamodb, stack.outputs["ThreadsTable"])
        self._state = DynamoBatchState(self._table)
        self._name: str | None = None
        self._etag: str | None = None  # of its upload
        self._sent: dict[int, Sent] = {}  # open lines that were looked at, by their positions
        self.answers = f"s3://{stack.outputs['ResultsBucket']}/{batch_file.answer_key(key)}"

    def another(self, local: LocalBatch) -> datetime | None:
        """When another file was uploaded under this name; None where nothing lies there, or this very file.

        Raises Trouble.
        """
        with translated(_UPLOADER):
            found = self._found()
            return found["LastModified"] if found and not self._is_it(found, local.data) else None

    def upload(self, local: LocalBatch, *, replaces: bool = False) -> bool:
        """Uploads the file, unless this very file lies there already. Whether it did.

        Raises Trouble where another file lies there and it does not replace it.
        """
        with translated(_UPLOADER):
            found = self._found()
            if found and self._is_it(found, local.data):
                self._etag = found["ETag"].strip('"')
                return False
            if found and not replaces:
                raise Trouble(f"{self.key} in {self._bucket} is another file. Nothing was uploaded.", ANOTHER_NAME)
            put = self._s3.put_object(Bucket=self._bucket, Key=self.key, Body=local.data)
            self._etag = put["ETag"].strip('"')
        return True

    def begun(self, local: LocalBatch, sleep: Callable[[float], None] = time.sleep) -> None:
        """Returns when the upload has become a batch. Raises Invalid where it was refused as a whole."""
        etags = dict.fromkeys((md5(local.data), self._etag or ""))
        file, pause = upload.of_key(self._bucket, self.key), FIRST_LOOK_SECONDS
        while True:
            with translated(OPERATOR):
                seen = DynamoUploadState(self._table).stem(file.home, file.stem).seen.get(file.extension)
                rejected = (keys.rejected_upload_key(self.key, etag) for etag in etags if etag)
                refused = next(filter(None, (self._table.item(listing.REFUSED, key) for key in rejected)), None)
            if refused:
                raise Invalid(str(refused["error"]["message"]), refused["error"]["hint"])
            if seen and seen.content in etags and seen.generation is not None:
                self._name = batch_file.uploaded(file, seen.generation).name
                return
            sleep(pause)
            pause = min(pause * GROWTH, LONGEST_LOOK_SECONDS)

    def standing(self) -> Standing:
        """How far it is. Raises Trouble where there is no such batch."""
        with translated(OPERATOR):
            known = self._state.progress(self._named())
            return _standing(known, is_stopped=self._state.is_stopped(self._named()))

    def standings(self, sleep: Callable[[float], None] = time.sleep) -> Iterator[Standing]:
        """How far it is, each time that this has changed; the last one has nothing open."""
        before, pause = Standing(), FIRST_LOOK_SECONDS
        while True:
            now = self.standing()
            pause = FIRST_LOOK_SECONDS if now != before else min(pause * GROWTH, LONGEST_LOOK_SECONDS)
            before = now
            yield now
            if now.is_over:
                return
            sleep(pause)

    def waits(self) -> list[LineWait]:
        """For each cause of waiting among its few oldest open lines, the oldest such line. Raises Trouble."""
        with translated(OPERATOR):
            first = self._state.progress(self._named()).open[:LOOKED_AT]
            waits = [wait for position in first if (wait := self._wait(position))]
        return list({each.waiting.cause: each for each in reversed(waits)}.values())[::-1]

    def failures(self) -> list[Failure]:
        """The lines that ended without a picture, in the file's order; those that were cancelled come last."""
        with translated(OPERATOR):
            answers: Iterator[Any] = map(json.loads, self._state.answers(self._named()))
            failures = [
                Failure(each["custom_id"], each["error"]["code"], each["error"]["message"], each["error"].get("hint"))
                for each in answers
                if each["error"]
            ]
        return sorted(failures, key=lambda each: each.code == "cancelled")

    def stop(self) -> None:
        """Stops it: lines that were not sent are answered as cancelled. Raises Trouble where it is not there."""
        with translated(OPERATOR):
            if self.standing().is_over:
                raise Trouble(f"All lines of {self.key} have ended already, and nothing was stopped.")
            self._state.stop(self._named())

    def _found(self) -> "ObjectTypeDef | None":
        """The object of its key in a listing, None where there is none."""
        listed = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self.key).get("Contents", [])
        return next((each for each in listed if each["Key"] == self.key), None)

    def _is_it(self, found: "ObjectTypeDef", data: bytes) -> bool:
        """Whether the object has these bytes. Its entity tag says so, or else, where a key of KMS encrypts it or it was
        uploaded in parts, the bytes themselves. An object that the caller may not read counts as another.
        """
        if found["ETag"].strip('"') == md5(data):
            return True
        try:
            with translated(OPERATOR):
                same_length = found["Size"] == len(data)
                return same_length and self._s3.get_object(Bucket=self._bucket, Key=self.key)["Body"].read() == data
        except Denied:
            return False

    def _wait(self, position: int) -> LineWait | None:
        """The wait of an open line; None where it is under way or has ended."""
        try:
            sent = self._sent.get(position) or self._state.sent(self._named(), position)
        except Outdated:
            return None
        self._sent[position] = sent
        request_id = request_file.request_id_of(sent.custom_id)
        entry = Thread(self._stack, sent.thread).request(request_id)
        if not entry and self._stack.seems_paused():
            return LineWait(sent.custom_id, Waiting(request_id, None, PAUSED, None, None))
        waiting = waiting_of(entry, self._stack) if entry.get("state") == "open" else None
        return LineWait(sent.custom_id, waiting) if waiting and waiting.cause else None

    def _named(self) -> str:
        if self._name is None:
            self._name = newest_batch(self._table, self._bucket, self.key).name
        return self._name


def found(stack: Stack, named: str) -> Batch:
    """The batch of a file. A table that was bounded was uploaded as lines: see `local_batch.read`."""
    key = key_of(named, stack.outputs["UploadsBucket"])
    for each in [key, as_lines(key)] if key.lower().endswith(TABLE) else []:
        with contextlib.suppress(NotFound):
            batch = Batch(stack, each)
            batch.standing()
            return batch
    return Batch(stack, key)


def md5(data: bytes) -> str:
    """The entity tag that S3 mostly gives to these bytes."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _standing(known: Progress, *, is_stopped: bool) -> Standing:
    return Standing(
        total=known.total,
        is_counted=known.is_counted,
        is_stopped=is_stopped,
        open=len(known.open),
        succeeded=known.succeeded,
        failed=known.failed,
        cancelled=known.cancelled,
        paid_calls=known.paid_calls,
        max_calls=known.max_calls,
        began_at=known.began_at,
        moved_at=known.moved_at,
    )
