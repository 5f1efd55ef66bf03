"""Dead letters on the deployed stack: why requests end there, and that redriving them costs nothing twice."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import operating, permissions
from tests.e2e.conftest import Stack
from tests.e2e.road import Road, eventually

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Address:
    """The address of the stack's own stand-in."""

    url: str


@pytest.fixture(scope="module")
def road(stack: Stack) -> Road:
    return Road(stack, Address(stack.env["IMAGE_API_URL"]))


@pytest.fixture
def thread() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def redrive(stack: Stack) -> list[str]:
    """Run `make redrive STACK=darkroom`. Return its output."""
    return operating.run(stack, "redrive")


def dead(stack: Stack) -> int:
    found = stack.aws.sqs.get_queue_attributes(
        QueueUrl=stack.env["REQUESTS_DEAD_LETTER_QUEUE_URL"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


def strike_five_times(stack: Stack, thread: str, request_id: str) -> bool:
    """Make a waiting request look as if five attempts had broken. Return whether it was waiting."""
    try:
        stack.aws.dynamodb.update_item(
            TableName=stack.env["THREADS_TABLE"],
            Key={"thread_id": {"S": thread}, "sk": {"S": f"REQUEST#{request_id}"}},
            UpdateExpression="SET strikes = :five",
            ConditionExpression="#owner = :nobody AND deferrals > :none",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":five": {"N": "5"}, ":nobody": {"S": ""}, ":none": {"N": "0"}},
        )
    except stack.aws.dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


@contextmanager
def not_allowed_to_read_uploads(stack: Stack) -> Iterator[None]:
    """Take a permission from `on_request`. A denial in the bucket's policy would give `unreadable`."""
    role, uploads = permissions.physical(stack, "OnRequestRole"), f"arn:aws:s3:::{stack.env['UPLOADS_BUCKET']}/*"
    with permissions.without(stack.env["AWS_ENDPOINT_URL"], role, uploads):
        yield


@contextmanager
def deployment_that_cannot_start(stack: Stack) -> Iterator[None]:
    """Take a setting from `on_request`, and let the queue give up after two deliveries instead of a thousand."""
    function, queue = stack.env["ON_REQUEST_FUNCTION"], stack.env["REQUESTS_QUEUE_URL"]
    settings = stack.aws.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    patience = stack.aws.sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["RedrivePolicy", "VisibilityTimeout"]
    )["Attributes"]
    impatience = json.dumps({**json.loads(patience["RedrivePolicy"]), "maxReceiveCount": 2})
    stack.aws.sqs.set_queue_attributes(
        QueueUrl=queue, Attributes={"RedrivePolicy": impatience, "VisibilityTimeout": "1"}
    )
    configure(stack, {name: value for name, value in settings.items() if name != "SPOOL_BUCKET"})
    try:
        yield
    finally:
        configure(stack, settings)
        stack.aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes=dict(patience))


def configure(stack: Stack, settings: dict[str, str]) -> None:
    function = stack.env["ON_REQUEST_FUNCTION"]
    stack.aws.functions.update_function_configuration(FunctionName=function, Environment={"Variables": settings})
    stack.aws.functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})


def test_a_request_that_broke_five_times_is_over_and_its_copy_is_only_removed(
    stack: Stack, road: Road, thread: str
) -> None:
    words = f"a cat {thread} [fault:429]"
    road.send(thread, {"instruction": words, "request_id": "r"})
    eventually(lambda: strike_five_times(stack, thread, "r") or None)
    result = road.turn(thread, 1)
    assert result["error"]["code"] == "internal_error"
    before, calls = road.keys(f"threads/{thread}/"), len(road.calls(thread))

    assert eventually(lambda: dead(stack) or None) == 1
    assert redrive(stack) == [
        f"is over     r of {thread}: internal_error, s3://{stack.env['RESULTS_BUCKET']}/{before[0]}",
        "0 sent again, 1 over and removed, 0 left.",
    ]
    road.send(thread, {"instruction": f"another cat {thread}"})
    assert road.turn(thread, 2)["status"] == "succeeded"
    assert road.results(thread)[0] == result
    assert len(road.calls(words)) == calls


@pytest.mark.torture
def test_five_attempts_a_minute_apart_break_for_a_permission_that_is_missing(
    stack: Stack, road: Road, thread: str
) -> None:
    key = f"{thread}/hidden.png"
    uploads = stack.env["UPLOADS_BUCKET"]
    stack.aws.s3.put_object(Bucket=uploads, Key=key, Body=b"", Metadata={"instruction": "wait"})
    with not_allowed_to_read_uploads(stack):
        road.send(thread, {"instruction": f"a cat {thread}", "request_id": "r", "images": [f"s3://{uploads}/{key}"]})
        result = road.turn(thread, 1, seconds=400)
    assert (result["error"]["code"], result["attempts"]) == ("internal_error", 6)
    assert redrive(stack)[0].startswith(f"is over     r of {thread}: internal_error, ")
    assert road.results(thread) == [result]
    assert road.calls(thread) == []


def test_what_a_deployment_that_cannot_start_left_behind_is_answered_once_and_in_order(
    stack: Stack, road: Road, thread: str
) -> None:
    threads = {f"{thread}-a": 3, f"{thread}-b": 2}
    queue = subscribed(road, thread)
    with deployment_that_cannot_start(stack):
        sent = {
            name: [road.send(name, {"instruction": f"{name} number {n}"}) for n in range(count)]
            for name, count in threads.items()
        }
        assert eventually(lambda: dead(stack) if dead(stack) == 5 else None, seconds=120) == 5
        assert any("-OnRequestErrorsAlarm-" in name for name in alarms(road, queue))
    assert road.calls(thread) == []

    assert redrive(stack)[-1] == "5 sent again, 0 over and removed, 0 left."
    for name, ids in sent.items():
        road.turn(name, len(ids))
        results = road.results(name)
        assert [result["request_id"] for result in results] == ids
        assert [result["instruction"] for result in results] == [f"{name} number {n}" for n in range(len(ids))]
        assert {result["status"] for result in results} == {"succeeded"}
    assert len(road.calls(thread)) == 5

    before = {name: road.results(name) for name in threads}
    assert redrive(stack) == ["0 sent again, 0 over and removed, 0 left."]
    for name, ids in sent.items():
        die(stack, name, {"instruction": f"{name} number 0", "request_id": ids[0]})
    assert redrive(stack)[-1] == "0 sent again, 2 over and removed, 0 left."
    road.send(thread, {"instruction": "a cat"})
    road.turn(thread, 1)
    assert {name: road.results(name) for name in threads} == before
    assert len(road.calls(f"{thread}-")) == 5


def die(stack: Stack, thread: str, body: Mapping[str, Any]) -> None:
    """Put a copy of a request among the dead letters, as an earlier attempt may have left it."""
    stack.aws.sqs.send_message(
        QueueUrl=stack.env["REQUESTS_DEAD_LETTER_QUEUE_URL"],
        MessageBody=json.dumps(body),
        MessageGroupId=thread,
        MessageDeduplicationId=uuid.uuid4().hex,
    )


def subscribed(road: Road, name: str) -> str:
    """A queue that gets the alarms."""
    sqs, topic = road.stack.aws.sqs, road.stack.env["ALARMS_TOPIC_ARN"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    road.cli("sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", arn)
    return queue


def alarms(road: Road, queue: str) -> list[str]:
    """The alarms that the queue gets after the function has failed.

    The emulator counts the errors of direct invocations only, and looks at its alarms when a metric is put.
    """
    road.stack.aws.functions.invoke(FunctionName=road.stack.env["ON_REQUEST_FUNCTION"], Payload=b'{"Records": []}')
    road.cli("cloudwatch", "put-metric-data", "--namespace", "Test", "--metric-name", "nudge", "--value", "1")
    received = road.stack.aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10, MaxNumberOfMessages=10)
    told = [json.loads(json.loads(letter["Body"])["Message"]) for letter in received.get("Messages", [])]
    return [each["AlarmName"] for each in told if each["NewStateValue"] == "ALARM"]
