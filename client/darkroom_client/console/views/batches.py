"""Batches: the progress of each, the newest first."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.batch_state import PARTITIONS
from darkroom.aws.dynamodb.table import Table
from darkroom.domain.outcome import timestamp
from darkroom_client.console.addresses import part
from darkroom_client.errors import Denied, Trouble
from darkroom_client.operating.batches.batch_run import Batch
from darkroom_client.stacks.aws_errors import OPERATOR, translated

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

MAX_BATCHES = 40
MAX_FAILURES = 200
AT_A_TIME = 8


def document(desk: "Desk", query: QueryParams) -> dict[str, Any]:
    """The newest batches. The query's `failures` names one whose failed lines are listed. Raises Trouble."""
    stack = desk.room.stack
    with translated(OPERATOR):
        table = Table(stack.dynamodb, stack.outputs["ThreadsTable"])
        names = islice(listing.batches(table), MAX_BATCHES)
        keys = list(dict.fromkeys(_key(each) for each in names))
    with ThreadPoolExecutor(AT_A_TIME) as workers:
        found = list(workers.map(lambda key: _batch(desk, key, query.get("failures")), keys))
    return {"batches": [each for each in found if each]}


def _key(partition: str) -> str:
    """The key of a batch's upload: `shop/spring.jsonl` for `/batches/batch:shop/spring.jsonl#3`."""
    return partition.removeprefix(PARTITIONS).removeprefix("batch:").rpartition("#")[0]


def _batch(desk: "Desk", key: str, wanted: str | None) -> dict[str, Any] | None:
    batch = Batch(desk.room.stack, key)
    try:
        standing = batch.standing()
        failures = batch.failures()[:MAX_FAILURES] if key == wanted and standing.failed else []
    except Denied:
        raise
    except Trouble:
        return None  # it has expired, or its upload was erased
    return {
        "key": key, "total": standing.total, "is_counted": standing.is_counted, "succeeded": standing.succeeded,
        "failed": standing.failed, "cancelled": standing.cancelled, "under_way": standing.open,
        "ended": standing.is_over, "stopped": standing.is_stopped,
        "paid_calls": standing.paid_calls, "max_calls": standing.max_calls or None,
        "left": max(0, standing.total - standing.ended - standing.open),
        "began_at": _moment(standing.began_at), "moved_at": _moment(standing.moved_at),
        "ends_at": _moment(standing.ends_at), "answers": batch.answers,
        "failures": [each._asdict() for each in failures], "stop": f"/questions/stop/{part(key)}",
    }  # fmt: skip


def _moment(seconds: float | None) -> str | None:
    return timestamp(seconds) if seconds else None
