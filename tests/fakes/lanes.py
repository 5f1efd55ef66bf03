"""Lanes in memory, held to the contract tests of the real ones."""

from collections.abc import Callable

from darkroom.domain.timing import (
    LANE_HELD_SECONDS,
)
from tests.fakes.edge import Clock


class MemoryLanes:
    """The lanes in memory. By default none is ever full."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        places: int = 1000,
        is_over: Callable[[str, str], bool | None] = lambda _thread, _request: None,
    ) -> None:
        self._clock = clock or Clock()
        self._places = places
        self._is_over = is_over
        self.holders: dict[str, dict[tuple[str, str], float]] = {}  # of each lane, with the time of entry

    def enter(self, lane: str, thread_id: str, request_id: str) -> bool:
        held = self.holders.setdefault(lane, {})
        for holder, since in list(held.items()):
            is_over = self._is_over(*holder)
            if is_over or (is_over is None and self._clock() >= since + LANE_HELD_SECONDS):
                del held[holder]
        if (thread_id, request_id) not in held and len(held) >= self._places:
            return False
        held.setdefault((thread_id, request_id), self._clock())
        return True
