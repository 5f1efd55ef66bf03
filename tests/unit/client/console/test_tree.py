"""The turns of a conversation in the order in which a person reads them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from darkroom.domain import outcome
from darkroom.domain.outcome import Outcome, Timing
from darkroom.errors import Rejected
from darkroom_client.console.acting.sent import Sent
from darkroom_client.console.views.thread import in_order, shown

AT = "2026-11-22T12:00:00.000Z"
FAILED = outcome.refusal(Rejected("refused", "no"), timing=Timing(AT, None, AT, None), attempts=1)


def turn(number: int, parent: int | None, *, is_failed: bool = False) -> Outcome:
    made = replace(FAILED, turn=number, parent_turn=parent)
    return made if is_failed else replace(made, status="succeeded", error=None)


def read(*turns: Outcome) -> list[tuple[int | None, int, bool]]:
    return [(each.turn, depth, is_start) for each, depth, is_start in in_order(turns)]


def test_a_line_of_turns_is_a_line() -> None:
    assert read(turn(1, None), turn(2, 1), turn(3, 2)) == [(1, 0, False), (2, 0, False), (3, 0, False)]


def test_branches_stand_one_step_deeper_each_together() -> None:
    told = read(turn(1, None), turn(2, 1), turn(3, 1), turn(4, 2), turn(5, 3))
    assert told == [(1, 0, False), (2, 1, True), (4, 1, False), (3, 1, True), (5, 1, False)]


def test_a_failed_try_is_no_branch() -> None:
    assert read(turn(1, None), turn(2, 1, is_failed=True), turn(3, 1)) == [(1, 0, False), (2, 0, False), (3, 0, False)]


def test_no_turn_is_lost_whose_parent_is_not_there() -> None:
    assert [each for each, _, _ in read(turn(7, 3), turn(8, 7))] == [7, 8]
    assert [each for each, _, _ in read(turn(1, None), turn(2, 0))] == [1, 2]


def test_a_very_long_line_needs_no_recursion() -> None:
    turns = [turn(number, number - 1 or None) for number in range(1, 5001)]
    assert len(read(*turns)) == 5000


def test_a_request_under_way_is_shown_by_the_words_that_were_sent_from_here() -> None:
    sent = Sent()
    pending: Any = SimpleNamespace(request_id="r", request=SimpleNamespace(instruction="add snow"))
    sent.once("form", lambda: ("mug", [pending]))
    desk: Any = SimpleNamespace(sent=sent)
    assert shown(desk, {"thread_id": "mug", "turns": [], "sent": []})["sent_words"] == {"r": "add snow"}
