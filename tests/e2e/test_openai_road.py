"""The road of a stack that speaks `openai`, driven from outside: each kind of call, several pictures, each trouble."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.image_api import StandInServer, running
from tests.e2e.conftest import BringUp
from tests.e2e.road import Road, photo

pytestmark = pytest.mark.slow

PARAMETERS = {"ImageApiDialect": "openai", "GiveUpAfterSeconds": "5", "PricePerImage": "0.04 USD"}


@pytest.fixture(scope="module")
def road(bring_up: BringUp) -> Iterator[Road]:
    with running(StandInServer(key="sk-openai-road")) as server:
        yield Road(bring_up(image_api_url=server.url, image_api_key=server.key, parameters=PARAMETERS), server)


@pytest.fixture
def thread() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def cost(images: int) -> dict[str, Any]:
    """The cost of one call for so many pictures."""
    return {"paid_calls": 1, "amount": round(images * 0.04, 6), "currency": "USD", "images": images}


def test_a_conversation_is_edits_of_the_newest_picture(road: Road, thread: str) -> None:
    mark = uuid.uuid4().hex[:8]
    road.upload(f"{thread}.jpg", photo(), instruction=f"sunset {mark}")
    assert road.turn(thread, 1)["mode"] == "image_to_image"
    road.upload(f"{thread}.txt", f"夜色下雪的场景 {mark}")
    second = road.turn(thread, 2)
    road.send(thread, {"instruction": f"mirror it {mark}", "parent_turn": 1})
    third = road.turn(thread, 3)
    assert [each["status"] for each in (second, third)] == ["succeeded"] * 2
    assert [(each["mode"], each["parent_turn"]) for each in (second, third)] == [("conversation", 1)] * 2
    calls = road.calls(mark)
    assert [call["prompt"] for call in calls] == [f"sunset {mark}", f"夜色下雪的场景 {mark}", f"mirror it {mark}"]
    (first,) = road.turn(thread, 1)["images"]
    assert [[image["sha256"] for image in call["images"]] for call in calls[1:]] == [[first["sha256"]]] * 2


def test_words_alone_are_a_generation_whose_usage_is_told(road: Road, thread: str) -> None:
    options = {"size": "1536x864", "output_format": "webp", "moderation": "low"}
    road.send(thread, {"instruction": "a castle by the sea", "options": options})
    result = road.turn(thread, 1)
    (image,) = result["images"]
    assert (image["width"], image["height"], image["media_type"]) == (1536, 864, "image/webp")
    assert (result["mode"], result["model"], result["options"]) == ("text_to_image", "gpt-image-2", options)
    assert result["usage"]["total_tokens"] == result["usage"]["input_tokens"] + result["usage"]["output_tokens"]
    assert (result["cost"], bool(result["provider_request_id"]), result["warnings"]) == (cost(1), True, [])


def test_several_pictures_are_asked_for_once(road: Road, thread: str) -> None:
    road.send(thread, {"instruction": "a lighthouse", "options": {"n": 3, "size": "1024x1024"}})
    first = road.turn(thread, 1)
    assert [image["primary"] for image in first["images"]] == [True, False, False]
    assert len({image["sha256"] for image in first["images"]}) == 3
    assert first["cost"] == cost(3)
    road.send(thread, {"instruction": "now in snow"})
    second = road.turn(thread, 2)
    assert (len(second["images"]), second["options"], second["cost"]) == (1, {"size": "1024x1024"}, cost(1))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("refusal", "refused"),
        ("none", "no_image"),
        ("garbage", "no_image"),
        ("429", "provider_unavailable"),
        ("401", "provider_unavailable"),
        ("402", "provider_unavailable"),
        ("cut", "outcome_unknown"),
    ],
)
def test_a_request_that_fails_says_why_in_its_turn(road: Road, thread: str, fault: str, code: str) -> None:
    """Troubles have a model of their own, and keep no other request waiting."""
    model = "gpt-image-2.5-flare" if code in ("provider_unavailable", "outcome_unknown") else "gpt-image-2"
    road.send(thread, {"instruction": f"a ship {thread} [fault:{fault}]", "model": model})
    assert road.turn(thread, 1)["error"]["code"] == code


def test_an_option_that_the_dialect_does_not_know_is_refused_before_it_is_paid(road: Road, thread: str) -> None:
    refused = road.refusal(road.send(thread, {"instruction": f"a ship {thread}", "options": {"aspect_ratio": "1:1"}}))
    assert "options.aspect_ratio" in refused["error"]["message"]
    assert road.calls(thread) == []
