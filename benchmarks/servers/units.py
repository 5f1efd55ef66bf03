"""The cost of reads and writes in DynamoDB's units. It follows from the sizes of whole items, not of the answer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

READ_BYTES, WRITE_BYTES = 4096, 1024
_SHORTENS = ("ProjectionExpression", "FilterExpression")  # the read is paid, not the answer

Item = Mapping[str, Any]  # in DynamoDB's JSON
Asked = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Units:
    """Read and write request units."""

    read: float = 0.0
    written: float = 0.0


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts units. `item` returns a table's item by its key, `query` runs another query."""

    item: Callable[[str, Item], Item]
    query: Callable[[Asked], Iterable[Item]]

    def read(self, action: str, asked: Asked) -> float:
        """The units of a request before it is carried out."""
        share = 1.0 if asked.get("ConsistentRead") else 0.5
        if action == "GetItem":
            return share * self._each([asked])
        if action == "Query":
            return share * _units(sum(map(size, self.query(_whole(asked)))), READ_BYTES)
        if action == "BatchGetItem":
            return sum(self._batch(table, wanted) for table, wanted in asked["RequestItems"].items())
        if action == "TransactGetItems":
            return 2 * self._each(one["Get"] for one in asked["TransactItems"])
        return 0.0

    def written(self, action: str, asked: Asked) -> float:
        """The units of a request that was carried out."""
        if action in ("PutItem", "UpdateItem", "DeleteItem"):
            return self._write(asked)
        if action == "TransactWriteItems":
            return 2 * sum(self._write(write) for one in asked["TransactItems"] for write in one.values())
        return 0.0

    def _batch(self, table: str, wanted: Asked) -> float:
        share = 1.0 if wanted.get("ConsistentRead") else 0.5
        return share * self._each({"TableName": table, "Key": key} for key in wanted["Keys"])

    def _each(self, wanted: Iterable[Asked]) -> float:
        return sum(_units(size(self.item(one["TableName"], one["Key"])), READ_BYTES) for one in wanted)

    def _write(self, write: Asked) -> float:
        return _units(size(write.get("Item") or self.item(write["TableName"], write["Key"])), WRITE_BYTES)


def _units(total: int, unit: int) -> float:
    return float(max(1, ceil(total / unit)))


def _whole(asked: Asked) -> Asked:
    """The same query without the parts that only shorten its answer, and without names that are then unused."""
    condition = asked.get("KeyConditionExpression", "")
    kept = {name: value for name, value in asked.items() if name not in _SHORTENS}
    for part in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        used = {name: value for name, value in kept.pop(part, {}).items() if name in condition}
        kept |= {part: used} if used else {}
    return kept


def size(item: Item) -> int:
    """Bytes of an item, by the rules of DynamoDB's documentation."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return (len(content.strip("-.0")) + 1) // 2 + 1
    if kind == "M":
        return 3 + len(content) + size(content)
    if kind == "L":
        return 3 + len(content) + sum(map(_size, content))
    return 1 if kind in ("BOOL", "NULL") else len(content)
