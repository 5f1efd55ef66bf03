"""Wakes waiting requests. Their messages are hidden in the queue, and the ledger keeps the receipt handles."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom.aws.errors import translate_aws_errors
from darkroom.domain.timing import PROBE_SECONDS
from darkroom.errors import DarkroomError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsWaker:
    """The waker of `turns.ports`, on the index of waiting requests and the requests' queue."""

    def __init__(
        self, table: Table, client: "SQSClient", queue_url: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._client = client
        self._queue_url = queue_url
        self._clock = clock

    def wake(self, most: int) -> int:
        """See `turns.ports.Waker`."""
        return sum(1 for _ in islice(self._woken(), most))

    def show(self, receipts: Sequence[str]) -> None:
        """See `turns.ports.Waker`."""
        for receipt in receipts:
            with suppress(DarkroomError), translate_aws_errors():
                self._client.change_message_visibility(
                    QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=0
                )

    def _woken(self) -> Iterator[str]:
        """The ids of requests whose messages are on their way. A request that soon comes by itself is left alone."""
        soon = self._clock() + PROBE_SECONDS
        for found in listing.waiting(self._table):
            if found["waits_until"] > soon and (receipts := self._taken(found)):
                self.show(receipts)
                yield found["request_id"]

    def _taken(self, found: dict[str, Any]) -> list[str]:
        """The receipt handles of a request, if it still waits as listed and no other worker has woken it."""
        as_listed = Condition(
            "#state = :open AND #owner = :nobody AND waits_until = :until",
            {"open": "open", "nobody": "", "until": found["waits_until"]},
            ("state", "owner"),
        )
        woken = self._table.update(found["thread_id"], found["sk"], {"waits_until": self._clock()}, as_listed)
        try:
            return list(self._table.updated(woken).get("receipts", []))
        except ConditionFailed:
            return []
