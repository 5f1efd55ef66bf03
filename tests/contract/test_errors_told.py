"""What programs are told with `--json` where a command comes to nothing, on moto."""

import json
from typing import Any

import pytest

from darkroom.domain.request import Request
from darkroom.errors import Unavailable
from darkroom.turns.ports import Wait
from darkroom_client.command import run
from darkroom_client.commands.common import Given
from darkroom_client.stacks.stack import Stack
from tests.contract.studio import NOON, Studio

Told = tuple[int, list[Any], list[Any]]


@pytest.fixture
def told(studio: Studio, capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command with `--json` on the studio's stack: its exit code, and the objects of both streams."""
    monkeypatch.chdir(tmp_path)

    class At(Given):
        def open_stack(self) -> Stack:
            return studio.stack

    def call(*words: str) -> Told:
        code = run([*words, "--json"], At())
        out, err = ([json.loads(line) for line in said.splitlines()] for said in capsys.readouterr())
        return code, out, err

    return call


@pytest.mark.parametrize(
    ("words", "exit_code", "code", "hint"),
    [
        (("show", "nobody"), 1, "not_found", "`darkroom threads` has those that there are."),
        (("get", "mug:7"), 1, "not_found", "`darkroom show mug` says how it stands."),
        (("send", "nowhere.jpg", "make it night"), 1, "not_found", None),
        (("reply", "mug", "x", "--option", "size"), 2, "wrong_use", "Write it as in --option size=16:9"),
        (("show",), 2, "wrong_use", "`darkroom show --help` says what there is."),
        (("shwo", "mug"), 2, "wrong_use", "`darkroom --help` says what there is."),
        (("show", "mug", "--shet", "a.png"), 2, "wrong_use", "`darkroom show --help` says what there is."),
        (("batch", "no.jsonl"), 1, "not_done", None),
    ],
)
def test_an_error_is_one_object_on_standard_error_and_keeps_its_exit_code(
    studio: Studio, told: Any, words: tuple[str, ...], exit_code: int, code: str, hint: str | None
) -> None:
    studio.answers(Request("mug", "r-1", "a cat", metadata={}))
    done, out, (error,) = told(*words)
    assert (done, out) == (exit_code, [])
    assert (set(error), error["code"], error["hint"]) == ({"code", "message", "hint"}, code, hint)
    assert error["message"]
    assert not hint or hint not in error["message"]


def test_people_read_the_same_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["use", "local:x"]) == 2
    assert capsys.readouterr().err == "'x' is no port. Name a stack as `local`, or as `local:4600`.\n"


def test_json_that_is_the_words_themselves_asks_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "--", "mug", "--json"]) == 2
    assert capsys.readouterr().err.startswith("Usage: darkroom show")


def test_a_cancel_says_how_many_open_requests_it_has_reached(studio: Studio, told: Any) -> None:
    for number in (1, 2):
        claim = studio.claims(Request("mug", f"r-{number}", "a cat", metadata={}))
        studio.ledger.defer(claim, Unavailable("throttled", "no"), Wait(NOON + 600, "a cat"))
    code, (done,), errors = told("cancel", "mug")
    assert (code, done["open"], done["requests"], errors) == (0, 2, [], [])
    code, (done,), errors = told("cancel", "mug", "r-2", "r-3")
    assert (code, done["open"], done["requests"], done["until"], errors) == (0, 1, ["r-2", "r-3"], None, [])


@pytest.mark.parametrize("requests", [[], ["r-1"]])
def test_a_cancel_of_no_conversation_is_1_and_says_so(told: Any, requests: list[str]) -> None:
    code, (done,), (error,) = told("cancel", "nobody", *requests)
    assert (code, done["open"], error["code"]) == (1, 0, "not_found")
    assert error["message"].startswith("There is no conversation nobody")
