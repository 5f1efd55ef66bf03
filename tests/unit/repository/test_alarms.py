"""Every alarm watches a metric that is really written, notifies the topic, and is explained in the runbook."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from aws_lambda_powertools import Logger

from darkroom.domain import timing
from darkroom.domain.outcome import Timing, refusal
from darkroom.errors import PROVIDER_CAUSES, Cause, Code, Rejected, Unavailable
from darkroom.uploads.intake import Taken
from darkroom.worker.telemetry import RequestTelemetry, UploadTelemetry
from local.stack.parameters import read_template
from tests.fakes.queue import sent_message
from tests.templates import all_resources

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
RESOURCES = all_resources()
NAMESPACE = read_template(ROOT / "template.yaml")["Globals"]["Function"]["Environment"]["Variables"][
    "POWERTOOLS_METRICS_NAMESPACE"
]
ALARMS = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
NOW = Timing("2026-11-22T12:00:00.000Z", None, "2026-11-22T12:00:00.000Z", None)
FUNCTIONS = {"OnUploadFunction", "OnRequestFunction", "OnPictureFunction"}
SERVICES = {
    RESOURCES[function]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: journal
    for function, journal in (("OnUploadFunction", UploadTelemetry), ("OnRequestFunction", RequestTelemetry))
}

Metric = tuple[str, str, frozenset[tuple[str, str]]]


def watched(alarm: dict[str, Any]) -> Metric:
    dimensions = frozenset((each["Name"], each["Value"]) for each in alarm["Dimensions"])
    return alarm["Namespace"], alarm["MetricName"], dimensions


def written(text: str) -> set[Metric]:
    """The metrics in a function's log, as CloudWatch reads them."""
    found: set[Metric] = set()
    for line in filter(lambda line: '"_aws"' in line, text.splitlines()):
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            (names,) = directive["Dimensions"]
            dimensions = frozenset((name, document[name]) for name in names)
            found |= {(directive["Namespace"], metric["Name"], dimensions) for metric in directive["Metrics"]}
    return found


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> set[Metric]:
    """Every metric that the telemetry can write."""
    message = sent_message({})
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE)
    for service, kind in SERVICES.items():
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", service)
        journal = kind(Logger())
        journal.broke(message, ValueError())
        for cause in get_args(Cause):
            journal.deferred(message, Unavailable(cause, "later"))
        if isinstance(journal, RequestTelemetry):
            for code in get_args(Code):
                journal.ended(message, refusal(Rejected(code, "no"), timing=NOW, attempts=1))
        else:
            journal.ended(message, [Taken("cat.jpg", "asked")])
    return written(capsys.readouterr().out)


def of_namespace(namespace: str) -> set[Metric]:
    return {watched(alarm) for alarm in ALARMS.values() if alarm.get("Namespace") == namespace}


def test_an_alarm_on_a_metric_of_ours_watches_one_that_is_written(metrics: set[Metric]) -> None:
    ours = of_namespace(NAMESPACE)
    assert ours
    assert ours - metrics == set()


def test_two_stacks_of_a_region_have_metrics_and_alarms_of_their_own(metrics: set[Metric]) -> None:
    """A bad key in a stack for experiments rings only that stack's own alarm."""
    assert NAMESPACE == "Darkroom/${AWS::StackName}"
    assert {namespace for namespace, *_ in metrics} == {NAMESPACE}
    assert {alarm["Namespace"] for alarm in ALARMS.values() if "Namespace" in alarm} == {
        NAMESPACE, "AWS/DynamoDB", "AWS/Lambda", "AWS/SQS",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "dimensions"),
    [
        ("RequestsEnded", {"code": "outcome_unknown", "service": "on-request"}),
        ("RequestsDeferred", {"cause": "budget", "service": "on-request"}),
        ("AttemptsBroken", {"service": "on-request"}),
        ("AttemptsBroken", {"service": "on-upload"}),
        *(("ProviderBlocked", {"cause": cause, "service": "on-request"}) for cause in sorted(PROVIDER_CAUSES)),
    ],
)
def test_what_an_operator_must_hear_of_raises_an_alarm(metric: str, dimensions: dict[str, str]) -> None:
    assert (NAMESPACE, metric, frozenset(dimensions.items())) in of_namespace(NAMESPACE)


def test_dead_letters_raise_an_alarm() -> None:
    visible = "ApproximateNumberOfMessagesVisible"
    wanted = {name for name, each in RESOURCES.items() if each["Type"] == "AWS::SQS::Queue" and "DeadLetter" in name}
    assert {metric for metric in of_namespace("AWS/SQS") if metric[1] == visible} == {
        ("AWS/SQS", visible, frozenset({("QueueName", f"{queue}.QueueName")})) for queue in wanted
    }


@pytest.mark.parametrize("queue", ["RequestsQueue", "UploadEventsQueue"])
def test_a_queue_that_soon_gives_out_no_more_raises_an_alarm(queue: str) -> None:
    metric = ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", frozenset({("QueueName", f"{queue}.QueueName")}))
    (alarm,) = [each for each in ALARMS.values() if "Metrics" not in each and watched(each) == metric]
    assert alarm["Threshold"] < 120_000, (
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"
    )


def test_a_table_that_throttles_or_is_in_its_own_way_raises_an_alarm() -> None:
    """The metrics of the table leave out its index, which holds the table's writes back where it cannot keep up."""
    table, (index,) = ("TableName", "ThreadsTable"), RESOURCES["ThreadsTable"]["Properties"]["GlobalSecondaryIndexes"]
    assert of_namespace("AWS/DynamoDB") == {
        *(
            ("AWS/DynamoDB", metric, frozenset({table}))
            for metric in ("ReadThrottleEvents", "WriteThrottleEvents", "TransactionConflict")
        ),
        ("AWS/DynamoDB", "WriteThrottleEvents", frozenset({table, ("GlobalSecondaryIndexName", index["IndexName"])})),
    }


def test_an_invocation_that_nearly_ran_out_of_its_time_raises_an_alarm() -> None:
    """An invocation that saves the answer of the longest call in time raises none."""
    alarm, seconds = ALARMS["OnRequestDurationAlarm"], RESOURCES["OnRequestFunction"]["Properties"]["Timeout"]
    assert watched(alarm) == ("AWS/Lambda", "Duration", frozenset({("FunctionName", "OnRequestFunction")}))
    assert timing.MAX_CALL_SECONDS + timing.SAVE_SECONDS < alarm["Threshold"] / 1000 < seconds


def test_no_alarm_relies_on_an_age_that_leaves_out_what_is_received_often() -> None:
    """SQS leaves a message that was received three times out of the oldest age, as waiting messages are."""
    assert "ApproximateAgeOfOldestMessage" not in (ROOT / "monitoring.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("alarm", "service"), [("OldestUploadAlarm", "on-upload"), ("OldestRequestAlarm", "on-request")]
)
def test_what_waits_too_long_raises_an_alarm_however_often_it_is_received(alarm: str, service: str) -> None:
    assert watched(ALARMS[alarm]) == (NAMESPACE, "WaitedSeconds", frozenset({("service", service)}))
    assert ALARMS[alarm]["Statistic"] == "Maximum"
    heard_of_every = {"on-upload": timing.MAX_LANE_WAIT_SECONDS, "on-request": timing.MAX_BUDGET_WAIT_SECONDS}
    assert ALARMS[alarm]["Period"] * ALARMS[alarm]["EvaluationPeriods"] > heard_of_every[service]
    assert ALARMS[alarm]["DatapointsToAlarm"] == 1


@pytest.mark.parametrize("queue", ["UploadEvents", "Requests", "Batches"])
def test_a_queue_that_nobody_reads_raises_an_alarm(queue: str) -> None:
    alarm = ALARMS[f"{queue}NotReadAlarm"]
    told, *sources = alarm["Metrics"]
    assert told["Expression"] == "IF(visible > 0 AND FILL(received, 0) == 0, 1, 0)"
    assert {each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in sources} == {
        "visible": "ApproximateNumberOfMessagesVisible", "received": "NumberOfMessagesReceived",
    }  # fmt: skip
    for each in sources:
        (dimension,) = each["MetricStat"]["Metric"]["Dimensions"]
        assert dimension == {"Name": "QueueName", "Value": f"{queue}Queue.QueueName"}
        seconds = alarm["EvaluationPeriods"] * each["MetricStat"]["Period"]
        assert seconds > timing.MAX_BUDGET_WAIT_SECONDS
        assert not each["ReturnData"]


def test_a_function_that_dies_or_is_throttled_raises_an_alarm() -> None:
    assert of_namespace("AWS/Lambda") >= {
        ("AWS/Lambda", metric, frozenset({("FunctionName", function)}))
        for metric in ("Errors", "Throttles")
        for function in FUNCTIONS
    }


@pytest.mark.parametrize("function", ["OnRequest", "OnPicture"])
def test_a_function_that_lambda_takes_for_a_loop_raises_an_alarm(function: str) -> None:
    """`on_upload` may loop, for the sake of long batches. The other functions must not."""
    metric = ("AWS/Lambda", "RecursiveInvocationsDropped", frozenset({("FunctionName", f"{function}Function")}))
    assert watched(ALARMS[f"{function}LoopAlarm"]) == metric


def test_an_upload_that_waits_for_its_text_raises_none() -> None:
    longest = read_template(ROOT / "template.yaml")["Parameters"]["PairingGraceSeconds"]["MaxValue"]
    assert ALARMS["OldestUploadAlarm"]["Threshold"] > longest


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_happened_and_tells_the_topic_when_it_begins_and_when_it_ends(name: str) -> None:
    alarm = ALARMS[name]
    assert re.fullmatch(r"[A-Z].+\.", alarm["AlarmDescription"])
    assert alarm["AlarmActions"] == alarm["OKActions"] == ["AlarmsTopic"]
    is_of_what_lies = "DeadLetter" in name or "NotRead" in name
    assert alarm["TreatMissingData"] == ("ignore" if is_of_what_lies else "notBreaching")


def test_the_alarm_of_an_unknown_model_names_the_model_and_the_parameter() -> None:
    said = ALARMS["UnknownModelAlarm"]["AlarmDescription"]
    assert "${ImageModel}" in said
    assert "Set the parameter ImageModel" in said


def test_the_topic_takes_messages_from_this_stacks_alarms_alone() -> None:
    (policy,) = (each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::SNS::TopicPolicy")
    (allowed,) = (each for each in policy["PolicyDocument"]["Statement"] if isinstance(each, dict))
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    assert allowed["Condition"]["ArnLike"]["aws:SourceArn"].endswith(":alarm:${AWS::StackName}-*")
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": "AWS::AccountId"}


def test_the_nested_stack_is_given_what_its_parameters_are_named_after() -> None:
    given: dict[str, str] = RESOURCES["Monitoring"]["Properties"]["Parameters"]
    of_the_stack = {"MetricsNamespace", "StackName"}
    named = {name: source.partition(".")[0] for name, source in given.items() if name not in of_the_stack}
    assert [name for name, source in named.items() if not name.startswith(source)] == []


def test_an_alarm_has_no_name_of_its_own_which_the_topic_would_not_know() -> None:
    # CloudFormation begins its name with that of its stack, and a nested stack's name with that of the stack above.
    assert [name for name, alarm in ALARMS.items() if "AlarmName" in alarm] == []


def test_the_runbook_has_an_entry_for_every_alarm_and_for_no_other() -> None:
    assert sorted(re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE)) == sorted(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_an_entry_of_the_runbook_says_what_it_means_what_to_do_and_what_happens_by_itself(name: str) -> None:
    entry = re.split(r"^#{2,3} ", RUNBOOK.partition(f"### {name}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    assert re.findall(r"^\*\*(.+?)\*\*", entry, re.MULTILINE) == ["Means.", "Look.", "Do.", "By itself."]
