"""The use case of batches: a file of requests, a line each, is worked on in ticks until all of its lines have ended.

count its lines - settle what has ended, send the next - come again - write the answers
"""

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import IO

from darkroom import batch_file, naming, outcome, provenance
from darkroom.batch_file import MOST_LINES, BatchFile
from darkroom.errors import Outdated, Rejected, Unavailable
from darkroom.message import Message
from darkroom.outcome import Timing, Uploaded
from darkroom.ports import Outbox
from darkroom.publication import Publication
from darkroom.tick import SPARE_SECONDS, Gone, Tick, World, lines_of
from darkroom.upload_ports import Memory, Progress

ANSWER_SECONDS = 30  # to write the answers to a batch of the most lines
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
WAIT_SHARE = 0.25  # of the time in which nothing has moved
RENEWED_AFTER_SECONDS = 24 * 3600  # SQS forgets a message after fourteen days, and a batch may take longer
MOST_LINES_IN_ALL = 4 * MOST_LINES  # blank ones too: no tick could read past endlessly many
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """What became of a batch, or of this message of it, in a word; and of its lines."""

    key: str
    became: str
    total: int = 0
    succeeded: int = 0
    failed: int = 0


class Batches:
    """Works on the messages of the batches' queue; see `batch.Answers`."""

    def __init__(self, world: World, memory: Memory, batches: Outbox, publication: Publication) -> None:
        self._world = world
        self._memory = memory
        self._batches = batches
        self._publication = publication

    def answer(self, message: Message, time_left: Callable[[], float]) -> BatchEnded:
        """What became of the batch. Raises Unavailable while its lines are on their way."""
        batch = batch_file.from_body(message.body)
        try:
            return self._worked_on(batch, time_left)
        except Gone:
            return BatchEnded(batch.key, "gone")
        except Rejected as rejection:
            self._refuse(batch, message, rejection)
            return BatchEnded(batch.key, rejection.code)
        except Outdated as outdated:
            raise Unavailable("held", "another worker has this batch in hand") from outdated
        except Unavailable:
            if self._world.clock() < message.sent_at + RENEWED_AFTER_SECONDS:
                raise
        self._batches.send(message.body, batch.key, batch.name, deduplication_id=f"after {message.message_id}")
        return BatchEnded(batch.key, "renewed")

    def was_abandoned(self, message: Message) -> bool:  # noqa: ARG002 - see `batch.Answers`
        """Lines are small work, which takes no worker along."""
        return False

    def _worked_on(self, batch: BatchFile, time_left: Callable[[], float]) -> BatchEnded:
        progress = self._counted(batch, self._world.register.progress(batch.name), time_left)
        progress = Tick(self._world, batch, progress, time_left).work()
        if progress.position < progress.total or progress.open:
            raise Unavailable("held", "its lines are on their way", retry_after=self._wait(progress))
        if time_left() < ANSWER_SECONDS:
            raise Unavailable("time", "too little of this invocation's time is left for the answers", retry_after=0)
        newest = self._memory.stem(batch.home, batch.stem).seen[batch.extension]
        if newest.generation == batch.generation:  # the answers to what was replaced have no place any more
            self._write_answers(batch, progress)
            became = "answered"
        else:
            became = "replaced"
        return BatchEnded(batch.key, became, progress.total, progress.succeeded, progress.failed)

    def _counted(self, batch: BatchFile, progress: Progress, time_left: Callable[[], float]) -> Progress:
        """Before the first line is sent, so that a file with too many of them costs nothing."""
        if progress.is_counted:
            return progress
        for line in lines_of(self._world, batch, progress.counted):
            if line.after.number == 1 and line.data and line.data.startswith(UTF_16):
                raise _refused("the file is UTF-16", "Save it as UTF-8 and upload it again.")
            progress = replace(progress, counted=line.after, total=progress.total + int(not line.is_blank))
            if progress.total > MOST_LINES:
                raise _refused(f"the file has more than {MOST_LINES:,} lines", "Split it into several files.")
            if line.after.number > MOST_LINES_IN_ALL:
                said = f"the file has more than {MOST_LINES_IN_ALL:,} lines, most of them blank"
                raise _refused(said, "Take the blank ones out.")
            if time_left() < SPARE_SECONDS:
                self._world.register.save(batch.name, replace(progress, moved_at=self._world.clock()))
                raise Unavailable("time", "its lines are being counted", retry_after=0)
        if not progress.total:
            raise _refused("the file has no line that says anything", "Write a request into each line.")
        known = replace(progress, is_counted=True, moved_at=self._world.clock())
        return self._world.register.save(batch.name, known)

    def _wait(self, progress: Progress) -> float:
        wait = WAIT_SHARE * (self._world.clock() - progress.moved_at)
        return min(LONGEST_WAIT_SECONDS, max(SHORTEST_WAIT_SECONDS, wait))

    def _write_answers(self, batch: BatchFile, progress: Progress) -> None:
        manifest = {"total": progress.total, "succeeded": progress.succeeded, "failed": progress.failed}
        with tempfile.TemporaryFile() as answers:
            for text in self._world.register.answers(batch.name):
                answers.write(text.encode() + b"\n")
            answers.seek(0)
            self._write(batch_file.answer_key(batch.key), answers, "application/jsonl", batch)
        self._write(
            batch_file.manifest_key(batch.key), io.BytesIO(json.dumps(manifest).encode()), "application/json", batch
        )

    def _write(self, key: str, data: IO[bytes], media_type: str, batch: BatchFile) -> None:
        origin = provenance.metadata(None, None, batch.ref)
        self._world.objects.write(self._world.results_bucket, key, data, media_type, origin)

    def _refuse(self, batch: BatchFile, message: Message, rejection: Rejected) -> None:
        asked, now = outcome.timestamp(message.sent_at), outcome.timestamp(self._world.clock())
        refused = outcome.refusal(
            rejection,
            timing=Timing(asked, None, now, None),
            attempts=message.receive_count,
            upload=Uploaded(batch.bucket, batch.key, batch.etag, batch.version_id),
        )
        self._publication.announce(refused, naming.rejected_upload_key(batch.key, batch.etag))


def _refused(message: str, hint: str) -> Rejected:
    return Rejected("invalid_request", message, hint=hint, param="body")
