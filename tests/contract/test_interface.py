"""The interface is the one that was recorded: stored attributes, keys, messages, log lines, metrics, outputs, schemas.

`interface.json` holds it, one fact a line: the interface of release 0.1.1, with the changes that CHANGELOG lists. Only
a release that changes its interface on purpose records it anew, and its author reads the difference before committing:

    .venv/bin/python -m pytest tests/contract/test_interface.py --record-interface

The same commit adds an entry to CHANGELOG.md. It describes the change, and the fate of data that the release before it
stored.
"""

import itertools
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import Results
from tests.contract.interface import record
from tests.contract.interface.facts import difference, facts
from tests.contract.interface.shapes import Item, document_shape, item_shape, masked
from tests.contract.interface.stage import Stage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


RENAMED = {
    "… THREAD > latest_turn > N": "… THREAD > newest_turn > N",
    "… TURN#… > images/[]/sha256 > S": "… TURN#… > images/[]/digest > S",
    "… REQUEST#… > asked/parent_turn > N|NULL": "… REQUEST#… > asked/parent_turn > N",
}


def test_the_interface_is_the_one_that_was_recorded(
    results: Results,
    dynamodb: "DynamoDBClient",
    s3: "S3Client",
    sqs: "SQSClient",
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = itertools.count(1)
    monkeypatch.setattr(secrets, "token_hex", lambda size: f"{next(numbers):0{2 * size}x}")
    stage = Stage(dynamodb, s3, sqs)
    record.play(stage)
    observed = record.observed(stage, capsys.readouterr().out)
    if pytestconfig.option.record_interface:
        record.write(observed)
    changes = difference(record.recorded(), observed)
    assert not changes, "\n".join(["The interface is another than the recorded one:", *changes])


def test_a_record_does_not_differ_from_itself() -> None:
    assert difference(record.recorded(), record.recorded()) == []


@pytest.mark.parametrize(("before", "after"), RENAMED.items())
def test_an_attribute_that_is_renamed_or_has_another_type_is_gone_and_new(before: str, after: str) -> None:
    recorded = record.recorded()
    observed = [fact.replace(f"kinds of items > {before}", f"kinds of items > {after}") for fact in recorded]
    changes = difference(recorded, observed)
    assert sorted(changes) == [f"gone  kinds of items > {before}", f"new   kinds of items > {after}"]


def test_an_attribute_is_known_by_its_path_and_its_types() -> None:
    items: list[Item] = [
        {"turn": {"N": "1"}, "asked": {"M": {"model": {"S": "m"}, "parent": {"NULL": True}}}},
        {"turn": {"N": "2"}, "images": {"L": [{"M": {"key": {"S": "a"}}}]}, "asked": {"M": {"parent": {"N": "1"}}}},
    ]
    assert item_shape(items) == {
        "turn": "N",
        "asked": "M",
        "asked/model": "S",
        "asked/parent": "N|NULL",
        "images": "L?",
        "images/[]": "M",
        "images/[]/key": "S",
    }


def test_a_documents_field_is_known_by_its_path_and_its_types() -> None:
    documents: list[dict[str, Any]] = [
        {"cost": {"amount": None}, "images": []},
        {"cost": {"amount": 0.1}, "images": [{"key": "a"}]},
    ]
    assert document_shape(documents) == {
        "cost": "object",
        "cost/amount": "null|number",
        "images": "array",
        "images/[]": "object",
        "images/[]/key": "string",
    }


def test_a_tree_is_told_by_its_leaves() -> None:
    tree = {"objects": {"results": {"b": "image/png"}, "spool": {}}, "outputs": ["A", "B"]}
    assert facts(tree) == [
        "objects > results > b > image/png",
        "objects > spool",
        "outputs > A",
        "outputs > B",
    ]


def test_only_what_differs_between_two_runs_is_masked() -> None:
    said = "2026-11-22 1b6b0c1e-0001-4000-8000-000000000001 at 2026-11-22T12:00:00.000Z, order-4711, 0.5"
    assert masked(said) == "<day> <uuid> at <time>, order-4711, 0.5"
