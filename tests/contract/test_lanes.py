"""The lanes' contract, which DynamoDB's adapter and the fake both keep."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.aws.dynamodb.lanes import MAX_LOOKED_AT, DynamoLanes
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.request_status import DynamoRequestStatus
from darkroom.aws.dynamodb.table import Table, Write
from darkroom.domain.outcome import timestamp
from darkroom.domain.request import Request
from darkroom.domain.timing import LANE_FULL_SECONDS, LANE_HELD_SECONDS
from darkroom.turns.ports import Claim
from darkroom.uploads.ports import Lanes
from tests.fakes.edge import Clock
from tests.fakes.lanes import MemoryLanes
from tests.unit.samples import turn

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass
class Ledger:
    """Knows the open and the ended requests, and counts how often it was asked."""

    open: set[tuple[str, str]] = field(default_factory=set)
    ended: set[tuple[str, str]] = field(default_factory=set)
    asked: int = 0

    def is_over(self, thread_id: str, request_id: str) -> bool | None:
        self.asked += 1
        is_known = (thread_id, request_id) in self.open | self.ended
        return (thread_id, request_id) in self.ended if is_known else None


Make = Callable[[int], Lanes]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture(params=["dynamodb", "echoing", "memory"])
def make(request: pytest.FixtureRequest, clock: Clock, ledger: Ledger) -> Make:
    """Lanes with so many places over one table. Those in memory are their own table."""
    if request.param == "memory":
        return lambda places: MemoryLanes(clock, places=places, is_over=ledger.is_over)
    if request.param == "echoing":
        table: Table = request.getfixturevalue("echoing_table")
    else:
        table = Table(request.getfixturevalue("dynamodb"), request.getfixturevalue("threads_table"))
    return lambda places: DynamoLanes(table, places=places, is_over=ledger.is_over, clock=clock)


@pytest.fixture
def lanes(make: Make) -> Lanes:
    return make(3)


def entered(lanes: Lanes, names: Sequence[str], lane: str = "own:shop") -> list[str]:
    """The requests that find a place, each in a thread of its own."""
    return [name for name in names if lanes.enter(lane, f"shop/{name}", name)]


def test_so_many_requests_enter_as_there_are_places(lanes: Lanes) -> None:
    assert entered(lanes, "abcde") == ["a", "b", "c"]


def test_lanes_have_their_places_apart(lanes: Lanes) -> None:
    assert entered(lanes, "abcd") == ["a", "b", "c"]
    assert entered(lanes, "abcd", "folder:shop") == ["a", "b", "c"]


def test_a_request_keeps_its_place_however_often_it_enters(lanes: Lanes) -> None:
    assert entered(lanes, "aaabbbaba") == list("aaabbbaba")
    assert entered(lanes, "cdab") == ["c", "a", "b"]


def test_requests_of_the_same_name_in_two_threads_are_two(make: Make) -> None:
    lanes = make(1)
    assert lanes.enter("own:", "one", "r")
    assert not lanes.enter("own:", "two", "r")


def test_the_place_of_a_request_that_has_ended_is_free(lanes: Lanes, ledger: Ledger, clock: Clock) -> None:
    entered(lanes, "abcd")
    ledger.ended.add(("shop/b", "b"))
    clock.advance(LANE_FULL_SECONDS)
    assert entered(lanes, "def") == ["d"]


def test_so_is_one_of_which_nothing_has_been_known_for_an_hour(lanes: Lanes, clock: Clock) -> None:
    """Such a request was refused, or never sent."""
    entered(lanes, "ab")
    clock.advance(LANE_HELD_SECONDS - 1)
    assert entered(lanes, "cd") == ["c"]
    clock.advance(1)
    assert entered(lanes, "def") == ["d", "e"]
    assert entered(lanes, "ab") == []


def test_a_request_that_waits_keeps_its_place_for_days(lanes: Lanes, ledger: Ledger, clock: Clock) -> None:
    """Otherwise the whole bulk would wait for the day's limit, and be given up there."""
    entered(lanes, "abc")
    ledger.open |= {(f"shop/{name}", name) for name in "abc"}
    clock.advance(9 * 24 * LANE_HELD_SECONDS)
    assert entered(lanes, "d") == []
    assert entered(lanes, "a") == ["a"]


def test_a_request_that_comes_back_after_its_hour_takes_a_place_anew(make: Make, clock: Clock) -> None:
    lanes = make(1)
    entered(lanes, "a")
    clock.advance(LANE_HELD_SECONDS)
    assert entered(lanes, "a") == ["a"]
    clock.advance(LANE_HELD_SECONDS - 1)
    assert entered(lanes, "b") == []


def test_a_thread_may_have_a_name_with_slashes(make: Make, ledger: Ledger, clock: Clock) -> None:
    lanes = make(1)
    assert lanes.enter("own:a", "a/b/c", "r")
    ledger.ended.add(("a/b/c", "r"))
    clock.advance(LANE_FULL_SECONDS)
    assert lanes.enter("own:a", "a/b/c/r", "r")


# DynamoDB's adapter.


@pytest.fixture
def table(dynamodb: "DynamoDBClient", threads_table: str) -> Table:
    return Table(dynamodb, threads_table)


@settings(max_examples=20)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["enter", "enter", "begin", "end", "wait"]), st.sampled_from("abcde")), max_size=15
    )
)
def test_whatever_happens_it_answers_as_the_fake_does(table: Table, steps: list[tuple[str, str]]) -> None:
    clock, ledger, lane = Clock(), Ledger(), f"own:{uuid.uuid4().hex}"
    real = DynamoLanes(table, places=2, is_over=ledger.is_over, clock=clock)
    fake = MemoryLanes(clock, places=2, is_over=ledger.is_over)
    for step, name in steps:
        clock.advance(LANE_HELD_SECONDS / 2 if step == "wait" else LANE_FULL_SECONDS)
        if step == "enter":
            assert entered(real, name, lane) == entered(fake, name, lane)
        if step == "end":
            ledger.ended.add((f"shop/{name}", name))
        if step == "begin":
            ledger.open.add((f"shop/{name}", name))


def test_processes_share_the_places(table: Table, ledger: Ledger, clock: Clock) -> None:
    one, other = (DynamoLanes(table, places=3, is_over=ledger.is_over, clock=clock) for _ in range(2))
    assert entered(one, "ab") == ["a", "b"]
    assert entered(other, "cd") == ["c"]
    assert entered(other, "ab") == ["a", "b"]


def test_a_full_lane_is_not_looked_at_for_a_moment(table: Table, ledger: Ledger, clock: Clock) -> None:
    lanes = DynamoLanes(table, places=3, is_over=ledger.is_over, clock=clock)
    entered(lanes, "abcd")
    asked = ledger.asked
    ledger.ended.add(("shop/a", "a"))
    assert entered(lanes, "efgb") == ["b"]
    assert ledger.asked == asked
    clock.advance(LANE_FULL_SECONDS)
    assert entered(lanes, "h") == ["h"]


def test_of_many_places_a_few_are_asked_about_and_each_has_its_turn(table: Table, ledger: Ledger, clock: Clock) -> None:
    names = [f"r{number}" for number in range(MAX_LOOKED_AT + 2)]
    lanes = DynamoLanes(table, places=len(names), is_over=ledger.is_over, clock=clock)
    assert entered(lanes, names) == names
    assert ledger.asked == 0
    assert entered(lanes, ["late"]) == []
    assert ledger.asked == MAX_LOOKED_AT
    for name in names:
        ledger.ended.add((f"shop/{name}", name))
        clock.advance(LANE_FULL_SECONDS)
        late = (f"{name}-{number}" for number in range(20))
        assert any(
            entered(DynamoLanes(table, places=len(names), is_over=ledger.is_over, clock=clock), [n]) for n in late
        )


class Overtaken(Table):
    """A table in which other requests come in between a read and the write of a place."""

    others: Sequence[Callable[[], object]] = ()

    def updated(self, write: Write) -> dict[str, Any]:
        if self.others:
            other, *self.others = self.others
            other()
        return super().updated(write)


def test_who_is_overtaken_between_looking_and_taking_takes_no_place_that_is_taken(
    dynamodb: "DynamoDBClient", threads_table: str, ledger: Ledger, clock: Clock
) -> None:
    table, found = Overtaken(dynamodb, threads_table), []

    def race(name: str) -> None:
        lanes = DynamoLanes(table, places=3, is_over=ledger.is_over, clock=clock)
        found.extend(entered(lanes, [name]))

    for round_ in range(3):
        names = [f"{name}{round_}" for name in "abcdefghij"]
        table.others = [partial(race, name) for name in names[1:]]
        race(names[0])
        assert len(found) == 3
        ledger.ended |= {(f"shop/{name}", name) for name in found}
        found.clear()


def test_fewer_places_than_before_hold_for_what_comes(table: Table, ledger: Ledger, clock: Clock) -> None:
    assert entered(DynamoLanes(table, places=3, is_over=ledger.is_over, clock=clock), "abc") == ["a", "b", "c"]
    lanes = DynamoLanes(table, places=1, is_over=ledger.is_over, clock=clock)
    assert entered(lanes, "d") == []
    ledger.ended |= {(f"shop/{name}", name) for name in "abc"}
    clock.advance(LANE_FULL_SECONDS)
    assert entered(lanes, "de") == ["d"]


def test_the_ledger_knows_when_a_request_is_over(table: Table, clock: Clock) -> None:
    ledger, known = DynamoLedger(table, daily_call_limit=0, clock=clock), DynamoRequestStatus(table)
    assert known.is_over("photos/cat", "request-1") is None
    claim = ledger.claim(Request("photos/cat", "request-1", "a cat"), timestamp(clock()))
    assert isinstance(claim, Claim)
    assert known.is_over("photos/cat", "request-1") is False
    ledger.commit(claim, turn(1, failed=True))
    assert known.is_over("photos/cat", "request-1") is True
