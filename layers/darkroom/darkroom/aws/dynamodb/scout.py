"""The scout: the waiting request that checks whether the day has room for calls again. Its item is like a breaker's."""

import time
import uuid
from collections.abc import Callable

from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table, Write
from darkroom.domain.timing import BREAKER_KEPT_SECONDS, PROBE_LEASE_SECONDS

PARTITION, ITEM = "/scout", "budget"  # no thread's id begins with a slash
NOBODY = "attribute_not_exists(looks_until) OR looks_until < :now"
ITSELF = "#request = :request"


class DynamoScout:
    """The scout of `turns.ports`, on DynamoDB."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def wants(self, request: str) -> bool:
        """See `turns.ports.Scout`. The lease's unique name identifies botocore's retry of the write."""
        return self._leases(request, f"{NOBODY} OR #scout = :scout")

    def keeps(self, request: str) -> bool:
        """See `turns.ports.Scout`."""
        return self._leases(request, f"{NOBODY} OR {ITSELF}")

    def ends(self, request: str) -> bool:
        """See `turns.ports.Scout`."""
        return self._holds(self._table.delete(PARTITION, ITEM, Condition(ITSELF, {"request": request}, ("request",))))

    def _leases(self, request: str, condition: str) -> bool:
        now = self._clock()
        lease = {"looks_until": now + PROBE_LEASE_SECONDS, "scout": uuid.uuid4().hex, "request": request}
        expires = {"expires_at": int(now) + BREAKER_KEPT_SECONDS}
        return self._holds(self._table.update(PARTITION, ITEM, lease | expires, Condition(condition, {"now": now})))

    def _holds(self, write: Write) -> bool:
        try:
            self._table.write(write)
        except ConditionFailed:
            return False
        return True
