"""Cancels requests by their ids, or all that a thread was asked up to now.

A request whose call has begun ends in its usual way, because it is paid. The mark also reaches requests that lie in the
queue and that no worker has taken up yet. So it is also written for a thread that the table does not know.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from darkroom.aws.dynamodb.cancellations import Cancellations
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom_client.stacks.stack import Stack
from darkroom_client.telling import counted

NAMED = 5  # open requests, of perhaps very many


class Cancelled(NamedTuple):
    """The result of a cancel: `open` are the ids of the requests that were known and had not ended.

    `until` is the moment up to which a whole thread was cancelled. `is_known` is False where there is no such thread,
    or nothing has taken up its first request yet.
    """

    open: list[str]
    until: str | None
    is_known: bool


class Cancel:
    """Cancels in one stack. `say` hears a line for each thing that is cancelled. `now` is AWS's clock, in seconds."""

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

    def requests(self, thread_id: str, request_ids: Sequence[str]) -> Cancelled:
        """Cancels these requests of a thread, also those that have not been sent yet."""
        is_open = [each for each in self._open(thread_id) if each in request_ids]
        self._marks.cancel(thread_id, request_ids)
        for request_id in request_ids:
            self._say(f"cancelled  {request_id} of {thread_id}")
        return Cancelled(is_open, None, bool(is_open) or self._has_turns(thread_id))

    def thread(self, thread_id: str) -> Cancelled:
        """Cancels all that the thread was asked up to now, and the requests that its uploads are about to send."""
        left = self._uploads.outboxes(thread_id)
        if left:
            self._marks.cancel(thread_id, left)
        until = self._second_that_is_over()
        is_open = self._open(thread_id)
        self._marks.cancel_until(thread_id, until)
        for request_id in left:
            self._say(f"cancelled  {request_id} of {thread_id}, which was about to be sent")
        self._say(f"cancelled  all that {thread_id} was asked up to {until}")
        self._say(_told(thread_id, is_open))
        if waiting := self._uploads.waiting(thread_id):
            said = f"{counted(len(waiting), 'photo')} of {thread_id} without words: nothing is paid before words come."
            self._say(f"{said} Delete the photos that must not be asked.")
        is_known = bool(left or is_open or waiting) or self._has_turns(thread_id)
        return Cancelled([*dict.fromkeys([*left, *is_open])], until, is_known)

    def _open(self, thread_id: str) -> list[str]:
        """The requests of the thread that the ledger knows and that have not ended."""
        return [each["request_id"] for each in self._table.items(thread_id, "REQUEST#") if each["state"] == "open"]

    def _has_turns(self, thread_id: str) -> bool:
        return bool(self._table.items(thread_id, "TURN#", most=1))

    def _second_that_is_over(self) -> str:
        """The newest second of AWS's clock that is over, to its last millisecond: what is asked later is not meant."""
        second = self._now()
        while self._now() == second:
            self._sleep(0.1)
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.999Z")


def _told(thread_id: str, is_open: Sequence[str]) -> str:
    """How many open requests that reaches. Those that nothing has taken up yet lie in the queue, and are not seen."""
    if not is_open:
        return f"nothing of {thread_id} waits; a request that still lies in the queue is cancelled too"
    named = ", ".join(is_open[:NAMED]) + (f" and {len(is_open) - NAMED:,} more" if len(is_open) > NAMED else "")
    if len(is_open) == 1:
        return f"1 open request is among that: {named}. It ends as cancelled, unless its call has started"
    return f"{len(is_open):,} open requests are among that: {named}. They end as cancelled, unless a call has started"
