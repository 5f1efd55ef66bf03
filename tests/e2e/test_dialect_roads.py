"""The road of a stack in each dialect, driven from outside: a conversation, each trouble, and what each has alone.

`test_road.py` drives the road of the default.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.providers.dialect_table import DIALECTS, NAMES
from local.image_api import StandInServer, running
from tests.e2e.conftest import BringUp
from tests.e2e.road import Road, photo, pictures_of, words_of

pytestmark = pytest.mark.slow

PARAMETERS = {"GiveUpAfterSeconds": "5", "PricePerImage": "0.04 USD"}


@pytest.fixture(scope="module")
def roads(bring_up: BringUp) -> Iterator[Callable[[str], Road]]:
    """The road in a dialect, which is brought up once."""
    with running(StandInServer(key="sk-dialect-roads")) as server:

        @cache
        def road(dialect: str) -> Road:
            parameters = {**PARAMETERS, "ImageApiDialect": dialect}
            return Road(bring_up(image_api_url=server.url, image_api_key=server.key, parameters=parameters), server)

        yield road


@pytest.fixture
def road(roads: Callable[[str], Road], request: pytest.FixtureRequest) -> Road:
    return roads(request.param)


@pytest.fixture
def thread() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def in_dialects(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("road", names, indirect=True)


in_each = in_dialects(*(name for name in NAMES if name != DEFAULT_DIALECT))


def cost(images: int) -> dict[str, Any]:
    """The cost of one call for so many pictures."""
    return {"paid_calls": 1, "amount": round(images * 0.04, 6), "currency": "USD", "images": images}


@in_each
def test_a_conversation_is_held_by_uploads_and_by_messages(road: Road, thread: str) -> None:
    mark = uuid.uuid4().hex[:8]
    road.upload(f"{thread}.jpg", photo(), instruction=f"sunset {mark}")
    first = road.turn(thread, 1)
    road.upload(f"{thread}.txt", f"夜色下雪的场景 {mark}")
    second = road.turn(thread, 2)
    road.send(thread, {"instruction": f"mirror it {mark}", "parent_turn": 1})
    turns = (first, second, road.turn(thread, 3))
    assert [(each["status"], each["mode"], each["parent_turn"], each["cost"]) for each in turns] == [
        ("succeeded", "image_to_image", None, cost(1)),
        ("succeeded", "conversation", 1, cost(1)),
        ("succeeded", "conversation", 1, cost(1)),
    ]
    calls = road.calls(mark)
    assert [words_of(call) for call in calls] == [f"sunset {mark}", f"夜色下雪的场景 {mark}", f"mirror it {mark}"]
    source, *others = [pictures_of(call) for call in calls]
    assert others == [others[0]] * 2, "both answer the picture of turn 1"
    assert others[0][:-1] == (source if road.dialect.history == "turns" else [])
    assert len(source) == 1
    assert others[0][-1:] != source


@in_each
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("refusal", "refused"),
        ("text", "refused"),
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
    is_trouble = code in ("provider_unavailable", "outcome_unknown")
    model = {"model": road.other_models[0]} if is_trouble else {}
    road.send(thread, {"instruction": f"a ship {thread} [fault:{fault}]", **model})
    assert road.turn(thread, 1)["error"]["code"] == code


@in_each
def test_an_option_of_another_dialect_is_refused_before_it_is_paid(road: Road, thread: str) -> None:
    foreign = sorted({name for each in DIALECTS.values() for name in each.options} - set(road.dialect.options))
    refused = road.refusal(road.send(thread, {"instruction": f"a ship {thread}", "options": {foreign[0]: "1"}}))
    assert f"options.{foreign[0]}" in refused["error"]["message"]
    assert road.calls(thread) == []


# Gemini.


def signatures(call: dict[str, Any]) -> list[tuple[str, bool]]:
    """The pictures of a call: who shows each, and whether it has its signature."""
    return [
        (content["role"], "thoughtSignature" in part)
        for content in call["contents"]
        for part in content["parts"]
        if "image" in part
    ]


@in_dialects("gemini")
def test_a_signature_goes_back_in_its_place_to_the_same_model(road: Road, thread: str) -> None:
    mark = uuid.uuid4().hex[:8]
    road.upload(f"{thread}.jpg", photo(), instruction=f"sunset {mark}")
    road.turn(thread, 1)
    road.send(thread, {"instruction": f"mirror it {mark}"})
    road.send(thread, {"instruction": f"a white frame {mark}", "model": "gemini-3-pro-image", "parent_turn": 1})
    assert road.turn(thread, 3)["cost"]["paid_calls"] == 1
    assert [signatures(call) for call in road.calls(mark)] == [
        [("user", False)],
        [("user", False), ("model", True)],
        [("user", False), ("user", False)],  # another model takes no signature of this one's
    ]


@in_dialects("gemini")
def test_a_signature_lies_beside_the_picture_and_is_told_nowhere(road: Road, thread: str) -> None:
    road.send(thread, {"instruction": "a castle by the sea"})
    result = road.turn(thread, 1)
    (image,) = result["images"]
    s3, key = road.stack.aws.s3, image["key"].rpartition("/")[0] + "/state"
    parts = json.loads(s3.get_object(Bucket=image["bucket"], Key=key)["Body"].read())
    (signature,) = [part["thoughtSignature"] for part in parts if "text" not in part]
    assert signature not in json.dumps(result)
    s3.delete_object(Bucket=image["bucket"], Key=key)
    road.send(thread, {"instruction": f"at night {thread}"})
    assert road.turn(thread, 2)["status"] == "succeeded"
    assert [signatures(call) for call in road.calls(f"at night {thread}")] == [[("user", False)]]


@in_dialects("gemini")
def test_every_option_reaches_the_api_by_its_name(road: Road, thread: str) -> None:
    picture = {"aspect_ratio": "16:9", "image_size": "1K", "response_modalities": "image"}
    options = {**picture, "temperature": 0.5, "top_p": 1}
    road.send(thread, {"instruction": f"a lighthouse {thread}", "options": options})
    result = road.turn(thread, 1)
    (image,) = result["images"]
    assert round(image["width"] / image["height"], 1) == 1.8
    assert (result["mode"], result["text"], result["warnings"]) == ("text_to_image", None, [])
    (call,) = road.calls(f"a lighthouse {thread}")
    assert call["options"] == {
        "responseModalities": ["IMAGE"],
        "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"},
        "temperature": 0.5,
        "topP": 1.0,
    }
    road.send(thread, {"instruction": f"now in snow {thread}"})
    assert road.turn(thread, 2)["options"] == result["options"]


# OpenAI.


@in_dialects("openai")
def test_words_alone_are_a_generation_whose_usage_is_told(road: Road, thread: str) -> None:
    options = {"size": "1536x864", "output_format": "webp", "moderation": "low"}
    road.send(thread, {"instruction": "a castle by the sea", "options": options})
    result = road.turn(thread, 1)
    (image,) = result["images"]
    assert (image["width"], image["height"], image["media_type"]) == (1536, 864, "image/webp")
    assert (result["mode"], result["model"], result["options"]) == ("text_to_image", "gpt-image-2", options)
    assert result["usage"]["total_tokens"] == result["usage"]["input_tokens"] + result["usage"]["output_tokens"]
    assert (result["cost"], bool(result["provider_request_id"]), result["warnings"]) == (cost(1), True, [])


@in_dialects("openai")
def test_several_pictures_are_asked_for_once(road: Road, thread: str) -> None:
    road.send(thread, {"instruction": "a lighthouse", "options": {"n": 3, "size": "1024x1024"}})
    first = road.turn(thread, 1)
    assert [image["primary"] for image in first["images"]] == [True, False, False]
    assert len({image["sha256"] for image in first["images"]}) == 3
    assert first["cost"] == cost(3)
    road.send(thread, {"instruction": "now in snow"})
    second = road.turn(thread, 2)
    assert (len(second["images"]), second["options"], second["cost"]) == (1, {"size": "1024x1024"}, cost(1))
