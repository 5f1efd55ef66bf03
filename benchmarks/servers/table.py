"""A DynamoDB table with only the features that turns need. moto has all of them, and is slower than a client.

`tests/unit/benchmarks/test_bench_table.py` sends the same requests to both.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.servers.expressions import Item, condition, update

Asked = Mapping[str, Any]
Answer = tuple[int, dict[str, Any]]
KEYS = ("thread_id", "sk")
PREFIX = "com.amazonaws.dynamodb.v20120810#"


class ConditionFailed(Exception):
    """A condition did not hold, and nothing was written."""


class Table:
    """The items of the only table, by partition and sort key."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, Item]] = {}
        self._lock = threading.Lock()
        self._actions: Mapping[str, Callable[[Asked], Answer]] = {
            "GetItem": self._get,
            "PutItem": lambda asked: self._alone("Put", asked),
            "UpdateItem": lambda asked: self._alone("Update", asked),
            "DeleteItem": lambda asked: self._alone("Delete", asked),
            "Query": self._query,
            "TransactWriteItems": self._transact,
        }

    def answer(self, action: str, asked: Asked) -> Answer:
        """The status and the document. Raises KeyError for an action that turns do not need."""
        with self._lock:
            return self._actions[action](asked)

    def item(self, key: Item) -> Item:
        """The item, empty if it does not exist."""
        return self._partitions.get(key["thread_id"]["S"], {}).get(key["sk"]["S"], {})

    def page(self, asked: Asked) -> list[Item]:
        """The items that a query reads."""
        partition = self._partitions.get(_partition(asked), {})
        test, names, values = condition(asked["KeyConditionExpression"]), _names(asked), _values(asked)
        found = [partition[sk] for sk in sorted(partition) if test(partition[sk], names, values)]
        if not asked.get("ScanIndexForward", True):
            found.reverse()
        start = asked.get("ExclusiveStartKey")
        first = 1 + found.index(self.item(start)) if start else 0
        return found[first : first + asked["Limit"]] if "Limit" in asked else found[first:]

    def _get(self, asked: Asked) -> Answer:
        found = self.item(asked["Key"])
        return 200, {"Item": found} if found else {}

    def _query(self, asked: Asked) -> Answer:
        if {"ProjectionExpression", "FilterExpression"} & asked.keys():
            raise KeyError("turns neither project nor filter")
        page = self.page(asked)
        is_full = bool(page) and len(page) == asked.get("Limit")
        more = {"LastEvaluatedKey": {name: page[-1][name] for name in KEYS}} if is_full else {}
        return 200, {"Items": page, "Count": len(page), "ScannedCount": len(page), **more}

    def _alone(self, kind: str, asked: Asked) -> Answer:
        try:
            written = self._written(kind, asked)
        except ConditionFailed:
            return 400, {
                "__type": f"{PREFIX}ConditionalCheckFailedException",
                "message": "The conditional request failed",
            }
        self._put(asked, written)
        return 200, {"Attributes": written} if asked.get("ReturnValues") == "ALL_NEW" else {}

    def _transact(self, asked: Asked) -> Answer:
        writes = [(kind, write) for one in asked["TransactItems"] for kind, write in one.items()]
        written, codes = [], []
        for kind, write in writes:
            try:
                written.append(self._written(kind, write))
                codes.append("None")
            except ConditionFailed:
                codes.append("ConditionalCheckFailed")
        if set(codes) != {"None"}:
            told = {"CancellationReasons": [{"Code": code} for code in codes], "message": "Transaction cancelled"}
            return 400, {"__type": f"{PREFIX}TransactionCanceledException", **told}
        for (_, write), item in zip(writes, written, strict=True):
            self._put(write, item)
        return 200, {}

    def _written(self, kind: str, asked: Asked) -> Item | None:
        """The new item, None if it is deleted. Raises ConditionFailed."""
        before = self.item(_key(asked))
        text = asked.get("ConditionExpression")
        if text and not condition(text)(before, _names(asked), _values(asked)):
            raise ConditionFailed
        if kind == "Update":
            return update(asked["UpdateExpression"])(before or asked["Key"], _names(asked), _values(asked))
        return {"Put": asked.get("Item"), "Delete": None, "ConditionCheck": before}[kind]

    def _put(self, asked: Asked, item: Item | None) -> None:
        key = _key(asked)
        partition = self._partitions.setdefault(key["thread_id"]["S"], {})
        if item:
            partition[key["sk"]["S"]] = item
        else:
            partition.pop(key["sk"]["S"], None)


def _key(asked: Asked) -> Item:
    found: Item = asked.get("Key") or asked["Item"]
    return found


def _names(asked: Asked) -> Mapping[str, str]:
    return dict(asked.get("ExpressionAttributeNames", {}))


def _values(asked: Asked) -> Item:
    return dict(asked.get("ExpressionAttributeValues", {}))


def _partition(asked: Asked) -> str:
    """The partition key's value in the condition, which names the partition key first."""
    placeholder = asked["KeyConditionExpression"].split("=")[1].split()[0]
    return str(asked["ExpressionAttributeValues"][placeholder]["S"])
