"""A client and a stack of different releases: the message, and its places."""

import json

import pytest

from darkroom_client.commands.common import Given
from darkroom_client.stacks import choice, releases
from darkroom_client.stacks.choice import Choice
from darkroom_client.stacks.stack import Stack
from tests.fakes.stack import deployed


@pytest.mark.parametrize(
    ("client", "stack", "is_client_older"),
    [("0.1.1", "0.2.0", True), ("0.9.0", "0.10.0", True), ("0.2.0", "0.1.1", False), ("0.2.0", "", False)],
)
def test_what_differs_is_said_with_the_way_out(client: str, stack: str, is_client_older: bool) -> None:
    found = releases.difference(client, stack)
    assert found is not None
    assert found.is_client_older is is_client_older
    assert client in found.said
    assert (stack or "unknown") in found.said
    assert ("uv tool install" if is_client_older else "sam deploy") in found.way_out


@pytest.mark.parametrize("version", ["0.1.1", "12.0.3"])
def test_the_same_release_is_no_difference(version: str) -> None:
    assert releases.difference(version, version) is None


def at(version: str) -> Stack:
    outputs = {"StackVersion": version} if version else {}
    return deployed(outputs, {}, {}, None, None, None, None)


@pytest.mark.parametrize(("version", "said"), [("99.0.0", "uv tool install"), ("", "sam deploy")])
def test_each_command_says_on_standard_error_that_the_stack_is_of_another_release(
    version: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Choice, "open", lambda _: at(version))
    monkeypatch.setattr(choice, "find", lambda _: Choice("darkroom"))
    for given in (Given(), Given(as_json=True)):
        given.open_stack()
    out, err = capsys.readouterr()
    to_a_person, to_a_program = err.splitlines()
    told = json.loads(to_a_program)
    assert (out, set(told)) == ("", {"note", "hint"})
    assert said in told["hint"]
    assert to_a_person == f"{told['note']} {told['hint']}"


def test_nothing_is_said_where_they_are_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Choice, "open", lambda _: at(releases.own()))
    monkeypatch.setattr(choice, "find", lambda _: Choice("darkroom"))
    Given().open_stack()
    assert capsys.readouterr() == ("", "")
