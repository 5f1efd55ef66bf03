"""What else in the table is about a thread: the one look at all of it."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from darkroom.aws.dynamodb import batch_state, upload_state
from darkroom.aws.dynamodb.items import from_item
from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom.batches import batch_file
from darkroom.domain import outcome
from darkroom.domain.ports import Forgotten
from darkroom.turns import handler
from darkroom_client.operating.erasing.receipt import Receipt

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Place = tuple[str, str]
_ATTRIBUTES = ("thread_id", "sk", "sources", "asked", "image", "outbox", "text", "thread", "position", "expires_at")


@dataclass(frozen=True, slots=True)
class Others:
    """`users` names by bucket and key of a picture another thread that has it; `lines` are items of batches whose
    lines ended in the thread, and `open` says what has not ended there.
    """

    users: dict[Place, str] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)


def look(
    client: "DynamoDBClient", table: str, thread_id: str, pictures: Collection[Place], is_result: Callable[[str], bool]
) -> Others:
    """Looks at the whole table. `pictures` are looked for in other threads; `is_result` knows the thread's results."""
    others = Others()
    for item in _items(client, table):
        partition = item["thread_id"]
        if partition.startswith(batch_state.PARTITIONS):
            _look_at_line(item, others, thread_id, is_result)
            continue
        outbox = json.loads(item["outbox"]) if "outbox" in item else {}
        user = outbox.get("thread_id") or partition.removeprefix(upload_state.PARTITIONS)
        if user != thread_id:
            others.users.update((place, user) for place in _pictures(item, outbox) if place in pictures)
        elif "request_id" in outbox:  # else it is a batch file
            others.open.append(f"{outbox['request_id']} is about to be sent")
    return others


def blank(
    table: Table, lines: Collection[dict[str, Any]], thread_id: str, receipt: Receipt, uploads: str, results: str
) -> None:
    """Takes out of the batches' memory what their lines of the thread were answered. Names the files that hold them.

    A file is not written again: a batch file with other content is another batch, and answers would be told twice.
    """
    for line in lines:
        answer = json.loads(line["text"])
        if answer["result"] is not None:
            error = asdict(outcome.failure(handler.taken(str(answer["custom_id"]), Forgotten())))
            told = {**answer, "result": None, "error": error}
            document = {
                "position": line["position"],
                "text": json.dumps(told, ensure_ascii=False),
                "thread": thread_id,
                "expires_at": line["expires_at"],
            }
            is_same = Condition("#text = :before", {"before": line["text"]}, ("text",))
            try:
                table.write(table.put(line["thread_id"], line["sk"], document, is_same))
            except ConditionFailed:
                continue
            receipt.erased("batch lines", f"the answer to line {line['position']} of {_key(line)}")
        receipt.left(f"s3://{uploads}/{_key(line)}", f"line {line['position']} of this batch file asked in the thread")
        receipt.left(f"s3://{results}/{batch_file.answer_key(_key(line))}", "it may hold the answer to that line")


def _look_at_line(item: dict[str, Any], others: Others, thread_id: str, is_result: Callable[[str], bool]) -> None:
    if not item["sk"].startswith("LINE#"):
        return
    if "text" not in item:
        if item["thread"] == thread_id:
            others.open.append(f"line {item['position']} of {_key(item)} is on its way")
        return
    result = json.loads(item["text"])["result"]
    if item.get("thread") == thread_id or (result and is_result(result)):
        others.lines.append(item)


def _key(line: dict[str, Any]) -> str:
    """The key of the file that a line is of: its batch is called `batch:<key>#<generation>`."""
    name: str = line["thread_id"].removeprefix(batch_state.PARTITIONS + "batch:")
    return name.rpartition("#")[0]


def _pictures(item: dict[str, Any], outbox: dict[str, Any]) -> Iterator[Place]:
    """The pictures that a turn, an open request, a photo that waits or a request that is about to be sent names."""
    named = [
        *item.get("sources", ()),
        *item.get("asked", {}).get("sources", ()),
        *outbox.get("images", ()),
        *([item["image"]] if "image" in item else ()),
    ]
    return ((each["bucket"], each["key"]) for each in named)


def _items(client: "DynamoDBClient", table: str) -> Iterator[dict[str, Any]]:
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        ProjectionExpression=", ".join(f"#{name}" for name in _ATTRIBUTES),
        ExpressionAttributeNames={f"#{name}": name for name in _ATTRIBUTES},
    )
    for page in pages:
        yield from map(from_item, page["Items"])
