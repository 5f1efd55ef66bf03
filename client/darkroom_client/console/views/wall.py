"""The threads of the last month in memory, the newest first. Each look reads only what has changed since the last."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from darkroom_client.index import OVERLAP, Index, Summary
from darkroom_client.stacks.stack import Stack

LOOKS_BACK = timedelta(days=30)
FRESH_SECONDS = 1.5  # several pages at once share a look
UNDER_WAY = "under_way"  # no longer waiting, and not ended either


class Wall:
    """The threads of a stack. It may be used by several threads of execution at once."""

    def __init__(self, stack: Stack, clock: Callable[[], float] = time.monotonic) -> None:
        self._index = Index(stack)
        self._clock = clock
        self._lock = threading.Lock()
        self._threads: dict[str, Summary] = {}
        self._looked_at: float | None = None
        self._newest = ""

    def threads(self) -> list[Summary]:
        """All of them, the newest first. Raises Trouble."""
        with self._lock:
            if self._looked_at is None or self._clock() - self._looked_at > FRESH_SECONDS:
                self._look()
                self._looked_at = self._clock()
            return sorted(self._threads.values(), key=lambda each: each.updated_at, reverse=True)

    def found(self, words: str, prefix: str = "") -> list[Summary]:
        """Those with an instruction of this month that holds the words. Raises Trouble."""
        return list(self._index.threads(datetime.now(UTC) - LOOKS_BACK, prefix, words))

    def drop(self, thread_id: str) -> None:
        """Leaves a thread out that was erased."""
        with self._lock:
            self._threads.pop(thread_id, None)

    def _look(self) -> None:
        since = datetime.fromisoformat(self._newest) - OVERLAP if self._newest else datetime.now(UTC) - LOOKS_BACK
        found = {each.thread_id: each for each in self._index.threads(since)}
        for thread_id, known in self._threads.items():
            if known.status == "waiting" and thread_id not in found:
                found[thread_id] = known._replace(status="waiting", code=UNDER_WAY)
        self._threads |= found
        ended = [each.updated_at for each in found.values() if each.status != "waiting"]
        self._newest = max(self._newest, *ended, "")
