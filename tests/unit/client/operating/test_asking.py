"""The question before an action, and the answers yes and no."""

import io
import json

import pytest

from darkroom_client.commands.common import Given
from darkroom_client.errors import Trouble


class Keyboard(io.StringIO):
    """A person at a terminal who types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "said"), [("y\n", True), ("YES \n", True), ("\n", False), ("n\n", False), ("yeah\n", False), ("", False)]
)
def test_a_yes_is_a_yes_and_all_else_is_a_no(monkeypatch: pytest.MonkeyPatch, typed: str, said: bool) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    assert Given().agrees("Send them?", "--yes says it.") is said


def test_a_program_gets_the_question_as_a_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard("y\n"))
    assert Given(as_json=True).agrees("Send them?", "--yes says it.")
    out, err = capsys.readouterr()
    assert (out, json.loads(err)) == ("", {"note": "Send them?", "hint": "--yes says it."})


def test_nobody_at_the_keyboard_is_told_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Trouble, match="yes says it"):
        Given().agrees("Send them?", "--yes says it.")
