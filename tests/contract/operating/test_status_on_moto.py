"""A stack's status, from SQS and DynamoDB: what waits and why, what is under way, and what holds it back."""

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from darkroom.aws.dynamodb.breaker import DynamoBreaker
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import outcome
from darkroom.domain.outcome import Cost, Timing
from darkroom.domain.request import Request
from darkroom.errors import Cause, Rejected, Unavailable
from darkroom.turns.ports import Claim, Wait
from darkroom_client.commands.operating.status import _show
from darkroom_client.operating.status import Status, status
from darkroom_client.stacks.stack import MAPPINGS, Known, Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


@dataclass
class Watched:
    """The parts of Lambda and CloudWatch that a status reads."""

    states: dict[str, str] = field(default_factory=dict)
    ringing: list[str] | None = field(default_factory=list)

    def get_event_source_mapping(self, UUID: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        return {"State": self.states.get(UUID, "Enabled")}

    def get_paginator(self, _name: str) -> "Watched":
        return self

    def paginate(self, StateValue: str) -> list[dict[str, Any]]:  # noqa: N803
        if self.ringing is None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeAlarms")
        return [{"MetricAlarms": [{"AlarmName": name, "AlarmActions": ["topic"]} for name in self.ringing]}]


@dataclass
class Desk:
    """An operator of a stack whose requests wait and end."""

    table: Table
    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"
    watched: Watched = field(default_factory=Watched)
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=lambda: {"ThreadsTable": "threads", "AlarmsTopicArn": "topic"})

    def __post_init__(self) -> None:
        for name in ("RequestsQueueUrl", "RequestsDeadLetterQueueUrl", "BatchesDeadLetterQueueUrl"):
            made = self.sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})
            self.outputs[name] = made["QueueUrl"]
        self.outputs["UploadEventsDeadLetterQueueUrl"] = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.ledger = DynamoLedger(self.table, daily_call_limit=0)

    def status(self) -> Status:
        clients: dict[str, Any] = {"dynamodb": self.dynamodb, "sqs": self.sqs}
        resources = {name: name for name in MAPPINGS.values()}
        return status(
            Stack(Known(self.outputs, self.parameters, resources), lambda name: clients.get(name, self.watched))
        )

    def sends(self, thread: str) -> None:
        queue = self.outputs["RequestsQueueUrl"]
        self.sqs.send_message(
            QueueUrl=queue, MessageBody="{}", MessageGroupId=thread, MessageDeduplicationId=f"{thread} {time.time()}"
        )

    def takes(self, count: int = 1) -> None:
        queue = self.outputs["RequestsQueueUrl"]
        assert len(self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=count)["Messages"]) == count

    def waits(self, thread: str, cause: Cause, seconds: float = 600) -> None:
        self.ledger.defer(self.claim(thread), Unavailable(cause, "no"), Wait(time.time() + seconds, "a\ncat"))

    def ends(self, thread: str, paid_calls: int) -> None:
        at = outcome.timestamp(time.time())
        blank = outcome.refusal(Rejected("refused", "no"), timing=Timing(at, at, at, 1.0), attempts=1)
        ended = replace(blank, thread_id=thread, request_id="r", turn=1, cost=Cost(paid_calls, None, None))
        self.ledger.commit(self.claim(thread), ended)

    def claim(self, thread: str) -> Claim:
        claim = self.ledger.claim(Request(thread, "r", "a cat"), outcome.timestamp(time.time()))
        assert isinstance(claim, Claim)
        return claim


@pytest.fixture
def desk(threads_table: str, dynamodb: "DynamoDBClient", sqs: "SQSClient") -> Desk:
    return Desk(Table(dynamodb, threads_table), dynamodb, sqs)


def test_an_idle_stack_says_so(desk: Desk) -> None:
    document = desk.status().document()
    assert json.loads(json.dumps(document)) == {
        "waiting": 0, "in_flight": 0, "dead_letters": 0, "paused": False, "calls_today": 0, "daily_limit": 0,
        "causes": {}, "breaker": {}, "alarms": [],
    }  # fmt: skip


def test_what_waits_hidden_in_the_queue_is_told_from_what_is_under_way_and_what_nobody_has_taken(desk: Desk) -> None:
    for thread in "abcde":
        desk.sends(thread)
    desk.takes(3)  # one of them runs, two sleep
    desk.waits("a", "throttled")
    desk.waits("b", "budget")
    found = desk.status()
    assert (found.waiting, found.in_flight) == (4, 1)
    assert found.causes == {"queued": 2, "throttled": 1, "budget": 1}
    assert [(each.cause, each.thread_id, each.instruction) for each in found.sleepers] == [
        ("throttled", "a", "a cat"), ("budget", "b", "a cat"),
    ]  # fmt: skip


def test_one_that_may_look_again_and_whose_message_is_there_is_counted_once(desk: Desk) -> None:
    desk.sends("a")
    desk.waits("a", "throttled", seconds=-5)
    found = desk.status()
    assert (found.waiting, found.in_flight, found.causes) == (1, 0, {"throttled": 1})


def test_calls_are_those_of_the_counter_where_there_is_a_limit_and_else_those_of_what_has_ended(desk: Desk) -> None:
    desk.ends("a", 2)
    assert desk.status().calls_today == 2
    desk.table.write(desk.table.update("/calls", outcome.timestamp(time.time())[:10], {}, add={"calls": 7}))
    desk.parameters["DailyCallLimit"] = "9"
    found = desk.status()
    assert (found.calls_today, found.daily_limit) == (7, 9)


def test_what_holds_calls_back_is_told(desk: Desk) -> None:
    for request in ("r-1", "r-2"):
        DynamoBreaker(desk.table).failed("m", request, Unavailable("unreachable", "no"), is_first=True)
    (trouble,) = desk.status().document()["breaker"].values()
    assert (trouble["cause"], trouble["failures"], trouble["is_open"]) == ("unreachable", 2, False)
    DynamoBreaker(desk.table).failed("m", "r-3", Unavailable("unreachable", "no"), is_first=True)
    assert desk.status().breaker["m"].is_open


def test_a_model_of_few_requests_that_is_held_back_is_told_as_that_model_alone(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.parameters["ImageModel"] = "m"

    def fails(model: str) -> None:
        for request in ("r-1", "r-2", "r-3"):
            DynamoBreaker(desk.table).failed(model, request, Unavailable("model", "no"), is_first=True)

    fails("nomodel")
    _show(desk.status(), "shop", is_anew=False)
    said = capsys.readouterr().out
    assert said.startswith("shop: idle\n")
    assert "only requests for the model nomodel are held back (model): the image API has no such model. Ask" in said
    fails("m")
    _show(desk.status(), "shop", is_anew=False)
    assert capsys.readouterr().out.startswith("shop: calls are held back")


@pytest.mark.parametrize("state", ["Disabled", "Disabling"])
@pytest.mark.parametrize("mapping", MAPPINGS.values())
def test_a_stack_of_which_a_mapping_is_off_is_paused(desk: Desk, mapping: str, state: str) -> None:
    desk.watched.states[mapping] = state
    assert desk.status().paused


def test_dead_letters_of_all_kinds_and_alarms_are_told(desk: Desk) -> None:
    desk.sqs.send_message(QueueUrl=desk.outputs["UploadEventsDeadLetterQueueUrl"], MessageBody="{}")
    for queue in ("RequestsDeadLetterQueueUrl", "BatchesDeadLetterQueueUrl"):
        desk.sqs.send_message(
            QueueUrl=desk.outputs[queue], MessageBody="{}", MessageGroupId="t", MessageDeduplicationId="d"
        )
    desk.watched.ringing = ["b", "a"]
    found = desk.status()
    assert (found.dead_letters, found.alarms) == (3, ["a", "b"])
    desk.watched.ringing = None
    assert desk.status().alarms is None
