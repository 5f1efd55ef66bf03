"""The dashboard draws metrics that are written, and the saved queries ask for fields that lines have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.stack.parameters import read_template
from tests.templates import all_resources

ROOT = Path(__file__).parents[3]
MONITORING = read_template(ROOT / "monitoring.yaml")
QUERIES = {name: each for name, each in MONITORING["Resources"].items() if each["Type"] == "AWS::Logs::QueryDefinition"}
RECORDED: list[str] = json.loads((ROOT / "tests/contract/interface.json").read_text(encoding="utf-8"))
BESIDE_THE_RECORDED = {"@timestamp", "because"}  # CloudWatch's own field, and the reason for a surprising result
FUNCTIONS = {name for name, each in all_resources().items() if each["Type"] == "AWS::Serverless::Function"}
FUNCTION_METRICS = {"ConcurrentExecutions", "Duration", "Errors", "Throttles"}


def widgets() -> list[dict[str, Any]]:
    """The widgets as CloudWatch gets them."""
    body: str = MONITORING["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    names = {name: name for name in MONITORING["Parameters"]}
    names |= {"MetricsNamespace": "Darkroom/a-stack", "AWS::Region": "eu-west-1"}
    drawn: list[dict[str, Any]] = json.loads(re.sub(r"\$\{([^}]+)\}", lambda found: names[found[1]], body))["widgets"]
    return [each["properties"] for each in drawn]


def metrics_of_ours() -> set[str]:
    """The metrics that the functions write, with the names of their dimensions."""
    facts = [fact.removeprefix("metrics > Darkroom ") for fact in RECORDED if fact.startswith("metrics > Darkroom ")]
    found: dict[str, set[str]] = {}
    for fact in facts:
        metric, _, dimension = fact.partition(" > ")
        found.setdefault(metric.split()[0], set()).add(dimension.partition(" = ")[0])
    return {f"{metric} {','.join(sorted(dimensions))}" for metric, dimensions in found.items()}


def test_the_runbook_names_every_metric() -> None:
    section = (ROOT / "docs/runbook.md").read_text(encoding="utf-8").partition("## How it stands")[2]
    said = section.partition("Metrics are in the namespace")[2].partition("\n\n")[0]
    assert {metric.split()[0] for metric in metrics_of_ours()} == set(re.findall(r"`([A-Z]\w+)`", said))


def test_what_is_drawn_is_written() -> None:
    ours = set()
    for properties in widgets():
        for first, *named in properties["metrics"]:
            if isinstance(first, dict):
                found = re.fullmatch(
                    r"""SEARCH\('\{"Darkroom/a-stack",([a-z,]+)\} MetricName="(\w+)"', 'Sum', 300\)""",
                    first["expression"],
                )
                assert found, first
                ours.add(f"{found[2]} {found[1]}")
            elif first == "Darkroom/a-stack":
                ours.add(f"{named[0]} {named[1]}")
            elif first == "AWS/Lambda":
                assert named[0] in FUNCTION_METRICS
                assert named[2].removesuffix("Name") in FUNCTIONS
    assert ours
    assert ours <= metrics_of_ours()


def test_the_widgets_stand_beside_each_other_and_under_each_other() -> None:
    body: str = MONITORING["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    places = re.findall(r'"x": (\d+), "y": (\d+), "width": 12, "height": 6', body)
    assert sorted((int(y), int(x)) for x, y in places) == [(6 * row, x) for row in range(5) for x in (0, 12)]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_fields_that_lines_have(name: str) -> None:
    query: str = QUERIES[name]["Properties"]["QueryString"]
    lists = re.findall(r"^fields (.+)$", query, re.MULTILINE) + re.findall(r" by (\w+(?:, \w+)+)$", query, re.MULTILINE)
    asked = {field for each in lists for field in each.split(", ")}
    asked |= set(re.findall(r"\b(?:sum|avg|max|latest)\((\w+)\)|filter (\w+) ", query)[0]) - {""}
    known = {fact.rpartition(" > ")[2] for fact in RECORDED if fact.startswith("log lines > ")}
    assert asked
    assert asked <= known | BESIDE_THE_RECORDED


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_filters_by_lines_that_are_written(name: str) -> None:
    query: str = QUERIES[name]["Properties"]["QueryString"]
    lines = {fact.split(" > ")[1].partition(" ")[2] for fact in RECORDED if fact.startswith("log lines > ")}
    filtered = re.findall(r"filter message (?:= |in )(.+)$", query, re.MULTILINE)
    assert {line for each in filtered for line in re.findall(r'"([^"]+)"', each)} <= lines


def test_what_the_emulator_does_not_know_is_made_on_aws_alone() -> None:
    """The emulator refuses a template with a saved query, or with an alarm that has an expression."""
    conditional = {name for name, each in MONITORING["Resources"].items() if each.get("Condition") == "IsOnAws"}
    computing = {name for name, each in MONITORING["Resources"].items() if "Metrics" in each["Properties"]}
    assert conditional == {*QUERIES, *computing, "Dashboard"}
    assert MONITORING["Conditions"]["IsOnAws"] == ["RequireTls", "true"]
