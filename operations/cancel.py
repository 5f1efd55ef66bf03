"""Cancels what waits: `python -m operations.cancel THREAD [REQUEST …] [--stack NAME | --port PORT]`.

Without requests it cancels all that the thread was asked up to now. `--batch KEY` stops a batch file instead: the
lines that were not sent are answered as `cancelled`, and those that were sent go on. What is being called, or was
answered, ends as it would have: it is paid.
"""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.cancellations import Cancellations
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.domain import keys
from darkroom_client.batches import newest_batch
from darkroom_client.stacks.stack import Stack
from operations import command


class Cancel:
    """Cancels in one stack. `say` is told a line for each thing that is cancelled. `now` is AWS's clock, in seconds."""

    def __init__(
        self,
        stack: Stack,
        say: Callable[[str], None],
        *,
        now: Callable[[], int] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bucket = stack.outputs["UploadsBucket"]
        self._table = Table(stack.dynamodb, stack.outputs["ThreadsTable"])
        self._now = now or stack.now
        self._marks = Cancellations(self._table)
        self._uploads = DynamoUploadState(self._table)
        self._say = say
        self._sleep = sleep

    def requests(self, thread_id: str, request_ids: Sequence[str]) -> None:
        """Cancels these requests of a thread, those too that have not been sent yet."""
        self._marks.cancel(thread_id, request_ids)
        for request_id in request_ids:
            self._say(f"cancelled  {request_id} of {thread_id}")

    def thread(self, thread_id: str) -> None:
        """Cancels all that the thread was asked up to now, and what its uploads are about to ask."""
        left = self._uploads.outboxes(thread_id)
        if left:
            self._marks.cancel(thread_id, left)
        until = self._second_that_is_over()
        self._marks.cancel_until(thread_id, until)
        for request_id in left:
            self._say(f"cancelled  {request_id} of {thread_id}, which was about to be sent")
        self._say(f"cancelled  all that {thread_id} was asked up to {until}")
        if waiting := self._uploads.waiting(thread_id):
            said = f"{len(waiting)} photos wait for words. Nothing is paid for them before words come"
            self._say(f"{said}: delete those that shall not go.")

    def batch(self, key: str) -> None:
        """Stops the newest batch of this upload key. Raises Trouble where there is none."""
        DynamoBatchState(self._table).stop(newest_batch(self._table, self._bucket, key).name)
        self._say(f"stopped    {key}: lines that were not sent are answered as cancelled")

    def _second_that_is_over(self) -> str:
        """The newest second of AWS's clock that is over, to its last millisecond: what is asked later is not meant."""
        second = self._now()
        while self._now() == second:
            self._sleep(0.1)
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.999Z")


def main() -> int:
    options = command.options("cancel", "Cancels what waits.")
    options.add_argument("thread", nargs="?", help="the thread")
    options.add_argument("requests", nargs="*", metavar="request", help="its requests; default: all that it was asked")
    options.add_argument("--batch", metavar="KEY", help="stop the batch file of this key instead")
    given = options.parse_args()
    if (given.thread is None) == (given.batch is None):
        options.error("name a thread, or a batch with --batch")
    try:
        thread = given.thread and keys.thread_id(given.thread)
    except ValueError as invalid:
        options.error(f"{given.thread!r} is no thread: it {invalid}")

    def work(stack: Stack) -> None:
        cancel = Cancel(stack, command.say)
        if given.batch:
            cancel.batch(given.batch)
        elif given.requests:
            cancel.requests(thread, given.requests)
        else:
            cancel.thread(thread)

    return command.run(given, work)


if __name__ == "__main__":
    sys.exit(main())
