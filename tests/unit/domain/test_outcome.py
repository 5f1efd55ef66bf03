"""An outcome: its document, back and forth; and the published schemas, held to the code."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic._internal import _generate_schema as pydantics

from darkroom.domain import outcome
from darkroom.domain.outcome import Cost, Outcome, Picture, Source, Timing, Usage
from darkroom.errors import Code, Rejected
from tests.unit.domain.schema_models import Body
from tests.unit.samples import picture, source, turn

SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas"
DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
# Before Python 3.12 pydantic refuses `typing.TypedDict`, for it cannot see what one inherits: here that is nothing.
pydantics._SUPPORTS_TYPEDDICT = True
DERIVED: dict[str, dict[str, Any]] = {
    "request": Body.model_json_schema(),
    "result": TypeAdapter(Outcome).json_schema(),
}
for _name in ("dialect", "has_state"):  # which are the turn's item's alone
    del DERIVED["result"]["properties"][_name]
REGENERATE = ".venv/bin/python -c 'from tests.unit.domain.test_outcome import write_schemas; write_schemas()'"

TIMING = Timing("2026-11-22T12:00:00.000Z", None, "2026-11-22T12:00:01.000Z", None)

texts = st.text(max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
outcomes = st.builds(
    Outcome,
    schema_version=st.just(1),
    turn=st.none() | st.integers(1, 99_999),
    options=st.dictionaries(texts, texts | numbers | st.lists(texts, max_size=3), max_size=3),
    sources=st.lists(st.builds(Source), max_size=3),
    images=st.lists(st.builds(Picture), max_size=3),
    cost=st.builds(Cost, amount=st.none() | numbers),
    timing=st.builds(Timing, api_seconds=st.none() | numbers),
    metadata=st.dictionaries(texts, texts, max_size=3),
)


def document_of(name: str) -> str:
    return json.dumps(DIALECT | DERIVED[name], ensure_ascii=False, indent=2) + "\n"


def write_schemas() -> None:
    """Write the published schemas anew."""
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for name in DERIVED:
        (SCHEMAS / f"{name}.schema.json").write_text(document_of(name), encoding="utf-8")


@pytest.mark.parametrize("name", DERIVED)
def test_the_published_schema_is_that_of_the_code(name: str) -> None:
    published = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert published == document_of(name), f"regenerate it with: {REGENERATE}"


@pytest.mark.parametrize("name", DERIVED)
def test_the_published_schema_is_a_valid_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(DERIVED[name])


@given(given_outcome=outcomes)
def test_an_outcome_comes_back_from_its_document(given_outcome: Outcome) -> None:
    assert outcome.from_document(given_outcome.as_document()) == given_outcome


@given(given_outcome=outcomes)
def test_an_outcome_comes_back_from_its_json(given_outcome: Outcome) -> None:
    assert outcome.from_document(json.loads(json.dumps(given_outcome.as_document()))) == given_outcome


@given(given_outcome=outcomes)
def test_every_outcome_keeps_to_the_published_schema(given_outcome: Outcome) -> None:
    jsonschema.validate(json.loads(json.dumps(given_outcome.as_document())), DERIVED["result"])


def test_a_turns_document_has_the_keys_of_the_contract() -> None:
    document = turn(3, parent=2, sources=[source()], text="a cat").as_document()
    assert list(document) == [
        "schema_version", "status", "thread_id", "turn", "parent_turn", "request_id", "instruction", "model",
        "options", "mode", "sources", "images", "text", "error", "cost", "timing", "attempts",
        "provider_request_id", "metadata", "warnings",
    ]  # fmt: skip
    assert list(document["images"][0]) == [
        "bucket", "key", "media_type", "bytes", "width", "height", "sha256", "primary", "provenance",
    ]  # fmt: skip
    assert list(document["sources"][0]) == ["bucket", "key", "etag", "sha256"]
    assert list(document["cost"]) == ["paid_calls", "amount", "currency", "images"]
    assert list(document["timing"]) == ["requested_at", "started_at", "finished_at", "api_seconds"]
    assert list(turn(3, failed=True).as_document()["error"]) == ["code", "message", "retryable", "hint", "param"]


def test_the_usage_that_an_api_told_stands_in_the_document() -> None:
    told: Usage = {"total_tokens": 1500, "input_tokens_details": {"text_tokens": 12}}
    document = replace(turn(1), usage=told).as_document()
    assert document["usage"] == told
    assert "usage" not in turn(1).as_document()


def test_a_turn_of_an_earlier_release_was_paid_a_picture_a_call() -> None:
    document = turn(1).as_document()
    document["cost"] = {"paid_calls": 2, "amount": 0.08, "currency": "USD"}
    assert outcome.from_document(document).cost == Cost(2, 0.08, "USD", images=2)


def test_keys_that_are_not_an_outcomes_are_passed_over() -> None:
    """A later version may add keys."""
    document = turn(1).as_document() | {"sk": "TURN#00001", "later": True}
    document["images"][0]["later"] = True
    assert outcome.from_document(document) == turn(1)


def test_a_picture_of_a_release_that_did_not_look_has_no_provenance() -> None:
    document = turn(1).as_document()
    del document["images"][0]["provenance"]
    assert outcome.from_document(document) == turn(1)
    assert turn(1).images[0].provenance is None


def test_the_primary_picture_is_the_one_that_says_so() -> None:
    drafts = [picture("image-1.png", primary=False), picture("image-2.png")]
    assert turn(1, images=drafts).primary == drafts[1]
    assert turn(1, failed=True).primary is None


@pytest.mark.parametrize("code", get_args(Code))
def test_only_what_may_succeed_another_time_is_retryable(code: Code) -> None:
    retryable = {"provider_unavailable", "budget_exhausted", "outcome_unknown", "internal_error"}
    assert outcome.failure(Rejected(code, "why")).retryable == (code in retryable)


def test_a_failure_says_what_the_rejection_said() -> None:
    failed = outcome.failure(Rejected("image_not_found", "no such object", hint="upload it", param="images.0"))
    assert (failed.code, failed.message, failed.hint, failed.param) == (
        "image_not_found", "no such object", "upload it", "images.0",
    )  # fmt: skip


def test_a_refused_message_keeps_its_body_and_costs_nothing() -> None:
    refused = outcome.refusal(Rejected("invalid_request", "why"), timing=TIMING, attempts=1, body="{oops")
    assert refused.as_document()["body"] == "{oops"
    assert (refused.status, refused.turn, refused.cost) == ("failed", None, Cost(0, None, None))
    assert "body" not in turn(1).as_document()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_348_800.25, "2026-11-22T12:00:00.250Z"),
    ],
)
def test_a_timestamp_is_utc_to_the_millisecond(seconds: float, text: str) -> None:
    assert outcome.timestamp(seconds) == text
