"""The day's calls: a counter for each UTC day, in the threads table. The ledger writes it together with its items."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from darkroom.aws.dynamodb.table import Condition, Table, Write
from darkroom.domain.timing import LEDGER_KEPT_SECONDS, MAX_BUDGET_WAIT_SECONDS
from darkroom.errors import Unavailable

COUNTERS = "/calls"  # no thread's id begins with a slash


class DailyCalls:
    """Counts calls against a limit. A `limit` of 0 means no limit: then no call is counted."""

    def __init__(self, table: Table, limit: int, clock: Callable[[], float]) -> None:
        self._table = table
        self._limit = limit
        self._clock = clock

    def today(self) -> str | None:
        """The day that a call counts for now; None if calls are not counted."""
        return self._now().date().isoformat() if self._limit else None

    def one_more(self, day: str | None) -> list[Write]:
        """The write that counts a call. It fails if the day has no call left."""
        below = Condition("attribute_not_exists(calls) OR calls < :limit", {"limit": self._limit})
        return [self._counted(day, 1, below)] if day else []

    def one_less(self, day: str | None) -> list[Write]:
        """The write that gives a call back to its day."""
        return [self._counted(day, -1, None)] if day else []

    def room(self) -> int | None:
        """The number of calls left today; None without a limit."""
        day = self.today()
        return max(0, self._limit - self._table.item(COUNTERS, day).get("calls", 0)) if day else None

    def counts(self, write: Write) -> bool:
        """Whether the write changes a counter."""
        return bool(write.request.get("Key", {}).get("thread_id") == {"S": COUNTERS})

    def used_up(self) -> Unavailable:
        """The error for a day without a call left."""
        message = f"the {self._limit} calls of this UTC day are used up"
        return Unavailable("budget", message, retry_after=self._until_tomorrow())

    def _counted(self, day: str, by: int, condition: Condition | None) -> Write:
        expires = {"expires_at": int(self._clock()) + LEDGER_KEPT_SECONDS}
        return self._table.update(COUNTERS, day, expires, condition, add={"calls": by})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _until_tomorrow(self) -> float:
        now = self._now()
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
        return min(MAX_BUDGET_WAIT_SECONDS, (midnight - now).total_seconds() + 1)
