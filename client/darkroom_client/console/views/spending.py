"""The cost of each day. It is summed at most once a minute, because this reads all turns of these days."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from darkroom_client.operating.cost import cost
from darkroom_client.stacks.stack import Stack

DAYS = 14
FRESH_SECONDS = 60


class Spending:
    """The spending of one stack."""

    def __init__(self, stack: Stack, clock: Callable[[], float] = time.monotonic) -> None:
        self._stack = stack
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, Any]] | None = None

    def by_day(self) -> dict[str, Any]:
        """Calls, pictures and money: in all, and for each of the last days. Raises Trouble."""
        with self._lock:
            if self._known is None or self._clock() - self._known[0] > FRESH_SECONDS:
                self._known = self._clock(), self._read()
            return self._known[1]

    def _read(self) -> dict[str, Any]:
        today = datetime.fromtimestamp(self._stack.now(), UTC)
        first = (today - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
        bill = cost(self._stack, "", "day", first).document()
        known = {group["key"]: group for group in bill.pop("groups")}
        days = ((first + timedelta(days=number)).date().isoformat() for number in range(DAYS))
        nothing = {"calls": 0, "images": 0, "amount": None}
        return bill | {"days": [known.get(day, nothing) | {"key": day} for day in days]}
