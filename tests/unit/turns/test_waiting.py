"""Waiting for the day's calls: one copy checks for room, and the end of its request passes this on."""

from typing import Any

import pytest

from darkroom.domain.keys import sha256
from darkroom.domain.timing import PROBE_LEASE_SECONDS, PROBE_SECONDS
from tests.fakes.edge import NOON
from tests.unit.turns.world import World

FULL_DAY = "2026-11-22"


@pytest.fixture
def world() -> World:
    """A day whose only call is used."""
    made = World(daily_call_limit=1)
    made.ledger.calls[FULL_DAY] = 1
    return made


def waits(world: World, thread: str, **about: object) -> float:
    return world.wait({"instruction": "a cat", "request_id": "r"}, thread=thread, **about).retry_after or 0


def is_answered(world: World, thread: str, **about: Any) -> bool:
    return world.send({"instruction": "a cat", "request_id": "r"}, thread=thread, **about).status == "succeeded"


def copied(world: World) -> list[str]:
    """The threads of the requests that were copied, in order."""
    return [thread for _, thread, _ in world.probes.sent]


def lift(world: World, calls: int) -> None:
    world.ledger._limit += calls


def test_the_first_that_waits_has_a_copy_and_it_alone(world: World) -> None:
    for thread in "abc":
        waits(world, thread)
    assert copied(world) == ["a"]
    assert waits(world, "a", is_probe=True) == PROBE_SECONDS
    waits(world, "a")
    assert copied(world) == ["a"], "its message that comes back leaves no second copy"


def test_another_that_goes_through_does_not_end_the_looking(world: World) -> None:
    for thread in "abc":
        waits(world, thread)
    lift(world, 1)
    assert is_answered(world, "b")
    waits(world, "c")
    assert copied(world) == ["a"]
    assert waits(world, "a", is_probe=True) == PROBE_SECONDS


@pytest.mark.parametrize("by_copy", [True, False])
def test_the_one_who_looked_wakes_the_next_and_that_one_looks(world: World, by_copy: bool) -> None:
    for thread in "abc":
        waits(world, thread)
    lift(world, 1)
    assert is_answered(world, "a", is_probe=by_copy)
    assert world.ledger.waits["b", "r"].until == NOON, "woken, to look"
    waits(world, "b")
    assert copied(world) == ["a", "b"]


def test_a_copy_that_finds_its_request_done_hands_the_looking_over(world: World) -> None:
    """The copy was at work when its message ended the request, and continued to check."""
    for thread in "ab":
        waits(world, thread)
    lift(world, 1)
    assert is_answered(world, "a")
    waits(world, "b")
    world.scout.ends(sha256("b/r"))
    world.scout.keeps(sha256("a/r"))
    assert is_answered(world, "a", is_probe=True)
    assert world.ledger.waits["b", "r"].until == NOON
    waits(world, "b")
    assert copied(world) == ["a", "b", "b"]


def test_another_copy_that_finds_its_request_done_leaves_the_one_who_looks_alone(world: World) -> None:
    waits(world, "a")
    lift(world, 1)
    assert is_answered(world, "well")
    waits(world, "b")
    assert is_answered(world, "well", is_probe=True)
    waits(world, "c")
    assert copied(world) == ["a"]


def test_a_copy_whose_place_was_taken_waits_as_its_message_does(world: World) -> None:
    waits(world, "a")
    world.clock.advance(PROBE_LEASE_SECONDS + 1)
    waits(world, "b")
    assert copied(world) == ["a", "b"]
    assert waits(world, "a", is_probe=True) > PROBE_SECONDS
