"""Pauses event source mappings, and delivers single messages to `on_request` meanwhile."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.stack import aws
from tests.e2e.conftest import Stack
from tests.e2e.road import eventually, group_of

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

INVOCATION_SECONDS = 150
REQUESTS = ("requests.fifo", "probes.fifo")
UPLOADS = ("upload-events", "batches.fifo")


def pause(stack: Stack, *queues: str) -> None:
    """Disable the mappings of these queues. Running invocations go on."""
    uuids = {mapping["UUID"] for mapping in _mappings(stack) if mapping["EventSourceArn"].endswith(queues)}
    assert len(uuids) == len(queues)
    _enable(stack, uuids, enabled=False)


def resume(stack: Stack) -> None:
    """Enable every mapping."""
    _enable(stack, {mapping["UUID"] for mapping in _mappings(stack)}, enabled=True)


def deliver(stack: Stack, thread: str) -> str:
    """Give the thread's next message to `on_request`, as the mapping does, and wait until the invocation ends.

    Return the receipt handle of the message, which has to stay in the queue.
    """
    message = _taken(stack, thread)
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": stack.env["REQUESTS_QUEUE_ARN"],
        "awsRegion": aws.REGION,
    }
    answer = _patient_client(stack).invoke(
        FunctionName=stack.env["ON_REQUEST_FUNCTION"], Payload=json.dumps({"Records": [record]})
    )
    answered = json.loads(answer["Payload"].read())
    assert "FunctionError" in answer or len(answered["batchItemFailures"]) == 1, f"{thread} has ended: {answered}"
    return message["ReceiptHandle"]


def show(stack: Stack, receipt_handle: str) -> None:
    """Make a message visible at once."""
    stack.aws.sqs.change_message_visibility(
        QueueUrl=stack.env["REQUESTS_QUEUE_URL"], ReceiptHandle=receipt_handle, VisibilityTimeout=0
    )


def _taken(stack: Stack, thread: str) -> "MessageTypeDef":
    """Receive the thread's next message, and put back the others that come before it."""
    received: list[MessageTypeDef] = []

    def look() -> "MessageTypeDef | None":
        received.extend(_received(stack))
        return next((each for each in received if each["Attributes"]["MessageGroupId"] == group_of(thread)), None)

    wanted = eventually(look)
    for other in received:
        if other is not wanted:
            show(stack, other["ReceiptHandle"])
    return wanted


def _received(stack: Stack) -> "list[MessageTypeDef]":
    return stack.aws.sqs.receive_message(
        QueueUrl=stack.env["REQUESTS_QUEUE_URL"], MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    ).get("Messages", [])


def _enable(stack: Stack, uuids: set[str], *, enabled: bool) -> None:
    wanted = "Enabled" if enabled else "Disabled"
    for uuid in uuids:
        stack.aws.functions.update_event_source_mapping(UUID=uuid, Enabled=enabled)
    eventually(lambda: {each["State"] for each in _mappings(stack) if each["UUID"] in uuids} == {wanted} or None)


def _mappings(stack: Stack) -> Iterator[dict[str, Any]]:
    yield from map(dict, stack.aws.functions.list_event_source_mappings()["EventSourceMappings"])


def _patient_client(stack: Stack) -> "LambdaClient":
    """A client that waits for a long invocation, and never repeats it."""
    return boto3.client(
        "lambda",
        endpoint_url=stack.env["AWS_ENDPOINT_URL"],
        region_name=aws.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(read_timeout=INVOCATION_SECONDS, retries={"total_max_attempts": 1}, proxies={}),
    )
