"""A turn makes the calls to AWS that docs/performance.md lists, however long its thread is."""

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from darkroom.aws import clients
from darkroom.aws.dynamodb.table import Table, Write
from darkroom.aws.dynamodb.turn_store import DynamoTurns
from darkroom.domain import keys
from darkroom.domain.thread import PAGE_TURNS, SENT_TURNS, Past
from functions.on_request import app as on_request
from tests.contract.conftest import Results
from tests.fakes.image_api import png
from tests.invocation import CONTEXT, forget_what_was_built

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"
COLUMNS = ("turn 1", "turn 4", "turn 151")
SOURCE = {"images": ["s3://uploads/photo.png"]}


@dataclass
class Seen:
    """The calls of every client by operation, and the items that they read."""

    calls: Counter[str] = field(default_factory=Counter)
    items: int = 0

    def before(self, model: Any, **_: Any) -> None:
        self.calls[f"{model.service_model.service_name}.{model.name}"] += 1

    def after(self, parsed: Mapping[str, Any], **_: Any) -> None:
        self.items += parsed.get("ScannedCount", 0) + ("Item" in parsed)


@contextmanager
def seen() -> Iterator[Seen]:
    """Watch the clients that the functions have built already, and those that they build."""
    edge = Seen()
    built: list[Any] = [clients.session(), clients.s3().meta, clients.sqs().meta, clients.table("threads")._client.meta]
    for each in built:
        each.events.register("before-call", edge.before)
        each.events.register("after-call.dynamodb", edge.after)
    yield edge
    for each in built:
        each.events.unregister("before-call", edge.before)
        each.events.unregister("after-call.dynamodb", edge.after)


def answered(results: Results, number: int, **more: Any) -> Seen:
    """Ask for this turn of the thread, and give the message to the function as Lambda does."""
    sqs, queue = boto3.client("sqs"), results.queue_url
    body = json.dumps({"instruction": f"number {number}", "request_id": f"r-{number}", **more})
    sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId="t", MessageDeduplicationId=uuid.uuid4().hex)
    (message,) = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"])["Messages"]
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:requests.fifo",
    }
    with seen() as edge:
        assert on_request.handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    (result,) = results.under(keys.turn_prefix("t", number, f"r-{number}"))
    assert result["status"] == "succeeded"
    return edge


def grow(dynamodb: "DynamoDBClient", table: str, length: int) -> None:
    """Continue the thread like its newest turn, up to this number of turns."""
    turns = DynamoTurns(Table(dynamodb, table), "t")
    newest, first_source = turns.page(None)[0], turns.one(1).sources[0]
    writes: list[Write] = []
    for number in range(int(newest.turn or 0) + 1, length + 1):
        ended = replace(newest, turn=number, parent_turn=number - 1, request_id=f"r-{number}", sources=[])
        past = Past(number, first_source) if number > SENT_TURNS else None
        writes += turns.added(ended, past)
    for first in range(0, len(writes), 25):
        puts: Any = [{"PutRequest": {"Item": write.request["Item"]}} for write in writes[first : first + 25]]
        dynamodb.batch_write_item(RequestItems={table: puts})
    dynamodb.update_item(
        TableName=table,
        Key={"thread_id": {"S": "t"}, "sk": {"S": "THREAD"}},
        UpdateExpression="SET latest_turn = :length",
        ExpressionAttributeValues={":length": {"N": str(length)}},
    )


@pytest.fixture
def thread(results: Results, monkeypatch: pytest.MonkeyPatch) -> Results:
    """A stack with the default response format and without a limit on turns."""
    monkeypatch.setenv("RESPONSE_FORMAT", "b64_json")
    monkeypatch.setenv("MAX_TURNS_PER_THREAD", "5000")
    forget_what_was_built()
    results.upload("photo.png", png(size=(64, 48)))
    return results


def listed() -> dict[str, Counter[str]]:
    """The table of the document: the calls in each column."""
    section = PERFORMANCE.read_text(encoding="utf-8").partition("## Calls to AWS")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [^|]+ \| `(\w+\.\w+)` \| +(\d*) *\| +(\d*) *\| +(\d*) *\|", section, re.MULTILINE)
    calls: dict[str, Counter[str]] = {name: Counter() for name in COLUMNS}
    for operation, *counts in rows:
        for name, count in zip(COLUMNS, counts, strict=True):
            calls[name][operation] += int(count or 0)
    return calls


def test_a_turn_makes_the_calls_that_are_listed_and_no_other(
    thread: Results, dynamodb: "DynamoDBClient", threads_table: str
) -> None:
    made = {"turn 1": answered(thread, 1, **SOURCE).calls}
    answered(thread, 2)
    answered(thread, 3)
    made["turn 4"] = answered(thread, 4).calls
    grow(dynamodb, threads_table, 150)
    made["turn 151"] = answered(thread, 151).calls
    assert made == {name: +calls for name, calls in listed().items()}


def test_a_turn_of_a_thousand_reads_no_more_than_one_of_a_hundred_and_fifty(
    thread: Results, dynamodb: "DynamoDBClient", threads_table: str
) -> None:
    first = answered(thread, 1, **SOURCE)
    edges = []
    for length in (150, 1000):
        grow(dynamodb, threads_table, length)
        edges.append(answered(thread, length + 1))
    assert edges[0] == edges[1]
    assert edges[0].items <= first.items + PAGE_TURNS + 1, "a page, and what was kept beside the newest turn"


def test_a_daily_limit_makes_no_call_more(thread: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    without = answered(thread, 1).calls
    monkeypatch.setenv("DAILY_CALL_LIMIT", "5")
    forget_what_was_built()
    limited = answered(thread, 2).calls
    to_the_table = ("dynamodb.GetItem", "dynamodb.Query", "dynamodb.UpdateItem", "dynamodb.TransactWriteItems")
    assert [limited[name] for name in to_the_table] == [without[name] for name in to_the_table] == [1, 1, 2, 2]
