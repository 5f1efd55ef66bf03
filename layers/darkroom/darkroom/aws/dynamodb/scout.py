"""Who looks whether the day has room for a call again: an item beside the breakers'."""

import time
import uuid
from collections.abc import Callable

from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom.domain.timing import BREAKER_KEPT_SECONDS, PROBE_LEASE_SECONDS

PARTITION, ITEM = "/scout", "budget"  # no thread's id begins with a slash


class DynamoScout:
    """The scout of `turns.ports`, on DynamoDB."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def wants(self) -> bool:
        """See `turns.ports.Scout`. By the lease's own name botocore's repetition of it is told from others."""
        nobody = "attribute_not_exists(looks_until) OR looks_until < :now OR #scout = :scout"
        try:
            self._lease(Condition(nobody, {"now": self._clock()}))
        except ConditionFailed:
            return False
        return True

    def keeps(self) -> None:
        """See `turns.ports.Scout`."""
        self._lease(None)

    def ends(self) -> None:
        """See `turns.ports.Scout`."""
        self._table.write(self._table.delete(PARTITION, ITEM))

    def _lease(self, condition: Condition | None) -> None:
        now = self._clock()
        lease = {"looks_until": now + PROBE_LEASE_SECONDS, "scout": uuid.uuid4().hex}
        expires = {"expires_at": int(now) + BREAKER_KEPT_SECONDS}
        self._table.write(self._table.update(PARTITION, ITEM, lease | expires, condition))
