"""The fence around a thread: while it stands no request of the thread makes a call.

It is an attribute of the item that the mark of each call checks. So whatever was marked before it is seen in the
ledger by those who look after it, and nothing else of the thread can be paid before it is lifted.
"""

from collections.abc import Callable
from typing import NamedTuple

from darkroom.aws.dynamodb.cancellations import ERASING, MARK, PARTITIONS
from darkroom.aws.dynamodb.table import Table
from darkroom.domain.timing import LEDGER_KEPT_SECONDS

_BEGUN = "erasing_begun"


class Erasing(NamedTuple):
    """Since when the fence stands, in seconds of AWS's clock; and whether something may be gone already."""

    since: int
    has_begun: bool


class Fence:
    """The fence around one thread."""

    def __init__(self, table: Table, thread_id: str, now: Callable[[], int]) -> None:
        self._table = table
        self._partition = PARTITIONS + thread_id
        self._now = now

    def stands(self) -> Erasing:
        """Puts it up, or finds it as an interrupted erase has left it."""
        item = self._table.item(self._partition, MARK)
        if ERASING not in item:
            item = {ERASING: self._now()}
            self._change({**item, "expires_at": item[ERASING] + LEDGER_KEPT_SECONDS})
        return Erasing(item[ERASING], _BEGUN in item)

    def begin(self) -> None:
        """Notes that nothing of the thread is open. A repetition need not check again: later requests never called."""
        self._change({_BEGUN: True})

    def lift(self) -> None:
        """Requests of the thread make calls again. The marks of cancelled requests stay."""
        self._change({ERASING: None, _BEGUN: None})

    def _change(self, changes: dict[str, object]) -> None:
        self._table.write(self._table.update(self._partition, MARK, changes))
