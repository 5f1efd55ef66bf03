"""The threads of the last month in memory, the newest first. Each look reads only the changes since the last one.

An erased thread is in no list of changes. So a thread on the page is looked up again after a while.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from darkroom_client.index import OVERLAP, Index, Summary
from darkroom_client.stacks.stack import Stack
from darkroom_client.thread import Thread

LOOKS_BACK = timedelta(days=30)
FRESH_SECONDS = 1.5  # pages that load at the same time share a look
KNOWN_SECONDS = 60  # until a thread on the page is looked up again
AT_A_TIME = 8
UNDER_WAY = "under_way"  # the request waits no longer, and has not ended yet


class Wall:
    """The conversations of a stack. Thread-safe."""

    def __init__(self, stack: Stack, clock: Callable[[], float] = time.monotonic) -> None:
        self._stack = stack
        self._index = Index(stack)
        self._clock = clock
        self._lock = threading.Lock()
        self._threads: dict[str, Summary] = {}
        self._known_at: dict[str, float] = {}
        self._looked_at: float | None = None
        self._newest = ""

    def threads(self) -> list[Summary]:
        """All threads, the newest first. Raises Trouble."""
        with self._lock:
            if self._looked_at is None or self._clock() - self._looked_at > FRESH_SECONDS:
                self._look(self._clock())
                self._looked_at = self._clock()
            return sorted(self._threads.values(), key=lambda each: each.updated_at, reverse=True)

    def found(self, words: str, prefix: str = "") -> list[Summary]:
        """The threads with an instruction of the last month that holds all of the words. Raises Trouble."""
        return list(self._index.threads(datetime.now(UTC) - LOOKS_BACK, prefix, words))

    def drop(self, thread_id: str) -> None:
        """Removes a thread that was erased."""
        with self._lock:
            self._threads.pop(thread_id, None)
            self._known_at.pop(thread_id, None)

    def erased(self, shown: Sequence[Summary]) -> set[str]:
        """The ids of the erased threads among those on the page. Raises Trouble."""
        now = self._clock()
        old = [each.thread_id for each in shown if now - self._known_at.get(each.thread_id, now) > KNOWN_SECONDS]
        with ThreadPoolExecutor(AT_A_TIME) as workers:
            exists = list(workers.map(lambda thread_id: Thread(self._stack, thread_id).exists(), old))
        with self._lock:
            self._known_at |= {thread_id: now for thread_id, is_there in zip(old, exists, strict=True) if is_there}
        return {thread_id for thread_id, is_there in zip(old, exists, strict=True) if not is_there}

    def _look(self, now: float) -> None:
        since = datetime.fromisoformat(self._newest) - OVERLAP if self._newest else datetime.now(UTC) - LOOKS_BACK
        found = {each.thread_id: each for each in self._index.threads(since)}
        under_way = dict[str, Summary]()
        for thread_id, known in self._threads.items():
            if known.status == "waiting" and thread_id not in found:
                under_way[thread_id] = known._replace(status="waiting", code=UNDER_WAY)
        self._known_at |= dict.fromkeys(found, now)
        self._threads |= found | under_way
        ended = [each.updated_at for each in found.values() if each.status != "waiting"]
        self._newest = max(self._newest, *ended, "")
