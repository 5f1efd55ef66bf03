"""Cancels what waits: requests by their ids, or all that a thread was asked up to now.

What is being called, or was answered, ends as it would have: it is paid.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from darkroom.aws.dynamodb.cancellations import Cancellations
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom_client.stacks.stack import Stack

NAMED = 5  # open requests, of perhaps very many


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

    def thread(self, thread_id: str) -> str:
        """Cancels all that the thread was asked up to now, and what its uploads are about to ask. Tells until when."""
        left = self._uploads.outboxes(thread_id)
        if left:
            self._marks.cancel(thread_id, left)
        until = self._second_that_is_over()
        self._marks.cancel_until(thread_id, until)
        for request_id in left:
            self._say(f"cancelled  {request_id} of {thread_id}, which was about to be sent")
        self._say(f"cancelled  all that {thread_id} was asked up to {until}")
        self._say(_told(thread_id, self._open(thread_id)))
        if waiting := self._uploads.waiting(thread_id):
            said = f"{len(waiting)} photos wait for words. Nothing is paid for them before words come"
            self._say(f"{said}: delete those that shall not go.")
        return until

    def _open(self, thread_id: str) -> list[str]:
        """The requests of the thread that the ledger knows and that have not ended."""
        return [each["request_id"] for each in self._table.items(thread_id, "REQUEST#") if each["state"] == "open"]

    def _second_that_is_over(self) -> str:
        """The newest second of AWS's clock that is over, to its last millisecond: what is asked later is not meant."""
        second = self._now()
        while self._now() == second:
            self._sleep(0.1)
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.999Z")


def _told(thread_id: str, is_open: Sequence[str]) -> str:
    """How many requests that is about, as far as it is known: nobody knows what lies in the queue untouched."""
    if not is_open:
        return f"nothing of {thread_id} waits; what was sent up to now and is not taken up yet is cancelled too"
    named = ", ".join(is_open[:NAMED]) + (f" and {len(is_open) - NAMED:,} more" if len(is_open) > NAMED else "")
    if len(is_open) == 1:
        return f"1 open request is among that: {named}. It ends as cancelled, unless its call has started"
    return f"{len(is_open):,} open requests are among that: {named}. They end as cancelled, unless a call has started"
