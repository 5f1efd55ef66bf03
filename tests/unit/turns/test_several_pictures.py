"""A request for several pictures: all are published and paid, the next turn gets the first, and asks for one."""

from typing import Any

import pytest

from darkroom.domain.price import Price
from darkroom.errors import Ambiguous
from tests.fakes.image_api import made, png, stated
from tests.unit.turns.world import World

RED, GREEN, BLUE = png("red"), png("green"), png("blue")
THREE = {"instruction": "a cat", "options": {"n": 3, "size": "1:1"}}


@pytest.fixture
def world() -> World:
    return World(price=Price(0.1, "USD"), is_marking=False)


def primary(result: dict[str, Any]) -> list[bool]:
    """Whether each picture of a result is the primary one."""
    return [image["primary"] for image in result["images"]]


def cost(calls: int, images: int) -> dict[str, Any]:
    """The cost of so many calls and pictures in this world."""
    return {"paid_calls": calls, "amount": round(images * 0.1, 6), "currency": "USD", "images": images}


def test_all_pictures_are_published_and_the_first_is_primary(world: World) -> None:
    world.script(made(RED, GREEN, BLUE))
    world.send(THREE)
    result = world.result(1, "m-1")
    assert primary(result) == [True, False, False]
    assert [world.objects.objects["results", image["key"]].data for image in result["images"]] == [RED, GREEN, BLUE]


def test_the_last_is_primary_where_one_was_asked_for(world: World) -> None:
    """The pictures before it are drafts."""
    world.script(made(RED, GREEN))
    world.send({"instruction": "a cat"})
    assert primary(world.result(1, "m-1")) == [False, True]
    world.send({"instruction": "a cat", "options": {"n": 1}}, message_id="m-2")
    assert primary(world.result(2, "m-2")) == [False, True]


def test_each_picture_is_paid_for(world: World) -> None:
    world.script(made(RED, GREEN, BLUE))
    world.send(THREE)
    assert world.result(1, "m-1")["cost"] == cost(1, 3)


def test_a_picture_that_did_not_come_is_not_paid_for(world: World) -> None:
    world.script(made(RED, GREEN))
    world.send(THREE)
    assert world.result(1, "m-1")["cost"] == cost(1, 2)


def test_drafts_are_not_paid_for(world: World) -> None:
    world.script(made(RED, GREEN, BLUE))
    world.send({"instruction": "a cat"})
    assert world.result(1, "m-1")["cost"] == cost(1, 1)


def test_a_call_whose_answer_is_lost_may_have_been_paid_for_all_that_it_asked(world: World) -> None:
    world.script(Ambiguous("cut"), made(RED, GREEN))
    world.wait(THREE)
    world.send(THREE)
    assert world.result(1, "m-1")["cost"] == cost(2, 3 + 2)


def test_a_request_whose_answers_are_all_lost_may_have_been_paid_for_all(world: World) -> None:
    world.script(Ambiguous("cut"))
    world.wait(THREE)
    world.send(THREE)
    result = world.result(1, "m-1")
    assert (result["error"]["code"], result["cost"]) == ("outcome_unknown", cost(2, 6))


def test_a_free_failure_is_not_paid_for(world: World) -> None:
    world.script(stated(429, {"code": 429, "msg": "slow down"}), made(RED, GREEN, BLUE))
    world.wait(THREE)
    world.send(THREE)
    assert world.result(1, "m-1")["cost"] == cost(1, 3)


def test_pictures_that_do_not_decode_were_paid_for_all_the_same(world: World) -> None:
    world.script(made(b"\x89PNG, but no more", b"\x89PNG, nor this"))
    world.send(THREE)
    result = world.result(1, "m-1")
    assert (result["error"]["code"], result["cost"]) == ("no_image", cost(1, 2))


def test_an_answer_without_pictures_may_have_been_paid_for_all(world: World) -> None:
    world.script(stated(200, {"code": 200, "data": {"data": []}}))
    world.send(THREE)
    result = world.result(1, "m-1")
    assert (result["error"]["code"], result["cost"]) == ("no_image", cost(1, 3))


def test_the_next_turn_asks_for_one_picture_and_builds_on_the_first(world: World) -> None:
    world.script(made(RED, GREEN, BLUE))
    world.send(THREE)
    world.send({"instruction": "now in snow"}, message_id="m-2")
    asked = world.api.questions[-1]
    assert asked.options == {"size": "1:1"}
    assert [image.data[:] for image in asked.context.images] == [RED]


def test_a_turn_that_asks_again_for_several_gets_several(world: World) -> None:
    world.script(made(RED, GREEN, BLUE))
    world.send(THREE)
    world.send({**THREE, "instruction": "now in snow"}, message_id="m-2")
    assert world.api.questions[-1].options["n"] == 3
