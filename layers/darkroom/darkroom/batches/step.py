"""A step: all the work on a batch that is possible now. It settles lines that have ended, and sends the next ones.

Each line is stored before it is sent, together with the place in the file. So a crash skips no line. A line that may
or may not have been sent is sent again, and the ledger recognises it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from darkroom.batches import csv_file, line_reader
from darkroom.batches.batch_file import BatchFile
from darkroom.batches.line_reader import Line, Place
from darkroom.batches.ports import Answered, BatchState, Outcomes, Progress, Sent
from darkroom.domain import keys, outcome, request_file
from darkroom.domain.outcome import Failure, Status
from darkroom.domain.ports import Done, Forgotten, Held, ObjectStore, QueueSender, Reused
from darkroom.domain.request import Request
from darkroom.domain.request_schema import ImageRef, RequestRules
from darkroom.domain.timing import BATCH_SPARE_SECONDS
from darkroom.domain.upload import OWN_FOLDER, Owner
from darkroom.errors import NO_KEY_OF_ITS_OWN, DarkroomError, FieldFault, Rejected, Unreadable, invalid
from darkroom.turns import handler
from darkroom.turns.publisher import turn_key

MAX_OPEN = 500  # lines under way at once: one item lists them all
MESSAGE_CHARACTERS = 1000  # so that the answers of the largest batch fit on a function's disk
_UNSENT = "the batch file was deleted before this line was sent"
_UNSURE = "the batch file was deleted, and this line may not have been sent"


class Gone(DarkroomError):
    """The batch file was deleted."""


@dataclass(frozen=True, slots=True)
class BatchDependencies:
    """The ports and settings of a batch.

    `places` is how many of its lines may be under way at once; `rules` are the stack's.
    """

    objects: ObjectStore
    state: BatchState
    outcomes: Outcomes
    requests: QueueSender
    places: int
    results_bucket: str
    rules: RequestRules
    clock: Callable[[], float] = time.time


def lines_of(dependencies: BatchDependencies, batch: BatchFile, start: Place) -> Iterator[Line]:
    """The file's lines, or its rows, from a place on. Raises Gone, or Rejected if it is no table or cannot be read."""

    def part(offset: int) -> bytes:
        try:
            piece = dependencies.objects.part(batch.ref, offset)
        except Unreadable as locked:
            said = f"the file {batch.key!r} is there, and may not be read"
            raise Rejected("unreadable", said, hint=NO_KEY_OF_ITS_OWN) from locked
        if piece is None:
            raise Gone(f"{batch.key} is gone")
        return piece

    return csv_file.read(part, start, dependencies.rules.options) if batch.is_table else line_reader.read(part, start)


def request_of(line: Line, batch: BatchFile, rules: RequestRules) -> Request:
    """The request in a line of a batch. Raises Rejected with the number of the line or the row."""
    try:
        if line.data is None:
            raise invalid([FieldFault("body", line.fault)], request_file.LINE_REMEDY)
        asked = request_file.of_line(line.data, folder=batch.folder, stem=batch.stem, rules=rules)
        own = f"{batch.stem}/{asked.request_id}" if batch.folder.path else batch.stem  # <stem>/ is another's folder
        owner = Owner(batch.bucket, batch.key, batch.stem, keys.thread_of(own))
        if rules.keeps_folders_apart and (faults := owner.strangers(asked.thread_id, asked.images)):
            raise invalid(faults, OWN_FOLDER)
    except Rejected as rejection:
        said = f"{'row' if batch.is_table else 'line'} {line.after.number}: {rejection.message}"
        raise Rejected(rejection.code, said, hint=rejection.hint, param=rejection.param) from rejection
    return asked


class BatchStep:
    """One step of a batch. `progress` is its state before the step; `time_left` returns the remaining seconds.

    `is_stopped`: a person stopped the batch, and unsent lines are answered as cancelled.
    """

    def __init__(
        self,
        dependencies: BatchDependencies,
        batch: BatchFile,
        progress: Progress,
        time_left: Callable[[], float],
        *,
        is_stopped: bool = False,
    ) -> None:
        self._dependencies = dependencies
        self._batch = batch
        self._time_left = time_left
        self._lines = lines_of(dependencies, batch, progress.read)
        self._is_stopped = is_stopped
        self._is_gone = False
        self._ids: Mapping[int, str | None] | None = None  # loaded if the file is gone
        self._open = [dependencies.state.sent(batch.name, position) for position in progress.open]
        self._unheard = set(progress.open)  # refusals are rare, so each line is checked for one once a step
        self.progress = progress

    def work(self) -> Progress:
        """Work for as long as lines move and time is left."""
        self._send_again()
        while self._settle() + self._feed():
            continue
        return self.progress

    def _has_time(self) -> bool:
        return self._time_left() > BATCH_SPARE_SECONDS

    def _send_again(self) -> None:
        """Send stored lines again that may not be in the queue. Their message ids are needed to find refusals."""
        for line in [line for line in self._open if line.message_id is None]:
            try:
                asked = self._parsed(self._read(lines_of(self._dependencies, self._batch, line.place)))
            except Gone:
                if self._status(line) is None:
                    self._end(self.progress, line.position, line.custom_id, error=outcome.failure(_gone(_UNSURE)))
                continue
            self._send(self.progress, line, asked)

    # Lines that have ended.

    def _settle(self) -> int:
        settled = 0
        for line in list(self._open):
            if self._has_time() and self._is_settled(line):
                settled += 1
        return settled

    def _status(self, line: Sent) -> Done | Forgotten | Held | Reused | None:
        request_id = request_file.request_id_of(line.custom_id)
        return self._dependencies.outcomes.status(line.thread, request_id, line.fingerprint)

    def _is_settled(self, line: Sent) -> bool:
        status = self._status(line)
        if isinstance(status, Done):
            ended = status.outcome
            if ended.timing.finished_at >= outcome.timestamp(self.progress.began_at):  # otherwise an earlier batch paid
                self.progress = replace(self.progress, paid_calls=self.progress.paid_calls + ended.cost.paid_calls)
            result = f"s3://{self._dependencies.results_bucket}/{turn_key(ended)}"
            self._end(self.progress, line.position, line.custom_id, ended.status, result, ended.error)
            return True
        error = None if isinstance(status, Held) else self._refusal(line, status)
        if error:
            self._end(self.progress, line.position, line.custom_id, error=error)
        return error is not None

    def _refusal(self, line: Sent, status: Forgotten | Reused | None) -> Failure | None:
        """The reason why the line's message takes no turn, if that is known."""
        if status:
            return outcome.failure(handler.taken(line.custom_id, status))
        if line.position not in self._unheard or line.message_id is None:
            return None
        self._unheard.remove(line.position)
        key = keys.rejected_message_key(line.message_id)
        told = self._dependencies.objects.read(ImageRef(self._dependencies.results_bucket, key))
        return Failure(**json.loads(told.data)["error"]) if told else None

    # The next lines.

    def _feed(self) -> int:
        fed = 0
        while self._has_room() and self._has_time():
            self._take_next()
            fed += 1
        return fed

    def _has_room(self) -> bool:
        are_under_way = len(self.progress.open)
        if self._may_be_spent and are_under_way and not self._is_stopped:
            return False  # only when those have ended is it known whether a call is left
        has_place = self._is_stopped or are_under_way < min(self._dependencies.places, MAX_OPEN)
        return self.progress.position < self.progress.total and has_place

    @property
    def _may_be_spent(self) -> bool:
        """Whether the lines under way may use up the calls that the first line allows."""
        progress = self.progress
        return 0 < progress.max_calls <= progress.paid_calls + len(progress.open)

    def _take_next(self) -> None:
        position = self.progress.position + 1
        line = self._read_next()
        if line is None:
            unread = replace(self.progress, position=position)
            self._end(unread, position, self._known_id(position), error=outcome.failure(_gone(_UNSENT)))
            return
        read, named = replace(self.progress, position=position, read=line.after), request_file.custom_id(line.data)
        try:
            asked = self._parsed(line)
            if self._is_stopped:
                raise Rejected("cancelled", "the batch was stopped before this line was sent")
            if self._may_be_spent:
                raise _budget_exhausted(self.progress.max_calls)
        except Rejected as rejection:
            self._end(read, position, named, error=outcome.failure(rejection))
        else:
            sent = Sent(position, str(named), asked.thread_id, asked.fingerprint, self.progress.read)
            self._send(replace(read, open=(*read.open, position)), sent, asked)

    def _known_id(self, position: int) -> str | None:
        """The stored id of a line that cannot be read any more."""
        if self._ids is None:
            self._ids = self._dependencies.state.ids(self._batch.name)
        return self._ids.get(position)

    def _read_next(self) -> Line | None:
        """The next line; None if the file is gone."""
        if not self._is_gone:
            try:
                return self._read(self._lines)
            except Gone:
                self._is_gone = True
        return None

    def _read(self, following: Iterator[Line]) -> Line:
        """The next non-blank line. There is one, because the lines were counted."""
        return next(line for line in following if not line.is_blank and not self._is_bound(line))

    def _is_bound(self, line: Line) -> bool:
        return line.after.number == 1 and self.progress.max_calls > 0

    def _parsed(self, line: Line) -> Request:
        return request_of(line, self._batch, self._dependencies.rules)

    def _send(self, progress: Progress, line: Sent, asked: Request) -> None:
        """Store the line, send it, and store its message's id. Each try has its own deduplication id."""
        self._save(progress, line)
        number = f"{self._batch.name}/{line.position}/{self.progress.version}"
        message_id = self._dependencies.requests.send(
            asked.body, asked.thread_id, asked.request_id, deduplication_id=number
        )
        self._save(self.progress, replace(line, message_id=message_id))

    def _end(
        self,
        progress: Progress,
        position: int,
        custom_id: str | None,
        status: Status = "failed",
        result: str | None = None,
        error: Failure | None = None,
    ) -> None:
        told = asdict(replace(error, message=error.message[:MESSAGE_CHARACTERS])) if error else None
        text = json.dumps(
            {"custom_id": custom_id, "status": status, "result": result, "error": told}, ensure_ascii=False
        )
        ended = replace(
            progress,
            open=tuple(other for other in progress.open if other != position),
            succeeded=progress.succeeded + int(status == "succeeded"),
            failed=progress.failed + int(status == "failed"),
            cancelled=progress.cancelled + int(error is not None and error.code == "cancelled"),
        )
        self._save(ended, Answered(position, text))

    def _save(self, progress: Progress, line: Sent | Answered) -> None:
        self.progress = self._dependencies.state.save(
            self._batch.name, replace(progress, moved_at=self._dependencies.clock()), line
        )
        others = [other for other in self._open if other.position != line.position]
        self._open = [*others, line] if isinstance(line, Sent) else others


def _budget_exhausted(max_calls: int) -> Rejected:
    said = f"the file's first line allows {max_calls} calls, and they are used up"
    hint = "Raise max_calls and upload the file again: lines that have their outcome are not paid again."
    return Rejected("budget_exhausted", said, hint=hint)


def _gone(message: str) -> Rejected:
    return Rejected("invalid_request", message, hint="Upload the file again, and leave it there until it is done.")
