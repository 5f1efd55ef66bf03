"""A thread: the branch that a request answers, and the sources that failed turns left over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.outcome import Outcome
from darkroom.domain.thread import Thread
from tests.unit.samples import rejection, source, turn


@st.composite
def threads(draw: st.DrawFn) -> Thread:
    """A possible thread: each turn answers an earlier one that succeeded, or nothing."""
    turns: list[Outcome] = []
    succeeded: list[int] = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        parent = draw(st.none() | st.sampled_from(succeeded)) if succeeded else None
        failed = draw(st.booleans())
        turns.append(turn(number, parent=parent, failed=failed, sources=[source(f"{number}.jpg")]))
        if not failed:
            succeeded.append(number)
    return Thread(tuple(turns))


def succeeded_in(thread: Thread) -> list[int]:
    return [number for answered in thread.turns if (number := answered.turn) and answered.status == "succeeded"]


@given(thread=threads())
def test_a_branch_leads_from_nothing_to_the_turn_that_is_answered(thread: Thread) -> None:
    numbers = succeeded_in(thread)
    for named in [None, *numbers]:
        branch = thread.branch(named)
        wanted = named or (numbers[-1] if numbers else None)
        assert (branch[-1].turn if branch else None) == wanted
        assert [answered.parent_turn for answered in branch] == [None, *(each.turn for each in branch)][: len(branch)]
        assert all(answered.status == "succeeded" for answered in branch)


@given(thread=threads())
def test_a_turn_that_failed_or_never_was_is_an_unknown_parent(thread: Thread) -> None:
    for number in {*range(1, 15)} - set(succeeded_in(thread)):
        rejected = rejection(lambda number=number: thread.branch(number))  # type: ignore[misc]
        assert (rejected.code, rejected.param) == ("unknown_parent", "parent_turn")
        assert str(number) in rejected.message


@given(thread=threads())
def test_parent_turn_0_starts_from_nothing(thread: Thread) -> None:
    assert thread.branch(0) == ()


def test_the_newest_turn_that_succeeded_is_answered_past_later_failures() -> None:
    thread = Thread((turn(1), turn(2, parent=1), turn(3, parent=2, failed=True)))
    assert [answered.turn for answered in thread.branch(None)] == [1, 2]


def test_a_branch_leaves_out_what_it_branched_off_before() -> None:
    thread = Thread((turn(1), turn(2, parent=1), turn(3, parent=1)))
    assert [answered.turn for answered in thread.branch(None)] == [1, 3]
    assert [answered.turn for answered in thread.branch(2)] == [1, 2]


def test_a_failed_parent_is_told_from_one_that_never_was() -> None:
    thread = Thread((turn(1, failed=True),))
    assert "failed" in rejection(lambda: thread.branch(1)).message
    assert "does not exist" in rejection(lambda: thread.branch(2)).message


@given(thread=threads())
def test_sources_are_left_over_only_where_no_turn_has_succeeded(thread: Thread) -> None:
    left = thread.sources_left_over()
    if not thread.turns or succeeded_in(thread):
        assert left == ()
    else:
        assert list(left) == thread.turns[-1].sources


@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_latest_turn_counts_failed_ones_too(count: int) -> None:
    turns = tuple(turn(number, failed=number % 2 == 1) for number in range(1, count + 1))
    assert Thread(turns).latest_turn == count
