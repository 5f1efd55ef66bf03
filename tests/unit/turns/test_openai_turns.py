"""Turns of a stack with the dialect `openai`: their requests, their outcomes and their costs."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from darkroom.domain.price import Price
from darkroom.providers.dialects.openai import OPENAI
from darkroom.providers.reply import Reply
from tests.fakes.image_api import png, stated
from tests.unit.turns.world import World

USAGE = {"total_tokens": 1106, "input_tokens": 50, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}


def answered(*pictures: bytes, **more: Any) -> Reply:
    """OpenAI's answer with these pictures."""
    items = [{"b64_json": b64encode(each).decode()} for each in pictures]
    document = {"created": 1, "data": items, "usage": USAGE, "size": "1024x1024"} | more
    return replace(stated(200, document, x_request_id="req_1"), dialect="openai")


@pytest.fixture
def world() -> World:
    world = World(dialect=OPENAI, price=Price(0.1, "USD"), is_marking=False)
    world.script(answered(png("red")))
    return world


def test_an_outcome_says_what_the_call_used(world: World) -> None:
    world.send({"instruction": "a cat"})
    result = world.result(1, "m-1")
    assert (result["usage"], result["provider_request_id"]) == (USAGE, "req_1")
    assert result["cost"] == {"paid_calls": 1, "amount": 0.1, "currency": "USD", "images": 1}


def test_an_answer_without_a_usage_leaves_the_key_away(world: World) -> None:
    world.script(answered(png("red"), usage=None))
    world.send({"instruction": "a cat"})
    assert "usage" not in world.result(1, "m-1")


def test_a_failure_over_an_answers_pictures_says_what_the_call_used(world: World) -> None:
    world.script(answered(b"\x89PNG and no more"))
    world.send({"instruction": "a cat"})
    result = world.result(1, "m-1")
    assert (result["error"]["code"], result["usage"], result["cost"]["paid_calls"]) == ("no_image", USAGE, 1)


def test_a_turn_sends_the_newest_picture_and_its_own_words(world: World) -> None:
    world.objects.put("uploads", "cat.png", png("blue"))
    world.send({"instruction": "a cat", "images": ["s3://uploads/cat.png"]})
    world.send({"instruction": "at night"}, message_id="m-2")
    first, second = (each.context for each in world.api.questions)
    assert [content.text for content in (*first.contents, *second.contents)] == ["a cat", "at night"]
    assert [image.data[:] for image in second.images] == [png("red")]
    assert world.result(2, "m-2")["mode"] == "conversation"


def test_several_pictures_are_published_paid_for_and_not_asked_for_again(world: World) -> None:
    world.script(answered(png("red"), png("green"), png("blue")))
    world.send({"instruction": "a cat", "options": {"n": 3, "quality": "low"}})
    result = world.result(1, "m-1")
    assert [image["primary"] for image in result["images"]] == [True, False, False]
    assert (result["cost"]["images"], result["cost"]["amount"], result["options"]["n"]) == (3, 0.3, 3)
    world.send({"instruction": "at night"}, message_id="m-2")
    assert world.api.questions[-1].options == {"quality": "low"}


def test_an_option_of_another_dialect_is_refused_by_name_before_anything_is_paid(world: World) -> None:
    refused = world.send({"instruction": "a cat", "options": {"aspect_ratio": "1:1", "size": "1:1"}})
    assert refused.error
    assert all(name in refused.error.message for name in ("options.aspect_ratio", "options.size"))
    assert world.api.questions == []
