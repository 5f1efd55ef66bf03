"""The requests that this console has sent, by the id of their form. So a double click sends a request once."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from darkroom_client.pending import PendingTurn

MAX_KNOWN = 500
SHOWN_SECONDS = 120  # a worker takes up most requests within this time


class Asked(NamedTuple):
    """The requests of one form."""

    thread_id: str
    pending: Sequence[PendingTurn]
    at: float


class Sent:
    """The forms that were sent. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, Asked] = OrderedDict()

    def once(self, form_id: str, send: Callable[[], tuple[str, Sequence[PendingTurn]]]) -> str:
        """Sends a form's requests, unless they were sent before. Returns their thread.

        One form is sent at a time: a second click waits, and finds the requests of the first. Raises Trouble; the
        form may then be sent again.
        """
        with self._lock:
            if form_id not in self._asked:
                self._asked[form_id] = Asked(*send(), self._clock())
                if len(self._asked) > MAX_KNOWN:
                    self._asked.popitem(last=False)
            return self._asked[form_id].thread_id

    def of(self, thread_id: str) -> list[PendingTurn]:
        """The requests that were sent to this thread recently. A worker may have taken them up since."""
        earliest = self._clock() - SHOWN_SECONDS
        with self._lock:
            asked = [each for each in self._asked.values() if each.thread_id == thread_id and each.at > earliest]
        return [pending for each in asked for pending in each.pending]
