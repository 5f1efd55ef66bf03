"""The usage that an answer states is kept as plain numbers, and is bounded for any answer."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.providers import usage
from darkroom.providers.dialects.gemini import GEMINI
from tests.unit.samples import encoded, reply

OPENAI = {
    "input_tokens": 50,
    "input_tokens_details": {"image_tokens": 40, "text_tokens": 10},
    "output_tokens": 1056,
    "output_tokens_details": {"image_tokens": 1056, "text_tokens": 0},
    "total_tokens": 1106,
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=70), inner, max_size=40),
)


def test_the_documented_usage_is_kept_as_it_is() -> None:
    assert usage.read(OPENAI) == OPENAI


@pytest.mark.parametrize("said", [None, [], "1500", 1500, {}, {"details": {}}, {"model": "gpt-image-2"}])
def test_where_there_are_no_numbers_there_is_no_usage(said: Any) -> None:
    assert usage.read(said) is None


@pytest.mark.parametrize("wrong", [True, -1, float("nan"), float("inf"), 2**70, "12", [1], {"deeper": {"still": 1}}])
def test_what_is_no_plain_number_is_left_out(wrong: Any) -> None:
    assert usage.read({"total_tokens": 12, "other": wrong}) == {"total_tokens": 12}


def test_of_very_many_numbers_the_first_stay() -> None:
    many = {f"n{number}": number for number in range(1000)}
    kept = usage.read({**many, "never": 1})
    assert kept
    assert len(kept) == usage.MAX_ENTRIES


def test_gemini_tells_it_by_its_own_names() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": b64encode(encoded("PNG")).decode()}}
    told = {
        "promptTokenCount": 7,
        "totalTokenCount": 1297,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}],
    }
    answer = GEMINI.interpret(reply({"candidates": [{"content": {"parts": [part]}}], "usageMetadata": told}))
    assert answer.usage == {"promptTokenCount": 7, "totalTokenCount": 1297}


@given(anything)
def test_whatever_is_said_comes_back_from_json_and_is_small(said: Any) -> None:
    kept = usage.read(said)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    assert len(json.dumps(kept)) < 40_000
