"""The alarms on the deployed stack: each exists once and notifies the topic, and the topic accepts it."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.e2e.conftest import Stack
from tests.e2e.road import Doors
from tests.templates import all_resources

# Alarms with a condition exist on AWS alone: the emulator accepts no alarm with an expression.
WANTED = sorted(
    name
    for name, each in all_resources().items()
    if each["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in each
)


@pytest.fixture(scope="module")
def alarms(stack: Stack) -> list[dict[str, Any]]:
    found = Doors(stack).cli("cloudwatch", "describe-alarms", "--alarm-name-prefix", "darkroom-", "--output", "json")
    alarms: list[dict[str, Any]] = json.loads(found)["MetricAlarms"]
    return alarms


def test_each_alarm_of_the_nested_stack_is_there_once(alarms: list[dict[str, Any]]) -> None:
    assert sorted(re.findall(r"-(\w+Alarm)-", "\n".join(each["AlarmName"] for each in alarms))) == WANTED


def test_each_alarm_tells_the_topic_and_the_topic_listens_to_it(stack: Stack, alarms: list[dict[str, Any]]) -> None:
    topic = stack.env["ALARMS_TOPIC_ARN"]
    said = json.loads(Doors(stack).cli("sns", "get-topic-attributes", "--topic-arn", topic, "--output", "json"))
    (allowed,) = json.loads(said["Attributes"]["Policy"])["Statement"]
    let_in = allowed["Condition"]["ArnLike"]["aws:SourceArn"]
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
        assert fnmatchcase(alarm["AlarmArn"], let_in), alarm["AlarmName"]


def test_an_alarm_names_the_stacks_own_model_and_dialect(stack: Stack, alarms: list[dict[str, Any]]) -> None:
    function = stack.aws.functions.get_function_configuration(FunctionName=stack.env["ON_REQUEST_FUNCTION"])
    (alarm,) = [each for each in alarms if "-UnknownModelAlarm-" in each["AlarmName"]]
    own = function["Environment"]["Variables"]
    named = f'"{own["IMAGE_MODEL"]}"; empty is the default of {own["IMAGE_API_DIALECT"]}'
    assert named in " ".join(alarm["AlarmDescription"].split())
