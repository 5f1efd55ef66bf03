"""The threads table in memory, as strict about transactions as DynamoDB is."""

import copy
from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table, Write


class MemoryTable(Table):
    """Knows the few conditions that the state of uploads uses, and refuses any other."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}

    def item(self, thread_id: str, sk: str) -> dict[str, Any]:
        return copy.deepcopy(self.rows.get((thread_id, sk), {}))

    def items(self, thread_id: str, prefix: str, *, most: int | None = None) -> list[dict[str, Any]]:
        found = sorted(key for key in self.rows if key[0] == thread_id and key[1].startswith(prefix))
        return [self.item(*key) for key in found[:most]]

    def put(self, thread_id: str, sk: str, document: Mapping[str, Any], condition: Condition | None = None) -> Write:
        row = {"thread_id": thread_id, "sk": sk, **document}
        return Write("Put", {"key": (thread_id, sk), "row": copy.deepcopy(row), "condition": condition})

    def delete(self, thread_id: str, sk: str, condition: Condition | None = None) -> Write:
        return Write("Delete", {"key": (thread_id, sk), "condition": condition})

    def update(
        self,
        thread_id: str,
        sk: str,
        changes: Mapping[str, Any],
        condition: Condition | None = None,
        *,
        add: Mapping[str, int] | None = None,
    ) -> Write:
        wanted = {"changes": copy.deepcopy(dict(changes)), "add": add or {}}
        return Write("Update", {"key": (thread_id, sk), "condition": condition, **wanted})

    def updated(self, write: Write) -> dict[str, Any]:
        self.transact(write)
        return self.item(*write.request["key"])

    def transact(self, *writes: Write) -> None:
        keys = [write.request["key"] for write in writes]
        assert len(set(keys)) == len(keys) <= 100, "DynamoDB refuses this transaction"
        for position, write in enumerate(writes):
            if not self._holds(write.request["condition"], self.rows.get(write.request["key"])):
                raise ConditionFailed(position)
        for write in writes:
            self._write(write.kind, write.request)

    def _holds(self, condition: Condition | None, row: Mapping[str, Any] | None) -> bool:
        if condition is None:
            return True
        if condition.expression in ("attribute_exists(sk)", "attribute_not_exists(sk)"):
            return (row is None) == ("not" in condition.expression)
        name, _, value = condition.expression.partition(" = :")
        return row is not None and row.get(name) == condition.values[value]

    def _write(self, kind: str, request: Mapping[str, Any]) -> None:
        key = request["key"]
        if kind == "Put":
            self.rows[key] = copy.deepcopy(request["row"])
        elif kind == "Delete":
            self.rows.pop(key, None)
        else:
            row = {"thread_id": key[0], "sk": key[1], **self.rows.get(key, {}), **request["changes"]}
            row |= {name: row.get(name, 0) + number for name, number in request["add"].items()}
            self.rows[key] = {name: value for name, value in row.items() if value is not None}
