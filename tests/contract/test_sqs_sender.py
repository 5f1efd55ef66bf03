"""Sending messages to a queue: each sender gets an id, and its message is sent once or unconditionally."""

from typing import TYPE_CHECKING

import boto3
import pytest

from darkroom.aws.sqs import SqsSender
from darkroom.domain.keys import message_group

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Sent = tuple[str, str, str]


@pytest.fixture(params=["aws", pytest.param("on_localstack", marks=pytest.mark.slow)])
def sqs(request: pytest.FixtureRequest) -> "SQSClient":
    """SQS by moto, and by LocalStack."""
    request.getfixturevalue(request.param)
    return boto3.client("sqs")


@pytest.fixture
def queue_url(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName="requests.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]


def received(sqs: "SQSClient", url: str) -> list[Sent]:
    """The id, group and body of each message."""
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages", [])
    return [(each["MessageId"], each["Attributes"]["MessageGroupId"], each["Body"]) for each in found]


def test_its_sender_is_told_a_messages_id(sqs: "SQSClient", queue_url: str) -> None:
    outbox, thread = SqsSender(sqs, queue_url), "猫/夜"
    message_id = outbox.send("body", thread, "r-1")
    assert received(sqs, queue_url) == [(message_id, message_group(thread), "body")]


def test_one_request_is_sent_once_and_under_ids_of_its_own_as_often_as_there_are(
    sqs: "SQSClient", queue_url: str
) -> None:
    outbox = SqsSender(sqs, queue_url)
    for _ in range(2):
        outbox.send("once", "t", "r-1")
    own = [outbox.send(number, "t", "r-1", deduplication_id=f"batch:a#1/{number}") for number in "12"]
    found = received(sqs, queue_url)
    assert [body for _, _, body in found] == ["once", "1", "2"]
    assert [message_id for message_id, _, _ in found[1:]] == own


def test_another_content_under_the_same_id_is_sent_too(sqs: "SQSClient", queue_url: str) -> None:
    """It is refused (`request_id_reused`). If SQS dropped it, its sender would get no answer."""
    outbox = SqsSender(sqs, queue_url)
    for body in ("a", "b", "a"):
        outbox.send(body, "t", "r-1")
    assert [body for _, _, body in received(sqs, queue_url)] == ["a", "b"]
