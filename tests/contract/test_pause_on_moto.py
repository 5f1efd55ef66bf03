"""Pausing on Lambda and SQS: the mappings that are switched, when that is reported, and what waits meanwhile."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from darkroom_client.errors import Trouble
from darkroom_client.operating.pause import PATIENCE_SECONDS, Pause
from darkroom_client.stacks.stack import MAPPINGS, Stack
from local.stack import deploy
from tests.fakes.stack import deployed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

WEEK = 7 * 24 * 3600
PAUSED = ["paused   RequestsQueue", "paused   ProbesQueue"]
RESUMED = ["resumed  RequestsQueue", "resumed  ProbesQueue"]


@dataclass
class Desk:
    """An operator of a stack, and the output. A change of a mapping takes seconds, as on AWS."""

    stack: Stack
    uuids: Mapping[str, str]
    said: list[str] = field(default_factory=list)
    seconds: int = 0
    changes: list[str] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=dict)

    @property
    def pause(self) -> Pause:
        return Pause(self.stack, self.said.append, sleep=self._wait)

    def states(self) -> dict[str, str]:
        found = self.stack.functions.list_event_source_mappings()["EventSourceMappings"]
        return {each["EventSourceArn"].rpartition(":")[2]: each["State"] for each in found}

    def take_seconds(self, seconds: int) -> None:
        """Let each change show its intermediate state for so long. Lambda refuses changes meanwhile."""
        events = self.stack.functions.meta.events
        events.register("before-parameter-build.lambda.UpdateEventSourceMapping", self._begin(seconds))
        events.register("after-call.lambda.GetEventSourceMapping", self._look)

    def _begin(self, seconds: int) -> Any:
        def begin(params: Mapping[str, Any], **_: object) -> None:
            assert not self.under_way.get(params["UUID"]), "ResourceInUseException"
            self.under_way[params["UUID"]] = seconds
            self.changes.append(params["UUID"])

        return begin

    def _look(self, parsed: dict[str, Any], **_: object) -> None:
        if self.under_way.get(parsed["UUID"]):
            parsed["State"] = {"Disabled": "Disabling", "Enabled": "Enabling"}[parsed["State"]]

    def _wait(self, seconds: float) -> None:
        assert seconds >= 1
        self.seconds += 1
        self.under_way = {uuid: max(left - 1, 0) for uuid, left in self.under_way.items()}


@pytest.fixture
def desk(dynamodb: "DynamoDBClient", s3: "S3Client", sqs: "SQSClient", functions: "LambdaClient") -> Desk:
    """All four mappings of a stack, as the template has them."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    uuids, queues = {}, {}
    for function, names in {
        "on-upload": ("uploads", "batches.fifo"),
        "on-request": ("requests.fifo", "probes.fifo"),
    }.items():
        functions.create_function(
            FunctionName=function, Runtime="python3.13", Role=role, Handler="app.handler", Code={"ZipFile": b"code"}
        )
        for name in names:
            attributes: dict[QueueAttributeNameType, str] = {"MessageRetentionPeriod": str(WEEK)}
            if name.endswith(".fifo"):
                attributes["FifoQueue"] = "true"
            queues[name] = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=queues[name], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            made = functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=function)
            uuids[name] = made["UUID"]
    resources = {"OnRequestFunctionRequests": uuids["requests.fifo"], "OnRequestFunctionProbes": uuids["probes.fifo"]}
    outputs = {"RequestsQueueUrl": queues["requests.fifo"]}
    return Desk(deployed(outputs, {}, resources, dynamodb, s3, sqs, functions), uuids)


def test_requests_and_their_copies_are_paused_and_uploads_are_not(desk: Desk) -> None:
    desk.pause.pause()
    assert desk.states() == {
        "requests.fifo": "Disabled", "probes.fifo": "Disabled", "uploads": "Enabled", "batches.fifo": "Enabled",
    }  # fmt: skip
    assert sorted(desk.said[:2]) == sorted(PAUSED)


def test_it_says_how_much_waits_and_how_long_the_queue_keeps_it(desk: Desk) -> None:
    desk.pause.pause()  # moto would invoke the function
    for number in range(3):
        desk.stack.sqs.send_message(
            QueueUrl=desk.stack.outputs["RequestsQueueUrl"],
            MessageBody="{}",
            MessageGroupId="t",
            MessageDeduplicationId=str(number),
        )
    desk.stack.sqs.receive_message(QueueUrl=desk.stack.outputs["RequestsQueueUrl"])
    desk.said.clear()
    desk.pause.pause()
    assert desk.said[2:] == [
        "Requests that wait or are under way: about 3.",
        "SQS deletes each 7 days after it was sent. `darkroom resume` lets them go on.",
    ]


def test_a_queue_is_said_to_be_paused_when_lambda_reads_it_no_more(desk: Desk) -> None:
    desk.take_seconds(20)
    desk.pause.pause()
    assert desk.seconds == 20
    assert sorted(desk.changes) == sorted(desk.uuids[each] for each in ("requests.fifo", "probes.fifo"))
    desk.pause.resume()
    assert desk.said[4:] == RESUMED
    assert set(desk.states().values()) == {"Enabled"}


def test_a_pause_that_meets_a_resume_under_way_waits_for_it_first(desk: Desk) -> None:
    desk.pause.pause()
    desk.take_seconds(5)
    desk.stack.functions.update_event_source_mapping(UUID=desk.uuids["probes.fifo"], Enabled=True)
    desk.pause.pause()
    assert desk.states()["probes.fifo"] == "Disabled"


def test_a_repetition_changes_nothing_and_says_the_same(desk: Desk) -> None:
    desk.take_seconds(0)
    for act, expected in ((desk.pause.pause, PAUSED), (desk.pause.resume, RESUMED)):
        act()
        desk.said.clear()
        desk.changes.clear()
        act()
        assert desk.said[:2] == expected
        assert desk.changes == []


def test_one_that_was_paused_by_hand_is_resumed_with_the_other(desk: Desk) -> None:
    desk.stack.functions.update_event_source_mapping(UUID=desk.uuids["requests.fifo"], Enabled=False)
    desk.pause.resume()
    assert set(desk.states().values()) == {"Enabled"}


def test_what_lambda_does_not_do_in_time_is_told_by_the_queues_name(desk: Desk) -> None:
    desk.take_seconds(PATIENCE_SECONDS + 1)
    with pytest.raises(Trouble, match="RequestsQueue and ProbesQueue"):
        desk.pause.pause()
    assert desk.said == []


def test_a_paused_stack_is_ready_as_it_is(desk: Desk) -> None:
    outputs = {"OnUploadFunction": "on-upload", "OnRequestFunction": "on-request"}
    known: Any = SimpleNamespace(functions=desk.stack.functions)
    for act, expected in ((desk.pause.pause, True), (desk.pause.resume, False)):
        act()
        deploy.wait_until_ready(outputs, known)
        assert deploy.is_paused(outputs, known) is expected


def test_the_mappings_are_those_that_the_template_gives_to_on_request(template: dict[str, Any]) -> None:
    """SAM names a mapping by its function and its event."""
    events = template["Resources"]["OnRequestFunction"]["Properties"]["Events"]
    made = {each["Properties"]["Queue"].partition(".")[0]: f"OnRequestFunction{name}" for name, each in events.items()}
    assert made == MAPPINGS
