"""What the operator's commands share."""

import io

import pytest

from darkroom_client.errors import Trouble
from operations import command


class Keyboard(io.StringIO):
    """Somebody at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "said"), [("y\n", True), ("YES \n", True), ("\n", False), ("n\n", False), ("yeah\n", False), ("", False)]
)
def test_a_yes_is_a_yes_and_all_else_is_a_no(monkeypatch: pytest.MonkeyPatch, typed: str, said: bool) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    assert command.agrees("Send them?", "YES=1 says it.") is said


def test_nobody_at_the_keyboard_is_told_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Trouble, match="YES=1 says it"):
        command.agrees("Send them?", "YES=1 says it.")
