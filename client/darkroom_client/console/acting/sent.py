"""What was sent from this console, by the id that its form was rendered with: so that a double click sends it once."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from darkroom_client.pending import PendingTurn

MAX_KNOWN = 500
SHOWN_SECONDS = 120  # until a request has been taken up


class Asked(NamedTuple):
    """What one form has asked for."""

    thread_id: str
    pending: Sequence[PendingTurn]
    at: float


class Sent:
    """May be used by several threads of execution at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, Asked] = OrderedDict()

    def once(self, form_id: str, send: Callable[[], tuple[str, Sequence[PendingTurn]]]) -> str:
        """The thread that the form has asked in. It is sent unless it was before. Raises Trouble, and may be repeated.

        One form at a time: the second click waits, and finds what the first one did.
        """
        with self._lock:
            if form_id not in self._asked:
                self._asked[form_id] = Asked(*send(), self._clock())
                if len(self._asked) > MAX_KNOWN:
                    self._asked.popitem(last=False)
            return self._asked[form_id].thread_id

    def of(self, thread_id: str) -> list[PendingTurn]:
        """What was sent to this thread a short while ago. It may have been taken up since."""
        earliest = self._clock() - SHOWN_SECONDS
        with self._lock:
            asked = [each for each in self._asked.values() if each.thread_id == thread_id and each.at > earliest]
        return [pending for each in asked for pending in each.pending]
