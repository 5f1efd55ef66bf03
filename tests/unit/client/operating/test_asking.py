"""The question before an action, and the answers yes and no."""

import io

import pytest

from darkroom_client.commands import common
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
    assert common.agrees("Send them?", "--yes says it.") is said


def test_nobody_at_the_keyboard_is_told_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Trouble, match="yes says it"):
        common.agrees("Send them?", "--yes says it.")
