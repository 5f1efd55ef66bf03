"""Redriving dead letters: each keeps its sender's id, and ended requests stay ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb.cancellations import Cancellations
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.table import Table
from darkroom.batches.batch_file import BatchFile
from darkroom.domain import outcome, request
from darkroom.domain.outcome import Outcome, Timing
from darkroom.domain.request import Request
from darkroom.errors import Code, Rejected
from darkroom.turns.ports import Claim
from darkroom.turns.publisher import turn_key
from darkroom_client.operating.erasing.partition import Partition
from darkroom_client.operating.erasing.receipt import Receipt
from darkroom_client.operating.redrive import Redrive
from darkroom_client.stacks.stack import Stack
from tests.fakes.stack import changed, deployed, rules

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

AT = "2026-11-22T12:00:00.000Z"


@dataclass
class Ward:
    """A stack's queues, table and results, and the output."""

    stack: Stack
    ledger: DynamoLedger
    lines: list[str] = field(default_factory=list)

    def work(self) -> dict[str, int]:
        return dict(Redrive(self.stack, self.lines.append).work())

    def dies(self, body: Mapping[str, Any] | str, group: str = "t") -> str:
        """Send a request to the dead-letter queue. Return its message id."""
        text = body if isinstance(body, str) else json.dumps(body)
        queue = self.stack.outputs["RequestsDeadLetterQueueUrl"]
        sent = self.stack.sqs.send_message(
            QueueUrl=queue, MessageBody=text, MessageGroupId=group, MessageDeduplicationId=f"{group}{text}"
        )
        return sent["MessageId"]

    def ends(self, asked: Request, code: Code | None = None) -> Outcome:
        """Give a request its turn, without announcing it."""
        claim = self.ledger.claim(asked, AT)
        assert isinstance(claim, Claim)
        blank = outcome.refusal(Rejected(code or "internal_error", "no"), timing=Timing(AT, AT, AT, None), attempts=1)
        turn = self.ledger.thread(asked.thread_id).latest_turn + 1
        ended = replace(blank, thread_id=asked.thread_id, request_id=asked.request_id, turn=turn)
        self.ledger.commit(claim, ended if code else replace(ended, status="succeeded", error=None))
        return ended

    def announce(self, ended: Outcome) -> None:
        self.stack.s3.put_object(Bucket=self.stack.outputs["ResultsBucket"], Key=turn_key(ended), Body=b"{}")

    def received(self, output: str) -> "list[MessageTypeDef]":
        """Take the messages out of a queue."""
        queue, found = self.stack.outputs[output], []
        while more := self.stack.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            found += more
            for letter in more:
                self.stack.sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])
        return found

    def sent_again(self) -> list[Request]:
        return [
            request.parse(
                letter["Body"],
                group=letter["Attributes"]["MessageGroupId"],
                message_id=letter["MessageId"],
                rules=rules("uploads", "results"),
            )
            for letter in self.received("RequestsQueueUrl")
        ]


@pytest.fixture
def ward(
    sqs: "SQSClient",
    s3: "S3Client",
    dynamodb: "DynamoDBClient",
    functions: "LambdaClient",
    buckets: tuple[str, str, str],
    threads_table: str,
) -> Ward:
    fifo: Mapping[QueueAttributeNameType, str] = {"FifoQueue": "true", "DeduplicationScope": "messageGroup"}
    outputs = {
        "UploadsBucket": "uploads",
        "ResultsBucket": "results",
        "ThreadsTable": threads_table,
        "RequestsQueueUrl": sqs.create_queue(QueueName="requests.fifo", Attributes=fifo)["QueueUrl"],
        "RequestsDeadLetterQueueUrl": sqs.create_queue(
            QueueName="dead.fifo", Attributes={**fifo, "VisibilityTimeout": "0"}
        )["QueueUrl"],
        "UploadEventsDeadLetterQueueUrl": sqs.create_queue(QueueName="dead")["QueueUrl"],
        "UploadEventsQueueUrl": sqs.create_queue(QueueName="events")["QueueUrl"],
        "BatchesDeadLetterQueueUrl": sqs.create_queue(QueueName="dead-batches.fifo", Attributes=fifo)["QueueUrl"],
        "BatchesQueueUrl": sqs.create_queue(QueueName="batches.fifo", Attributes=fifo)["QueueUrl"],
    }
    resources = {"UploadEventsQueue": outputs["UploadEventsQueueUrl"], "BatchesQueue": outputs["BatchesQueueUrl"]}
    stack = deployed(outputs, {}, resources, dynamodb, s3, sqs, functions)
    return Ward(stack, DynamoLedger(Table(dynamodb, threads_table), daily_call_limit=0))


def test_a_request_comes_back_under_the_thread_and_the_id_that_it_had(ward: Ward) -> None:
    message_id = ward.dies({"instruction": "make it blue", "options": {"temperature": 0.5}}, group="photos/cat")
    named = ward.dies({"instruction": "a 雪", "request_id": "order-1", "thread_id": "photos/cat"}, group="photos/cat")
    assert ward.work() == {"sent": 2}
    assert ward.sent_again() == [
        Request("photos/cat", message_id, "make it blue", options={"temperature": 0.5}, metadata={}),
        Request("photos/cat", "order-1", "a 雪", metadata={}),
    ]
    assert named not in ward.lines[1]
    assert ward.received("RequestsDeadLetterQueueUrl") == []


def test_envelopes_are_taken_off(ward: Ward) -> None:
    inner = json.dumps({"detail-type": "x", "detail": {"instruction": "make it blue"}})
    message_id = ward.dies({"Type": "Notification", "Message": inner})
    ward.work()
    assert ward.sent_again() == [Request("t", message_id, "make it blue", metadata={})]


def test_the_order_of_a_thread_is_kept(ward: Ward) -> None:
    for number in range(25):
        ward.dies({"instruction": "a", "request_id": f"r-{number}"}, group=f"t-{number % 2}")
    ward.work()
    again = ward.sent_again()
    for thread in ("t-0", "t-1"):
        ids = [int(each.request_id[2:]) for each in again if each.thread_id == thread]
        assert ids == sorted(ids)
    assert len(again) == 25


@pytest.mark.parametrize("code", ["internal_error", None])
def test_what_is_over_is_removed_and_the_operator_is_told_where_its_outcome_lies(ward: Ward, code: Code | None) -> None:
    ended = ward.ends(Request("t", "r-1", "make it blue", metadata={}), code)
    ward.announce(ended)
    ward.dies({"instruction": "make it blue", "request_id": "r-1"})
    assert ward.work() == {"over": 1}
    assert ward.lines == [f"is over     r-1 of t: {code or 'succeeded'}, s3://results/{turn_key(ended)}"]
    assert ward.received("RequestsDeadLetterQueueUrl") == ward.received("RequestsQueueUrl") == []


def test_what_was_erased_is_over(ward: Ward) -> None:
    ward.ends(Request("t", "r-1", "make it blue", metadata={}))
    partition = Partition(ward.ledger._table, "t", lambda: 1_795_348_800, Receipt("t", print))
    partition.bury(partition.known())
    ward.dies({"instruction": "make it blue", "request_id": "r-1"})
    assert ward.work() == {"over": 1}
    assert ward.lines == ["is over     r-1 of t: forgotten"]
    assert ward.received("RequestsDeadLetterQueueUrl") == ward.received("RequestsQueueUrl") == []


def test_what_was_committed_and_never_announced_is_not_over(ward: Ward) -> None:
    ward.ends(Request("t", "r-1", "make it blue", metadata={}))
    ward.dies({"instruction": "make it blue", "request_id": "r-1"})
    assert ward.work() == {"sent": 1}
    assert [each.request_id for each in ward.sent_again()] == ["r-1"]


def test_what_somebody_has_in_hand_is_not_over(ward: Ward) -> None:
    ward.ledger.claim(Request("t", "r-1", "make it blue", metadata={}), AT)
    ward.dies({"instruction": "make it blue", "request_id": "r-1"})
    assert ward.work() == {"sent": 1}


def test_an_id_that_stands_for_another_request_does_not_make_this_one_over(ward: Ward) -> None:
    ward.announce(ward.ends(Request("t", "r-1", "make it blue", metadata={})))
    ward.dies({"instruction": "make it green", "request_id": "r-1"})
    assert ward.work() == {"sent": 1}
    assert [each.instruction for each in ward.sent_again()] == ["make it green"]


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"instruction": "a", "colour": "red"}'])
def test_what_is_no_request_goes_back_as_it_is_and_the_operator_knows_where_it_will_be_told(
    ward: Ward, body: str
) -> None:
    ward.dies(body)
    assert ward.work() == {"sent": 1}
    (letter,) = ward.received("RequestsQueueUrl")
    assert letter["Body"] == body
    assert ward.lines[0].endswith(f" s3://results/rejected/messages/{letter['MessageId']}/result.json")


def test_an_upload_event_goes_back_as_it_is(ward: Ward) -> None:
    sent = ward.stack.sqs.send_message(QueueUrl=ward.stack.outputs["UploadEventsDeadLetterQueueUrl"], MessageBody="{}")
    assert ward.work() == {"sent": 1}
    assert [letter["Body"] for letter in ward.received("UploadEventsQueueUrl")] == ["{}"]
    assert ward.lines == [f"sent again  upload event {sent['MessageId']}"]


def test_a_batch_goes_back_as_it_is_in_the_group_that_it_had(ward: Ward) -> None:
    batch = BatchFile("uploads", "shop/spring.jsonl", "etag", "v1", 1, "shop", "shop/spring")
    ward.stack.sqs.send_message(
        QueueUrl=ward.stack.outputs["BatchesDeadLetterQueueUrl"],
        MessageBody=batch.body,
        MessageGroupId=batch.key,
        MessageDeduplicationId=batch.name,
    )
    assert ward.work() == {"sent": 1}
    ((body, group),) = [
        (letter["Body"], letter["Attributes"]["MessageGroupId"]) for letter in ward.received("BatchesQueueUrl")
    ]
    assert (body, group) == (batch.body, batch.key)
    assert ward.lines == ["sent again  batch shop/spring.jsonl"]


class Stopped:
    """A client that stops before it deletes anything."""

    def __init__(self, client: "SQSClient") -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        if name == "delete_message":
            raise KeyboardInterrupt
        return getattr(self._client, name)


def test_stopped_between_sending_and_deleting_it_is_run_again_and_the_request_is_there_once(ward: Ward) -> None:
    ward.dies({"instruction": "a", "request_id": "r-1"})
    stopped: Any = Stopped(ward.stack.sqs)
    with pytest.raises(KeyboardInterrupt):
        Redrive(changed(ward.stack, sqs=stopped), ward.lines.append).work()
    assert ward.work() == {"sent": 1}
    assert [each.request_id for each in ward.sent_again()] == ["r-1"]
    assert ward.received("RequestsDeadLetterQueueUrl") == []


def test_what_fails_again_at_once_is_left_for_the_next_time(ward: Ward) -> None:
    """The requests' queue stands for a broken deployment: each of its messages is dead at once."""
    dead = ward.stack.outputs["RequestsDeadLetterQueueUrl"]
    broken = changed(ward.stack, outputs={**ward.stack.outputs, "RequestsQueueUrl": dead})
    for number in range(3):
        ward.dies({"instruction": "a", "request_id": f"r-{number}"}, group=f"t-{number}")
    redrive = Redrive(broken, ward.lines.append)
    assert dict(redrive.work()) == {"sent": 3}
    assert redrive.left() == 3


def test_no_instruction_is_told(ward: Ward) -> None:
    ward.dies({"instruction": "a secret", "request_id": "r-1"})
    ward.dies({"instruction": "a secret", "colour": "red"})
    ward.work()
    assert len(ward.lines) == 2
    assert "secret" not in " ".join(ward.lines)


def test_what_was_cancelled_while_it_lay_there_ends_as_cancelled(ward: Ward) -> None:
    """A request that is sent again is asked after the moment of the cancel."""
    ward.dies({"instruction": "make it blue", "request_id": "r-1"})
    ward.dies({"instruction": "make it blue", "request_id": "r-2"}, group="other")
    marks = Cancellations(Table(ward.stack.dynamodb, ward.stack.outputs["ThreadsTable"]))
    marks.cancel_until("t", "2099-01-01T00:00:00.000Z")
    assert ward.work() == {"sent": 2}
    assert "sent again  r-1 of t, to end as cancelled" in ward.lines
    assert "sent again  r-2 of other" in ward.lines
    assert marks.has("t", "r-1", "2100-01-01T00:00:00.000Z")
