"""Other people's names, in the log and on a terminal: they move no cursor, break no line and reverse no text."""

import json
import unicodedata
import uuid

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st

from darkroom.aws import clients
from darkroom.worker.escaping import as_json, escaped, escaped_lines

HARMFUL = [
    "\x1b", "\x07", "\n", "\r", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\u061c",
    "\ufeff", "\U000e0041", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("character", HARMFUL)
def test_what_may_harm_is_an_escape(character: str) -> None:
    for text in (escaped(f"a{character}b"), as_json({"key": f"a{character}b"})):
        assert character not in text
        assert "\\u" in text or "\\n" in text or "\\r" in text
        assert text.isascii()


@given(text=st.text(st.characters(categories=["L", "M", "N", "P", "S", "Cc", "Cf", "Zl", "Zp", "Cs"])))
def test_a_line_is_one_line_and_says_what_was_written(text: str) -> None:
    line = as_json({"key": text, text: 1})
    assert len(line.splitlines()) == 1
    assert not [each for each in line if unicodedata.category(each) in ("Cc", "Zl", "Zp", "Cs")]
    assert json.loads(line) == {"key": text, text: 1}


@pytest.mark.parametrize("text", ["cat", "猫の写真/été 1.jpg", "👻 ok", "a b\\u202e"])
def test_what_does_no_harm_is_left_as_it_is(text: str) -> None:
    assert escaped(text) == text


def test_line_breaks_that_are_our_own_stay() -> None:
    assert escaped_lines("a\nb\x1b[2J") == "a\nb\\u001b[2J"


def test_the_functions_write_so(capsys: pytest.CaptureFixture[str]) -> None:
    clients.logger.cache_clear()
    serializer = clients.logger().registered_formatter.json_serializer  # type: ignore[attr-defined]
    Logger(service=f"escaping-{uuid.uuid4()}", json_serializer=serializer).info("upload taken", key="a\x9b\u202e猫.jpg")
    line = capsys.readouterr().out.splitlines()[-1]  # the first one names boto3
    assert "a\\u009b\\u202e猫.jpg" in line
    assert json.loads(line)["key"] == "a\x9b\u202e猫.jpg"
