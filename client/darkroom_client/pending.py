"""A request that was sent, until it has ended."""

import json
import time
from collections.abc import Callable

from botocore.exceptions import ClientError

from darkroom.domain import keys
from darkroom.domain.request import Request
from darkroom_client.errors import TimedOut
from darkroom_client.results import PAUSED, Result, Waiting, of_document, waiting_of
from darkroom_client.stacks.aws_errors import READER, translated
from darkroom_client.stacks.stack import Stack
from darkroom_client.thread import Thread

FIRST_LOOK_SECONDS = 0.5
LONGEST_LOOK_SECONDS = 5.0
GROWTH = 1.2  # of the pause between two looks
TAKEN_UP_SECONDS = 10  # a request that lies longer in the queue may lie there because of a pause


class PendingTurn:
    """A request in a thread. `message_id` is its message's, as SQS named it."""

    def __init__(
        self,
        stack: Stack,
        request: Request,
        message_id: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stack = stack
        self._clock = clock
        self._sleep = sleep
        self._sent_at = clock()
        self._thread = Thread(stack, request.thread_id)
        self.request = request
        self.message_id = message_id

    @property
    def thread_id(self) -> str:
        return self.request.thread_id

    @property
    def request_id(self) -> str:
        return self.request.request_id

    def wait(self, timeout: float | None = None) -> Result:
        """The result, as soon as there is one; `timeout` in seconds, None waits for as long as it takes.

        Raises Failed where it ended without a picture, and TimedOut where it has not ended.
        """
        deadline = None if timeout is None else self._clock() + timeout
        pause = FIRST_LOOK_SECONDS
        while (result := self.result()) is None:
            left = pause if deadline is None else deadline - self._clock()
            if left <= 0:
                raise self.timed_out(timeout or 0.0)
            self._sleep(min(pause, left))
            pause = min(pause * GROWTH, LONGEST_LOOK_SECONDS)
        return result.raise_for_status()

    def result(self) -> Result | None:
        """How it ended, or None. It reads this request's own item and, where there is one, its refusal."""
        return self._stack.up_to_date(lambda: self._ended() or self._refused())

    def waiting(self) -> Waiting | None:
        """The reason of its wait, or None where nothing has taken it up yet, or it has ended.

        A request that nothing has taken up waits for a pause to end, where there is one and the caller may know it.
        """
        entry = self._stack.up_to_date(lambda: self._thread.request(self.request_id))
        if not entry and self._clock() - self._sent_at > TAKEN_UP_SECONDS and self._stack.seems_paused():
            return Waiting(self.request_id, self.request.instruction, PAUSED, None, None)
        return waiting_of(entry, self._stack) if entry.get("state") == "open" else None

    def timed_out(self, seconds: float) -> TimedOut:
        """That it has not ended within so many seconds, and what it waits for."""
        waiting = self.waiting()
        how = waiting or "nothing has taken it up yet; it lies in the queue"
        message = f"{self.request_id} of {self.thread_id} has not ended after {seconds:g} s: {how}."
        hint = None if waiting else "`darkroom status` says whether the stack is paused."
        return TimedOut(message, waiting, hint)

    def _ended(self) -> Result | None:
        entry = self._thread.request(self.request_id)
        is_over = entry.get("state") == "done" and entry["fingerprint"] == self.request.fingerprint
        return self._thread.turn(entry["turn"]) if is_over else None

    def _refused(self) -> Result | None:
        """The refusal of a request that took no turn has its message's id."""
        s3, bucket = self._stack.s3, self._stack.outputs["ResultsBucket"]
        with translated(READER):
            try:
                found = s3.get_object(Bucket=bucket, Key=keys.rejected_message_key(self.message_id))
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                    return None
                raise
            return of_document(json.load(found["Body"]), s3)
