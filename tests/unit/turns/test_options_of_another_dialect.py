"""A request with options that the stack's new dialect does not know: after a call it keeps its answer."""

from dataclasses import replace
from typing import Any

import pytest

from darkroom.errors import Ambiguous
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.turns.spool import Spool
from tests.fakes.edge import Died
from tests.fakes.image_api import made, png, stated
from tests.unit.turns.world import World

OTHER = NEBULA._replace(name="other", options={"style": NEBULA.options["size"]})
ASKED: dict[str, Any] = {"instruction": "a cat", "options": {"style": "flat"}}


@pytest.fixture
def world() -> World:
    """A stack that uses the other dialect at first."""
    return World(dialect=OTHER, dialects={NEBULA.name: NEBULA, OTHER.name: OTHER})


def refusal(world: World) -> dict[str, Any]:
    return world.objects.document("results", "rejected/messages/m-1/result.json")


def test_an_answer_that_a_dead_worker_left_is_published(world: World) -> None:
    world.script(Died())
    with pytest.raises(Died):
        world.send(ASKED)
    spooled = replace(made(png("navy")), dialect="other")
    assert Spool(world.objects, "spool", world.dialects).keep("t", "m-1", 1, spooled)
    world.dialect = NEBULA
    world.clock.advance(600)
    ended = world.send(ASKED)
    assert (ended.status, ended.dialect, ended.options) == ("succeeded", "other", {"style": "flat"})
    assert (ended.cost.paid_calls, len(world.api.questions)) == (1, 1)


def test_what_has_ended_is_told_once_more(world: World) -> None:
    first = world.send(ASKED)
    world.dialect = NEBULA
    assert world.send(ASKED) == first
    assert [key for _, key in world.objects.objects if key.startswith("rejected/")] == []


def test_what_was_never_called_is_refused_and_its_option_is_named(world: World) -> None:
    world.dialect = NEBULA
    refused = world.send(ASKED)
    assert (refused.turn, refusal(world)["error"]["code"]) == (None, "invalid_request")
    assert "options.style" in refusal(world)["error"]["message"]
    assert (world.ledger.entries, world.api.questions) == ({}, [])


def test_what_no_dialect_takes_is_refused_as_ever(world: World) -> None:
    world.send({"instruction": "a cat", "options": {"seed": 7}})
    assert "options.seed" in refusal(world)["error"]["message"]


def test_a_call_whose_answer_is_lost_is_not_made_again_in_other_words(world: World) -> None:
    world.script(Ambiguous("cut"))
    world.wait(ASKED)
    world.dialect = NEBULA
    ended = world.send(ASKED)
    assert ended.error
    assert (ended.error.code, ended.cost.paid_calls, len(world.api.questions)) == ("outcome_unknown", 1, 1)


def test_a_call_that_was_free_is_not_made_again_in_other_words(world: World) -> None:
    world.script(stated(429, {"code": 429, "msg": "slow down"}))
    world.wait(ASKED)
    world.dialect = NEBULA
    ended = world.send(ASKED)
    assert ended.error
    assert (ended.error.code, ended.turn, ended.cost.paid_calls) == ("invalid_request", 1, 0)
    assert "options.style" in ended.error.message
