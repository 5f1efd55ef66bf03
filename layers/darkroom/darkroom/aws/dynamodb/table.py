"""The threads table: items as documents, and conditional writes, single or in a transaction."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.dynamodb.items import from_item, to_item
from darkroom.aws.errors import code_of, translate_aws_errors
from darkroom.errors import DarkroomError, Fault, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONFLICT_TRIES = 12
_PASSING = frozenset(("None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"))
_REFUSALS = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "TransactionConflictException": "TransactionConflict",
}


class ConditionFailed(DarkroomError):
    """The condition of the write at `position` did not hold, and nothing was written."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the condition of write {position} did not hold")
        self.position = position


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition expression of DynamoDB, with its names without `#` and its values without `:`."""

    expression: str
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """One write: `kind` is Put, Update or Delete, or ConditionCheck, which writes nothing and needs a transaction."""

    kind: str
    request: Mapping[str, Any]


class Table:
    """A table with the keys `thread_id` and `sk`. Reads are consistent."""

    def __init__(self, client: "DynamoDBClient", name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def item(self, thread_id: str, sk: str) -> dict[str, Any]:
        """The item, empty if it does not exist."""
        with translate_aws_errors():
            found = self._client.get_item(TableName=self._name, Key=_key(thread_id, sk), ConsistentRead=True)
        return from_item(found.get("Item", {}))

    def items(self, thread_id: str, prefix: str, *, most: int | None = None) -> list[dict[str, Any]]:
        """The items of a partition whose sort keys have this prefix, in order."""
        return list(islice(self._query(thread_id, "begins_with(sk, :prefix)", {":prefix": prefix}), most))

    def last(self, thread_id: str, first: str, last: str, most: int) -> list[dict[str, Any]]:
        """The last items of a partition with sort keys from `first` to `last`, at most so many, the last one first."""
        bounds = {":first": first, ":last": last}
        between = "sk BETWEEN :first AND :last"
        return list(islice(self._query(thread_id, between, bounds, ScanIndexForward=False, Limit=most), most))

    def each(self, thread_id: str, prefix: str, attribute: str) -> Iterator[dict[str, Any]]:
        """One attribute of a partition's items whose sort keys have this prefix, in order. One page is in memory."""
        named = {"ProjectionExpression": "#attribute", "ExpressionAttributeNames": {"#attribute": attribute}}
        return self._query(thread_id, "begins_with(sk, :prefix)", {":prefix": prefix}, **named)

    def listed(
        self, index: str, name: str, *, is_newest_first: bool = False, page: int = 500
    ) -> Iterator[dict[str, Any]]:
        """The items under this name in an index, in its order, with the projected attributes. Not consistent."""
        return self._pages(
            {
                "Limit": page,
                "TableName": self._name,
                "IndexName": index,
                "KeyConditionExpression": "listed_in = :name",
                "ExpressionAttributeValues": to_item({":name": name}),
                "ScanIndexForward": not is_newest_first,
            }
        )

    def _query(
        self, thread_id: str, sort_keys: str, values: Mapping[str, str], **options: Any
    ) -> Iterator[dict[str, Any]]:
        asked = {
            "TableName": self._name,
            "KeyConditionExpression": f"thread_id = :thread_id AND {sort_keys}",
            "ExpressionAttributeValues": to_item({":thread_id": thread_id, **values}),
            "ConsistentRead": True,
            **options,
        }
        return self._pages(asked)

    def _pages(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        while True:
            with translate_aws_errors():
                page = self._client.query(**asked)
            yield from map(from_item, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def put(self, thread_id: str, sk: str, document: Mapping[str, Any], condition: Condition | None = None) -> Write:
        """The write that puts the whole item."""
        item = to_item({"thread_id": thread_id, "sk": sk, **document})
        return Write("Put", {"TableName": self._name, "Item": item, **_if(condition)})

    def delete(self, thread_id: str, sk: str, condition: Condition | None = None) -> Write:
        """The write that removes the item."""
        return Write("Delete", {"TableName": self._name, "Key": _key(thread_id, sk), **_if(condition)})

    def check(self, thread_id: str, sk: str, condition: Condition) -> Write:
        """The part of a transaction that only checks a condition."""
        return Write("ConditionCheck", {"TableName": self._name, "Key": _key(thread_id, sk), **_if(condition)})

    def update(
        self,
        thread_id: str,
        sk: str,
        changes: Mapping[str, Any],
        condition: Condition | None = None,
        *,
        add: Mapping[str, int] | None = None,
    ) -> Write:
        """The write that sets attributes (None removes one) and adds to numbers."""
        return self.update_by(thread_id, sk, *_changing(changes, add or {}), condition)

    def update_by(
        self,
        thread_id: str,
        sk: str,
        expression: str,
        values: Mapping[str, Any],
        names: Sequence[str] = (),
        condition: Condition | None = None,
    ) -> Write:
        """The write that updates the item by the given expression."""
        fence = condition or Condition("")
        request = {
            "TableName": self._name,
            "Key": _key(thread_id, sk),
            "UpdateExpression": expression,
            **_if(Condition(fence.expression, {**values, **fence.values}, (*names, *fence.names))),
        }
        return Write("Update", request)

    def updated(self, write: Write) -> dict[str, Any]:
        """Write one update, and return the new item. Raises ConditionFailed."""
        with translate_aws_errors():
            try:
                found = self._client.update_item(**write.request, ReturnValues="ALL_NEW")
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    raise ConditionFailed(0) from error
                raise
        return from_item(found["Attributes"])

    def write(self, write: Write) -> None:
        """Write once, at half the price of a transaction. Raises ConditionFailed.

        Botocore may repeat the write, so its condition has to hold after it too, and its values must not change.
        """
        self._until_it_passes(lambda: self._refused(write))

    def transact(self, *writes: Write) -> None:
        """Write all or nothing. Raises ConditionFailed. The idempotency token makes botocore's retries harmless."""
        self._until_it_passes(lambda: self._cancelled(writes))

    def _until_it_passes(self, attempt: Callable[[], list[str]]) -> None:
        for tries_left in reversed(range(CONFLICT_TRIES)):
            reasons = attempt()
            if not reasons:
                return
            if "ConditionalCheckFailed" in reasons:
                raise ConditionFailed(reasons.index("ConditionalCheckFailed"))
            if not _PASSING.issuperset(reasons):
                raise Fault(f"write refused: {reasons}")
            if tries_left:
                longest = 0.1 * (CONFLICT_TRIES - tries_left)  # a hundred workers may write the day's counter
                self._sleep(random.uniform(0.01, longest))  # noqa: S311 - jitter, no secret
        raise Unavailable("aws", f"write refused: {reasons}")

    def _refused(self, write: Write) -> list[str]:
        """The reason why the write was refused; empty if it was not."""
        client = self._client
        does: Any = {"Put": client.put_item, "Update": client.update_item, "Delete": client.delete_item}[write.kind]
        with translate_aws_errors():
            try:
                does(**write.request)
            except ClientError as error:
                if code_of(error) not in _REFUSALS:
                    raise
                return [_REFUSALS[code_of(error)]]
        return []

    def _cancelled(self, writes: Sequence[Write]) -> list[str]:
        """The reasons why the transaction was cancelled, one for each write; empty if it was not."""
        asked: Any = [{write.kind: write.request} for write in writes]
        with translate_aws_errors():
            try:
                self._client.transact_write_items(TransactItems=asked, ClientRequestToken=uuid.uuid4().hex)
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                reasons = error.response.get("CancellationReasons", [])
                return [str(reason.get("Code")) for reason in reasons] or ["Unknown"]
        return []


def _changing(changes: Mapping[str, Any], add: Mapping[str, int]) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """The update expression, its values and its names."""
    kept = {name: value for name, value in changes.items() if value is not None}
    clauses = {
        "SET": [f"#{name} = :{name}" for name in kept],
        "REMOVE": [f"#{name}" for name in changes if name not in kept],
        "ADD": [f"#{name} :{name}" for name in add],
    }
    expression = " ".join(f"{verb} {', '.join(terms)}" for verb, terms in clauses.items() if terms)
    return expression, {**kept, **add}, (*changes, *add)


def _if(condition: Condition | None) -> dict[str, Any]:
    """The condition with its names and values. DynamoDB accepts none of them empty."""
    if condition is None:
        return {}
    parts = {
        "ConditionExpression": condition.expression,
        "ExpressionAttributeNames": {f"#{name}": name for name in condition.names},
        "ExpressionAttributeValues": to_item({f":{name}": value for name, value in condition.values.items()}),
    }
    return {name: part for name, part in parts.items() if part}


def _key(thread_id: str, sk: str) -> dict[str, Any]:
    return to_item({"thread_id": thread_id, "sk": sk})
