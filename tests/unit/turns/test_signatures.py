"""The signatures of Gemini's pictures go back with the next turn. Otherwise the history is flattened, once."""

import json
from typing import Any

import pytest
from PIL import Image as Pillow

from darkroom.domain import keys
from darkroom.domain.outcome import Outcome
from darkroom.providers.dialect import DialectSettings
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.dialects.gemini import GEMINI
from darkroom.providers.reply import Reply
from tests.fakes import spoken
from tests.fakes.image_api import png
from tests.pictures.making import saved
from tests.unit.turns.world import World

STATE = ("results", keys.turn_prefix("t", 1, "m-1") + keys.STATE)


def replied(document: object, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(document).encode(), 1.0, GEMINI.name)


MISSED = {
    "as an error": replied(
        {"error": {"code": 400, "message": "Image part is missing a thought_signature.", "status": "INVALID_ARGUMENT"}},
        400,
    ),
    "within an answer": replied({"candidates": [{"finishReason": "MISSING_THOUGHT_SIGNATURE"}]}),
    "as one that is not valid": replied(
        {"error": {"code": 400, "message": "Thought signature is not valid.", "status": "INVALID_ARGUMENT"}}, 400
    ),
}


@pytest.fixture
def world() -> World:
    """A world whose model has answered the first turn of `t`, with a signature beside the picture."""
    world = World(dialect=GEMINI, dialects=DIALECTS, model=GEMINI.model)
    world.script(spoken.made(GEMINI, png("orange"), words="A cat."))
    world.send({"instruction": "a cat"})
    world.script(spoken.made(GEMINI, png("navy")))
    return world


def second(world: World, **more: object) -> Outcome:
    return world.send({"instruction": "at night", **more}, message_id="m-2")


def contents(world: World) -> list[Any]:
    """The contents that each call sends."""
    return [json.loads(GEMINI.call(each, DialectSettings()).body[:])["contents"] for each in world.api.questions]


def test_it_goes_back_on_the_very_part_in_the_very_place(world: World) -> None:
    assert second(world).status == "succeeded"
    *_, (_, model, _) = contents(world)
    words, picture = model["parts"]
    (_, given) = json.loads(world.objects.objects[STATE].data)
    assert words == {"text": "A cat."}
    assert picture["thoughtSignature"] == given["thoughtSignature"]
    assert picture["inlineData"]["mimeType"] == "image/png"


@pytest.mark.parametrize("way", MISSED)
def test_where_it_is_missed_or_refused_the_history_goes_once_without(world: World, way: str) -> None:
    world.script(MISSED[way], spoken.made(GEMINI, png("navy")))
    ended = second(world)
    assert (ended.status, ended.cost.paid_calls) == ("succeeded", 1)
    _, refused, flattened = contents(world)
    assert [each["role"] for each in refused] == ["user", "model", "user"]
    assert [each["role"] for each in flattened] == ["user"]
    assert "thoughtSignature" not in str(flattened)


@pytest.mark.parametrize("way", MISSED)
def test_and_only_once(world: World, way: str) -> None:
    world.script(MISSED[way])
    ended = second(world)
    assert ended.error
    assert (ended.error.code, ended.cost.paid_calls, len(world.api.questions)) == ("invalid_request", 0, 3)


@pytest.mark.parametrize("why", ["another model", "it is gone"])
def test_where_it_cannot_go_back_the_picture_goes_with_the_last_words(world: World, why: str) -> None:
    if why == "it is gone":
        del world.objects.objects[STATE]
    assert second(world, **({"model": "gemini-3-pro-image"} if why == "another model" else {})).status == "succeeded"
    *_, (first, model, last) = contents(world)
    assert (first["parts"], model["parts"]) == ([{"text": "a cat"}], [{"text": "A cat."}])
    assert [sorted(part) for part in last["parts"]] == [["text"], ["inlineData"]]


def test_a_branch_takes_that_of_the_turn_that_it_answers(world: World) -> None:
    second(world)
    world.send({"instruction": "in snow", "parent_turn": 1}, message_id="m-3")
    _, at_night, in_snow = contents(world)
    assert at_night[1] == in_snow[1]


def test_a_photo_that_is_sent_again_is_the_users_own_and_has_none(world: World) -> None:
    """A result among the images of the next request is sent once, in the user's turn."""
    made = world.result(1, "m-1")["images"][0]
    second(world, images=[f"s3://{made['bucket']}/{made['key']}"])
    *_, (_, model, last) = contents(world)
    assert model["parts"] == [{"text": "A cat."}]
    assert [sorted(part) for part in last["parts"]] == [["text"], ["inlineData"]]


def test_its_bytes_leave_less_room_to_the_pictures(world: World) -> None:
    """A request stays within the operator's limit, whatever state goes back to the API."""
    long = json.dumps([{"text": "A cat."}, {"thoughtSignature": "QUJD" * 100_000}]).encode()
    world.objects.put(*STATE, long)
    world.max_request_bytes = 1_000_000
    world.objects.put("uploads", "photo.jpg", saved(Pillow.effect_noise((1500, 1200), 90).convert("RGB"), "JPEG"))
    assert second(world, images=["s3://uploads/photo.jpg"]).status == "succeeded"
    sent = GEMINI.call(world.api.questions[-1], DialectSettings()).body
    assert len(long) < len(sent) < world.max_request_bytes
