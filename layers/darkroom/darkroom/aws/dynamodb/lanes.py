"""Lanes in the threads table: a limit on the requests of one source in the requests' queue.

A lane's places are numbered items. A conditional write takes a place, and it is free again when its request has ended.
While that request waits, for the provider or for the day's limit, the lane waits with it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom.domain import keys
from darkroom.domain.timing import LANE_FULL_SECONDS, LANE_HELD_SECONDS, LEDGER_KEPT_SECONDS

PARTITIONS = "/lanes/"  # no thread's id begins with a slash
MAX_LOOKED_AT = 20  # places that are checked, one read each, before a lane counts as full


@dataclass(frozen=True, slots=True)
class _Place:
    """The holder of a place, and the time when it was taken."""

    holder: str
    taken_at: float


@dataclass(frozen=True, slots=True)
class _Full:
    """A lane that was full."""

    until: float
    holders: frozenset[str]


class DynamoLanes:
    """The lanes of `uploads.ports`, on DynamoDB.

    `is_over` returns whether a thread's request has ended, None if it is unknown.
    """

    def __init__(
        self,
        table: Table,
        *,
        places: int,
        is_over: Callable[[str, str], bool | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._places = places
        self._is_over = is_over
        self._clock = clock
        self._full: dict[str, _Full] = {}

    def enter(self, lane: str, thread_id: str, request_id: str) -> bool:
        """See `uploads.ports.Lanes`."""
        holder = f"{thread_id}/{request_id}"
        full = self._full.get(lane)
        if full and self._clock() < full.until:
            return holder in full.holders
        taken = self._taken(lane)
        if any(place.holder == holder and not self._is_free(place) for place in taken.values()):
            return True
        if any(self._take(lane, number, taken.get(number), holder) for number in self._free(taken, holder)):
            return True
        self._full[lane] = _Full(self._clock() + LANE_FULL_SECONDS, frozenset(place.holder for place in taken.values()))
        return False

    def _taken(self, lane: str) -> dict[int, _Place]:
        """The places that were taken, by number. Their requests may have ended since."""
        items = self._table.items(PARTITIONS + lane, "PLACE#", most=self._places)
        return {int(item["sk"].partition("#")[2]): _Place(item["holder"], item["taken_at"]) for item in items}

    def _free(self, taken: Mapping[int, _Place], holder: str) -> Iterator[int]:
        """The numbers of free places, never-taken ones first. Each holder starts elsewhere, so that few collide."""
        start = int(keys.sha256(holder)[:8], 16)
        numbers = [(start + step) % self._places for step in range(self._places)]
        yield from (number for number in numbers if number not in taken)
        held = [number for number in numbers if number in taken]
        yield from (number for number in held[:MAX_LOOKED_AT] if self._is_free(taken[number]))

    def _is_free(self, place: _Place) -> bool:
        thread_id, _, request_id = place.holder.rpartition("/")  # a request's id contains no slash
        is_over = self._is_over(thread_id, request_id)
        return self._clock() >= place.taken_at + LANE_HELD_SECONDS if is_over is None else is_over

    def _take(self, lane: str, number: int, before: _Place | None, holder: str) -> bool:
        """Take the place, unless another request took it since it was read. Return whether that worked."""
        now = self._clock()
        changes = {"holder": holder, "taken_at": now, "expires_at": int(now) + LEDGER_KEPT_SECONDS}
        unchanged = _is_still(before) if before else Condition("attribute_not_exists(sk)")
        # It is ours already after botocore's retry of this write, or if another worker has the same request.
        free_or_ours = Condition(f"({unchanged.expression}) OR holder = :holder", unchanged.values)
        try:
            self._table.updated(self._table.update(PARTITIONS + lane, _sk(number), changes, free_or_ours))
        except ConditionFailed:
            return False
        return True


def _sk(number: int) -> str:
    return f"PLACE#{number:03d}"


def _is_still(place: _Place) -> Condition:
    return Condition("holder = :held_by AND taken_at = :since", {"held_by": place.holder, "since": place.taken_at})
