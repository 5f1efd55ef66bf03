"""Every results object of a request states its origin, and states the same each time it is written."""

from collections.abc import Mapping

import pytest

from darkroom.domain.keys import sha256
from tests.fakes.edge import Died
from tests.fakes.image_api import made, png, stated
from tests.fakes.queue import sent_message
from tests.unit.turns.world import World

BACK = {"source": "s3://uploads/shop/mug%20%E8%8C%B6.jpg", "thread": "t", "request": "m-1"}
ASKED = {"instruction": "night", "images": ["s3://uploads/shop/mug 茶.jpg"]}


@pytest.fixture
def world() -> World:
    world = World()
    world.objects.put("uploads", "shop/mug 茶.jpg", png("blue"))
    return world


def origins(world: World) -> list[Mapping[str, str]]:
    return [world.objects.objects["results", key].metadata for key in world.objects.keys("results")]


def test_each_picture_and_the_result_lead_back_to_the_photo(world: World) -> None:
    world.script(made(png("red"), png("green")))
    world.send(ASKED)
    assert origins(world) == [BACK] * 3


def test_words_alone_lead_back_to_thread_and_request(world: World) -> None:
    world.send({"instruction": "a cat"})
    assert origins(world) == [{"thread": "t", "request": "m-1"}] * 2


@pytest.mark.parametrize("data", [b"no picture", None])
def test_a_turn_whose_photo_cannot_be_used_leads_back_to_it(world: World, data: bytes | None) -> None:
    if data:
        world.objects.put("uploads", "shop/mug 茶.jpg", data)
    else:
        del world.objects.objects["uploads", "shop/mug 茶.jpg"]
    assert world.send(ASKED).status == "failed"
    assert origins(world) == [BACK]


def test_a_turn_about_the_photo_of_a_failed_one_leads_back_to_it(world: World) -> None:
    world.script(stated(400, {"error": {"code": "prompt_blocked", "message": "no"}}), made())
    world.send(ASKED)
    world.send({"instruction": "sunset"}, message_id="m-2")
    assert origins(world) == [BACK] + [BACK | {"request": "m-2"}] * 2


def test_what_died_before_it_was_announced_is_announced_as_it_would_have_been(world: World) -> None:
    def dies(*_: object) -> bool:
        raise Died

    write = world.objects.write_once
    world.objects.write_once = lambda bucket, key, *rest: (  # type: ignore[method-assign]
        dies() if key.endswith("result.json") else write(bucket, key, *rest)
    )
    with pytest.raises(Died):
        world.send(ASKED)
    world.objects.write_once = write  # type: ignore[method-assign]
    world.clock.advance(3600)
    world.send(ASKED, receive_count=2)
    assert origins(world) == [BACK] * 2
    assert world.result(1, "m-1")["status"] == "succeeded"


def test_a_refused_message_leads_back_as_far_as_it_was_understood(world: World) -> None:
    world.max_turns = 0
    world.send(ASKED)
    world.send({"instruction": "x", "colour": "red", "request_id": "r-1"}, message_id="m-2")
    assert origins(world) == [BACK, {"request": "r-1"}]


def test_no_instruction_is_in_it(world: World) -> None:
    world.send(ASKED | {"metadata": {"note": "night"}})
    assert not any("night" in value for origin in origins(world) for value in origin.values())


def test_the_picture_is_where_the_thread_says(world: World) -> None:
    message = sent_message(ASKED)
    world.send(ASKED)
    assert world.objects.keys("results", f"threads/t/00001-{sha256(message.message_id)[:8]}/image")
