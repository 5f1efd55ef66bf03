"""A batch of messages, handled in order within a group and in parallel across groups.

A heartbeat keeps the messages invisible and the claims on their requests alive, for a short time each. After a
crash another worker takes them up soon, instead of only after the function's own time-out.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import Generic, Protocol, TypeVar

from darkroom.domain.message import Message
from darkroom.domain.timing import BEAT_SECONDS, DEFAULT_WAIT_SECONDS, VISIBILITY_SECONDS
from darkroom.errors import DarkroomError, Unavailable

Ended = TypeVar("Ended")
EndedMade = TypeVar("EndedMade", covariant=True)
EndedTold = TypeVar("EndedTold", contravariant=True)


class MessageHandler(Protocol[EndedMade]):
    """The use case: the result of one message. Raises Unavailable if the message has to wait."""

    def answer(self, message: Message, time_left: Callable[[], float]) -> EndedMade: ...

    def was_abandoned(self, message: Message) -> bool: ...


class Queue(Protocol):
    """The queue of the messages."""

    def hide(self, message: Message, seconds: float) -> None: ...

    def end(self, message: Message) -> None: ...


class Telemetry(Protocol[EndedTold]):
    """Records the result of each message."""

    def ended(self, message: Message, ended: EndedTold) -> None: ...

    def deferred(self, message: Message, trouble: Unavailable) -> None: ...

    def broke(self, message: Message, error: Exception) -> None: ...

    def noted(self, error: DarkroomError) -> None:
        """A step beside the requests failed; they go on without it."""
        ...


class MessageBatch(Generic[Ended]):
    """The messages of one invocation. `renew` prolongs the claims held here; `time_left` is in seconds."""

    def __init__(
        self,
        messages: Sequence[Message],
        handler: MessageHandler[Ended],
        queue: Queue,
        telemetry: Telemetry[Ended],
        *,
        renew: Callable[[], None],
        time_left: Callable[[], float],
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self._handler = handler
        self._queue = queue
        self._telemetry = telemetry
        self._renew = renew
        self._time_left = time_left
        self._beat_seconds = beat_seconds
        self._in_hand = {message.message_id: message for message in messages}
        self._lock = threading.Lock()

    def work(self) -> list[str]:
        """Handle every message. Return the ids of the messages that stay in the queue."""
        messages = sorted(self._in_hand.values(), key=lambda message: message.group)  # stable: order is kept
        groups = [list(group) for _, group in groupby(messages, key=lambda message: message.group)]
        over = threading.Event()
        heart = threading.Thread(target=self._beat_until, args=(over,), daemon=True)
        self._beat()
        heart.start()
        try:
            return self._work(groups)
        finally:
            over.set()
            heart.join()

    def _work(self, groups: Sequence[Sequence[Message]]) -> list[str]:
        """Run the groups in parallel. A message that killed a worker runs alone, after the others, to spare them."""
        if not groups:
            return []
        left: list[str] = []
        with ThreadPoolExecutor(max_workers=len(groups)) as pool:
            suspect = list(pool.map(self._is_suspect, groups))
            trusted = [group for group, alone in zip(groups, suspect, strict=True) if not alone]
            for ids in pool.map(self._work_group, trusted):
                left += ids
        for group, alone in zip(groups, suspect, strict=True):
            if alone:
                left += self._work_group(group)
        return left

    def _is_suspect(self, group: Sequence[Message]) -> bool:
        try:
            return any(self._handler.was_abandoned(message) for message in group)
        except Exception:  # noqa: BLE001 - it fails again at the boundary below, without harm to other messages
            return True

    def _work_group(self, group: Sequence[Message]) -> list[str]:
        """Handle one message after the other, up to the first that has to wait: the later ones wait with it."""
        for position, message in enumerate(group):
            behind = tuple(later.receipt_handle for later in group[position + 1 :])
            if not self._is_done(replace(message, behind=behind), group[position:]):
                return [left.message_id for left in group[position:]]
        return []

    def _is_done(self, message: Message, rest: Sequence[Message]) -> bool:
        try:
            ended = self._handler.answer(message, self._time_left)
        except Unavailable as trouble:
            wait = DEFAULT_WAIT_SECONDS if trouble.retry_after is None else trouble.retry_after
            self._put_back(rest, wait)
            self._telemetry.deferred(message, trouble)
            return False
        except Exception as error:  # noqa: BLE001 - the one boundary: it is logged, and becomes a retry
            self._put_back(rest, VISIBILITY_SECONDS)
            self._telemetry.broke(message, error)
            return False
        self._end(message)
        self._telemetry.ended(message, ended)
        return True

    def _end(self, message: Message) -> None:
        """Delete the message now, so that the thread's next turn need not wait for the other groups. The last message
        of the batch is left to Lambda, which deletes everything that was handled when the batch ends.
        """
        with self._lock:
            del self._in_hand[message.message_id]
            is_last = not self._in_hand
        if is_last:
            return
        try:
            self._queue.end(message)
        except DarkroomError as error:
            self._telemetry.noted(error)

    def _put_back(self, messages: Sequence[Message], seconds: float) -> None:
        with self._lock:
            for message in messages:
                del self._in_hand[message.message_id]
            self._hide(messages, seconds)

    def _beat_until(self, over: threading.Event) -> None:
        while not over.wait(self._beat_seconds):
            self._beat()
            try:
                self._renew()
            except DarkroomError as error:
                self._telemetry.noted(error)  # the next beat comes before the lease expires

    def _beat(self) -> None:
        with self._lock:
            self._hide(list(self._in_hand.values()), VISIBILITY_SECONDS)

    def _hide(self, messages: Sequence[Message], seconds: float) -> None:
        for message in messages:
            try:
                self._queue.hide(message, seconds)
            except DarkroomError as error:
                self._telemetry.noted(error)  # it reappears when its present visibility time-out ends
