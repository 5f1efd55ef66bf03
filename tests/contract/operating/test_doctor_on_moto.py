"""The doctor's findings: each thing that is broken on purpose, and nothing in a healthy stack."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from darkroom.aws.dynamodb.breaker import DynamoBreaker
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import outcome
from darkroom.domain.outcome import Cost, Timing
from darkroom.domain.request import Request
from darkroom.errors import Cause, Rejected, Unavailable
from darkroom.providers.dialect import Dialect
from darkroom.providers.dialects.gemini import GEMINI
from darkroom.turns.ports import Claim
from darkroom_client.operating.doctor.examine import READS, Doctor
from darkroom_client.operating.doctor.image_api import Listed
from darkroom_client.stacks.stack import Known, Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY, MODEL, VERSION = "sk-secret-of-the-shop", "gemini-3.1-flash-image", "0.2.0"
AT = "2026-11-22T12:00:00.000Z"


def refusal(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@dataclass
class Account:
    """The services that are only read, as one client."""

    may_read_key: bool = True
    key: str | None = KEY
    off: tuple[str, ...] = ()
    concurrency: int = 1000
    subscribers: dict[str, str] = field(default_factory=lambda: {"SubscriptionsConfirmed": "1"})
    ringing: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        if not self.may_read_key:
            raise refusal("AccessDeniedException", "GetSecretValue")
        if self.key is None:
            raise refusal("ResourceNotFoundException", "GetSecretValue")
        return {"SecretString": self.key}

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803
        return {"VersionIdsToStages": {"v": ["AWSCURRENT"]}} if self.key else {}

    def get_event_source_mapping(self, UUID: str) -> dict[str, str]:  # noqa: N803
        return {"State": "Disabled" if UUID in self.off else "Enabled"}

    def get_account_settings(self) -> dict[str, Any]:
        if "quotas" in self.denied:
            raise refusal("AccessDeniedException", "GetAccountSettings")
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.concurrency}}

    def get_topic_attributes(self, TopicArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Attributes": self.subscribers}

    def get_paginator(self, _name: str) -> "Account":
        return self

    def paginate(self, StateValue: str) -> list[dict[str, Any]]:  # noqa: N803
        mine = [{"AlarmName": name, "AlarmActions": ["topic"]} for name in self.ringing]
        return [{"MetricAlarms": [*mine, {"AlarmName": "anothers", "AlarmActions": ["other"]}]}]


@dataclass
class Clinic:
    """A healthy stack, and its parts that a test may break."""

    table: Table
    dynamodb: "DynamoDBClient"
    account: Account = field(default_factory=Account)
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    answer: Listed = field(default_factory=lambda: Listed(200, frozenset((MODEL, "another"))))
    asked: list[tuple[str, str]] = field(default_factory=list)
    off: float = 0.0

    def __post_init__(self) -> None:
        self.sqs = boto3.client("sqs")
        dead = self.sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.outputs |= {
            "ThreadsTable": "threads", "StackVersion": VERSION, "ImageApiKeySecretArn": "secret",
            "AlarmsTopicArn": "topic", "RequestsDeadLetterQueueUrl": dead,
            "UploadEventsDeadLetterQueueUrl": self.sqs.create_queue(QueueName="uploads-dead")["QueueUrl"],
            "BatchesDeadLetterQueueUrl": self.sqs.create_queue(QueueName="batches-dead")["QueueUrl"],
        }  # fmt: skip
        self.parameters |= {
            "ImageModel": MODEL, "ImageApiUrl": "https://api", "DailyCallLimit": "5", "MaximumConcurrency": "10",
        }  # fmt: skip

    def state(self, version: str = VERSION) -> dict[str, str]:
        """The unhealthy findings by check."""
        resources = {name: name for name in READS.values()}
        clients: dict[str, Any] = {"dynamodb": self.dynamodb, "sqs": self.sqs}
        stack = Stack(
            Known(self.outputs, self.parameters, resources), lambda service: clients.get(service, self.account)
        )
        doctor = Doctor(stack, version, ask=self._ask, clock=lambda: stack.now() + self.off)
        self.findings = list(doctor.findings())
        assert KEY not in str(self.findings)
        assert all(each.way_out for each in self.findings if each.state in ("broken", "unwise"))
        return {each.name: each.state for each in self.findings if each.state != "ok"}

    def ends(self, model: str = MODEL, paid_calls: int = 1) -> None:
        """Record a paid call that has just made a picture."""
        at = outcome.timestamp(Stack(Known(self.outputs, {}, {}), lambda _: self.dynamodb).now())
        claim = DynamoLedger(self.table, daily_call_limit=0).claim(Request("t", "r", "a cat"), at)
        assert isinstance(claim, Claim)
        blank = outcome.refusal(Rejected("refused", "no"), timing=Timing(at, at, at, 1.0), attempts=1)
        ended = replace(blank, thread_id="t", request_id="r", turn=1, status="succeeded", error=None, model=model)
        DynamoLedger(self.table, daily_call_limit=0).commit(claim, replace(ended, cost=Cost(paid_calls, None, None)))

    def fails(self, cause: Cause, model: str = MODEL) -> None:
        for number in range(3):
            DynamoBreaker(self.table).failed(model, f"r-{number}", Unavailable(cause, "no"), is_first=True)

    def _ask(self, url: str, key: str, _: Dialect) -> Listed:
        self.asked.append((url, key))
        return self.answer


@pytest.fixture
def clinic(threads_table: str, dynamodb: "DynamoDBClient") -> Clinic:
    return Clinic(Table(dynamodb, threads_table), dynamodb)


def test_a_stack_that_is_well_has_nothing(clinic: Clinic) -> None:
    assert clinic.state() == {}
    assert clinic.asked == [("https://api", KEY)]


@pytest.mark.parametrize(
    ("version", "state"), [("0.1.9", "broken"), ("0.2.1", "unwise"), ("1.0.0", "unwise"), (VERSION, None)]
)
def test_a_client_that_is_older_than_the_stack_is_broken_and_a_newer_one_unwise(
    clinic: Clinic, version: str, state: str | None
) -> None:
    assert clinic.state(version).get("version") == state


@pytest.mark.parametrize(("off", "state"), [(600, "broken"), (-600, "broken"), (100, "unwise"), (5, None)])
def test_a_clock_that_is_off_is_found(clinic: Clinic, off: float, state: str | None) -> None:
    clinic.off = off
    assert clinic.state().get("clock") == state


@pytest.mark.parametrize("may_read", [True, False])
@pytest.mark.parametrize("key", [None, ""])
def test_a_key_that_is_not_there_is_found_and_nobody_is_asked(clinic: Clinic, may_read: bool, key: str | None) -> None:
    clinic.account = Account(may_read_key=may_read, key=key)
    assert clinic.state()["key"] == "broken"
    assert clinic.asked == []


@pytest.mark.parametrize(("status", "state"), [(401, "broken"), (403, "broken"), (302, "broken"), (404, "unknown")])
def test_what_the_api_answers_tells_whether_the_key_is_accepted(clinic: Clinic, status: int, state: str) -> None:
    clinic.answer = Listed(status, None)
    assert clinic.state()["key"] == state


def test_an_api_that_cannot_be_reached_from_here_says_nothing_about_the_key(clinic: Clinic) -> None:
    clinic.answer = Listed(None, None, "URLError")
    assert clinic.state() == {"key": "unknown", "model": "unknown"}
    clinic.ends()
    assert clinic.state() == {}


@pytest.mark.parametrize(("cause", "name"), [("credentials", "key"), ("account", "key"), ("model", "model")])
def test_who_may_not_read_the_key_hears_of_what_the_calls_have_met(clinic: Clinic, cause: Cause, name: str) -> None:
    clinic.account = Account(may_read_key=False)
    assert clinic.state() == {"key": "unknown", "model": "unknown"}
    clinic.ends()
    assert clinic.state() == {}
    clinic.fails(cause)
    assert {name: "broken", "provider": "broken"}.items() <= clinic.state().items()
    assert clinic.asked == []


def test_a_model_that_some_requests_name_and_that_is_held_back_is_unwise(clinic: Clinic) -> None:
    clinic.fails("model", "nomodel")
    assert clinic.state() == {"provider": "unwise"}
    (finding,) = [each for each in clinic.findings if each.name == "provider"]
    said = "Only requests for the model nomodel are held back (model): the image API has no such model."
    assert finding.said == said
    assert "darkroom cancel" in finding.way_out
    clinic.fails("unreachable")
    assert clinic.state()["provider"] == "broken"


def test_where_no_model_and_no_address_are_set_those_of_the_dialect_are_examined(clinic: Clinic) -> None:
    clinic.parameters |= {"ImageModel": "", "ImageApiUrl": ""}
    clinic.outputs["ImageApiDialect"] = "gemini"
    clinic.answer = Listed(200, frozenset(("another",)))
    assert clinic.state() == {"model": "broken"}
    assert [url for url, _ in clinic.asked] == [GEMINI.url]
    clinic.answer = Listed(200, frozenset((GEMINI.model,)))
    assert clinic.state() == {}


def test_a_model_that_is_not_listed_is_found_and_so_is_one_that_is_known_to_be_retired(clinic: Clinic) -> None:
    clinic.parameters["ImageModel"] = "gone"
    assert clinic.state() == {"model": "broken"}
    clinic.account = Account(may_read_key=False)
    clinic.parameters["ImageModel"] = "gemini-2.5-flash-image-preview"
    assert clinic.state()["model"] == "broken"


@pytest.mark.parametrize("name", READS.values())
def test_a_mapping_that_is_off_is_found_and_its_way_on_named(clinic: Clinic, name: str) -> None:
    clinic.account = Account(off=(name,))
    assert clinic.state() == {"queues": "broken"}
    (finding,) = [each for each in clinic.findings if each.name == "queues"]
    assert ("darkroom resume" in finding.way_out) == name.startswith("OnRequest")
    assert (f"--uuid {name}" in finding.way_out) == name.startswith("OnUpload")


def test_no_limit_is_unwise_and_one_that_is_reached_broken(clinic: Clinic) -> None:
    day = outcome.timestamp(Stack(Known(clinic.outputs, {}, {}), lambda _: clinic.dynamodb).now())[:10]
    clinic.table.write(clinic.table.update("/calls", day, {}, add={"calls": 5}))
    assert clinic.state() == {"limit": "broken"}
    clinic.parameters["DailyCallLimit"] = "6"
    assert clinic.state() == {}
    clinic.parameters["DailyCallLimit"] = "0"
    assert clinic.state() == {"limit": "unwise"}


@pytest.mark.parametrize(("concurrency", "state"), [(11, "broken"), (12, "unwise"), (24, None)])
def test_a_quota_that_is_too_small_is_found(clinic: Clinic, concurrency: int, state: str | None) -> None:
    clinic.account = Account(concurrency=concurrency)
    assert clinic.state().get("quotas") == state


@pytest.mark.parametrize("counts", [{}, {"SubscriptionsConfirmed": "0"}, {"SubscriptionsPending": "1"}])
def test_alarms_of_which_nobody_hears_are_unwise(clinic: Clinic, counts: dict[str, str]) -> None:
    clinic.account = Account(subscribers=counts)
    assert clinic.state() == {"subscribers": "unwise"}


def test_alarms_that_ring_and_dead_letters_are_told(clinic: Clinic) -> None:
    clinic.account = Account(ringing=("stack-OnUploadErrorsAlarm-1",))
    clinic.sqs.send_message(QueueUrl=clinic.outputs["BatchesDeadLetterQueueUrl"], MessageBody="{}")
    assert clinic.state() == {"alarms": "unwise", "dead letters": "unwise"}


def test_what_the_caller_may_not_see_is_not_known_and_names_the_policy(clinic: Clinic) -> None:
    clinic.account = Account(denied=("quotas",))
    assert clinic.state() == {"quotas": "unknown"}
    assert any("OperatorPolicyArn" in each.said for each in clinic.findings)
