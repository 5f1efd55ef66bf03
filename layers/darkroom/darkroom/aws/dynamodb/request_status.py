"""Reads the status of requests from the ledger's items, without a claim."""

from darkroom.aws.dynamodb.claims import FORGOTTEN, sort_key
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.turn_store import DynamoTurns
from darkroom.domain.ports import Done, Forgotten, Held, Reused


class DynamoRequestStatus:
    """The outcomes of `batches.ports`, on DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def status(self, thread_id: str, request_id: str, fingerprint: str) -> Done | Forgotten | Held | Reused | None:
        """See `batches.ports.Outcomes`."""
        entry = self._table.item(thread_id, sort_key(request_id))
        is_done, is_this = entry.get("state") == "done", entry.get("fingerprint") == fingerprint
        if is_done and is_this:
            return Forgotten() if FORGOTTEN in entry else Done(DynamoTurns(self._table, thread_id).one(entry["turn"]))
        if is_done:
            return Reused()
        return Held(0.0) if is_this else None

    def is_over(self, thread_id: str, request_id: str) -> bool | None:
        """Whether a request has ended in any way; None if it is unknown."""
        entry = self._table.item(thread_id, sort_key(request_id))
        return bool(entry["state"] == "done") if entry else None
