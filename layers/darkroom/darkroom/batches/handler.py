"""The use case of batches: a file with one request per line is handled in steps until every line has ended.

count its lines - settle what has ended, send the next - come back - write the answers
"""

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import IO

from darkroom.batches import batch_file
from darkroom.batches.batch_file import MAX_LINES, BatchFile
from darkroom.batches.line_reader import UTF_16, Line
from darkroom.batches.ports import Generations, Progress
from darkroom.batches.step import BatchDependencies, BatchStep, Gone, lines_of
from darkroom.domain import keys, outcome, request_file
from darkroom.domain.message import Message
from darkroom.domain.outcome import Timing, Uploaded
from darkroom.domain.ports import QueueSender
from darkroom.domain.timing import (
    BATCH_ANSWER_SECONDS,
    BATCH_RENEWED_AFTER_RECEIVES,
    BATCH_RENEWED_AFTER_SECONDS,
    BATCH_SPARE_SECONDS,
    BATCH_WAIT_SHARE,
    MAX_BATCH_WAIT_SECONDS,
    MIN_BATCH_WAIT_SECONDS,
)
from darkroom.errors import Outdated, Rejected, Unavailable
from darkroom.turns import provenance
from darkroom.turns.publisher import Publisher

MAX_LINES_IN_ALL = 4 * MAX_LINES  # blank ones included: no step could read past endlessly many
IDS_AT_ONCE = 500  # the longest ones fit into an item


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """The result of a batch, or of this message for it, in a word; and the counts of its lines."""

    key: str
    result: str
    total: int = 0
    succeeded: int = 0
    failed: int = 0


class BatchHandler:
    """Handles the messages of the batches' queue; see `message_batch.MessageHandler`."""

    def __init__(
        self, dependencies: BatchDependencies, generations: Generations, batches: QueueSender, publisher: Publisher
    ) -> None:
        self._dependencies = dependencies
        self._generations = generations
        self._batches = batches
        self._publisher = publisher

    def answer(self, message: Message, time_left: Callable[[], float]) -> BatchEnded:
        """The result of the batch. Raises Unavailable while its lines are on their way."""
        batch = batch_file.from_body(message.body)
        try:
            return self._worked_on(batch, time_left)
        except Gone:
            return BatchEnded(batch.key, "gone")
        except Rejected as rejection:
            self._refuse(batch, message, rejection)
            return BatchEnded(batch.key, rejection.code)
        except Outdated as outdated:
            raise Unavailable("held", "another worker holds this batch") from outdated
        except Unavailable:
            if not self._is_old(message):
                raise
        self._batches.send(message.body, batch.key, batch.name, deduplication_id=f"after {message.message_id}")
        return BatchEnded(batch.key, "renewed")

    def was_abandoned(self, message: Message) -> bool:  # noqa: ARG002 - see `message_batch.MessageHandler`
        """Return False: lines are small work, which never takes a worker down."""
        return False

    def _is_old(self, message: Message) -> bool:
        """Whether SQS might delete the message, or move it to the dead letters, before its batch ends."""
        age = self._dependencies.clock() - message.sent_at
        return age >= BATCH_RENEWED_AFTER_SECONDS or message.receive_count >= BATCH_RENEWED_AFTER_RECEIVES

    def _worked_on(self, batch: BatchFile, time_left: Callable[[], float]) -> BatchEnded:
        progress = self._counted(batch, self._dependencies.state.progress(batch.name), time_left)
        is_stopped = self._dependencies.state.is_stopped(batch.name)
        progress = BatchStep(self._dependencies, batch, progress, time_left, is_stopped=is_stopped).work()
        if progress.position < progress.total or progress.open:
            raise Unavailable("held", "its lines are on their way", retry_after=self._wait(progress))
        if time_left() < BATCH_ANSWER_SECONDS:
            raise Unavailable("time", "too little of this invocation's time is left for the answers", retry_after=0)
        newest = self._generations.generation(batch.home, batch.stem, batch.extension)
        if newest == batch.generation:  # a replaced file's answers have no place any more
            self._write_answers(batch, progress)
            result = "answered"
        else:
            result = "replaced"
        return BatchEnded(batch.key, result, progress.total, progress.succeeded, progress.failed)

    def _counted(self, batch: BatchFile, progress: Progress, time_left: Callable[[], float]) -> Progress:
        """Count the lines before the first one is sent, so that a file with too many of them costs nothing."""
        if progress.is_counted:
            return progress
        ids: list[str | None] = []
        for line in lines_of(self._dependencies, batch, progress.counted):
            bound = bound_of(line)
            is_request = not line.is_blank and not bound
            progress = replace(
                progress,
                counted=line.after,
                total=progress.total + int(is_request),
                max_calls=bound or progress.max_calls,
            )
            assert_acceptable(line, progress.total)
            ids += [request_file.custom_id(line.data)] if is_request else []
            is_late = time_left() < BATCH_SPARE_SECONDS
            if len(ids) == IDS_AT_ONCE or is_late:
                ids = self._save_ids(batch, progress, ids)
            if is_late:
                self._dependencies.state.save(batch.name, replace(progress, moved_at=self._dependencies.clock()))
                raise Unavailable("time", "its lines are being counted", retry_after=0)
        if not progress.total:
            raise _refused("the file has no line that says anything", "Write a request into each line.")
        self._save_ids(batch, progress, ids)
        now = self._dependencies.clock()
        known = replace(progress, is_counted=True, moved_at=now, began_at=now)
        return self._dependencies.state.save(batch.name, known)

    def _save_ids(self, batch: BatchFile, progress: Progress, ids: list[str | None]) -> list[str | None]:
        """Store the ids of the lines that were counted last. Return the remaining ids: none."""
        if ids:
            self._dependencies.state.save_ids(batch.name, progress.total - len(ids) + 1, ids)
        return []

    def _wait(self, progress: Progress) -> float:
        wait = BATCH_WAIT_SHARE * (self._dependencies.clock() - progress.moved_at)
        return min(MAX_BATCH_WAIT_SECONDS, max(MIN_BATCH_WAIT_SECONDS, wait))

    def _write_answers(self, batch: BatchFile, progress: Progress) -> None:
        manifest = {"total": progress.total, "succeeded": progress.succeeded, "failed": progress.failed}
        with tempfile.TemporaryFile() as answers:
            for text in self._dependencies.state.answers(batch.name):
                answers.write(text.encode() + b"\n")
            answers.seek(0)
            self._write(batch_file.answer_key(batch.key), answers, "application/jsonl", batch)
        self._write(
            batch_file.manifest_key(batch.key), io.BytesIO(json.dumps(manifest).encode()), "application/json", batch
        )

    def _write(self, key: str, data: IO[bytes], media_type: str, batch: BatchFile) -> None:
        origin = provenance.metadata(None, None, batch.ref)
        self._dependencies.objects.write(self._dependencies.results_bucket, key, data, media_type, origin)

    def _refuse(self, batch: BatchFile, message: Message, rejection: Rejected) -> None:
        asked, now = outcome.timestamp(message.sent_at), outcome.timestamp(self._dependencies.clock())
        refused = outcome.refusal(
            rejection,
            timing=Timing(asked, None, now, None),
            attempts=message.receive_count,
            upload=Uploaded(batch.bucket, batch.key, batch.etag, batch.version_id),
        )
        self._publisher.announce(refused, keys.rejected_upload_key(batch.key, batch.etag))


def bound_of(line: Line) -> int:
    """The number of calls that the file's first line allows; 0 for any other line."""
    return request_file.max_calls(line.data) if line.after.number == 1 else 0


def assert_acceptable(line: Line, total: int) -> None:
    """Raises Rejected, for the whole file, if a line shows that it cannot be a batch."""
    if line.after.number == 1 and line.data and line.data.startswith(UTF_16):
        raise _refused("the file is UTF-16", "Save it as UTF-8 and upload it again.")
    if total > MAX_LINES:
        raise _refused(f"the file has more than {MAX_LINES:,} lines", "Split it into several files.")
    if line.after.number > MAX_LINES_IN_ALL:
        said = f"the file has more than {MAX_LINES_IN_ALL:,} lines, most of them blank"
        raise _refused(said, "Take the blank ones out.")


def _refused(message: str, hint: str) -> Rejected:
    return Rejected("invalid_request", message, hint=hint, param="body")
