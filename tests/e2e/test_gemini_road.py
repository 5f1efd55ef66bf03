"""The road of a stack that speaks `gemini`, driven from outside: signatures from turn to turn, and each trouble."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.image_api import StandInServer, running
from tests.e2e.conftest import BringUp
from tests.e2e.road import Road, photo

pytestmark = pytest.mark.slow

PARAMETERS = {"ImageApiDialect": "gemini", "GiveUpAfterSeconds": "5", "PricePerImage": "0.04 USD"}


@pytest.fixture(scope="module")
def road(bring_up: BringUp) -> Iterator[Road]:
    with running(StandInServer(key="AIza-gemini-road-key")) as server:
        yield Road(bring_up(image_api_url=server.url, image_api_key=server.key, parameters=PARAMETERS), server)


@pytest.fixture
def thread() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def signatures(call: dict[str, Any]) -> list[tuple[str, bool]]:
    """The pictures of a call: who shows each, and whether it has its signature."""
    return [
        (content["role"], "thoughtSignature" in part)
        for content in call["contents"]
        for part in content["parts"]
        if "image" in part
    ]


def test_a_conversation_gives_each_signature_back_in_its_place(road: Road, thread: str) -> None:
    mark = uuid.uuid4().hex[:8]
    road.upload(f"{thread}.jpg", photo(), instruction=f"sunset {mark}")
    assert road.turn(thread, 1)["mode"] == "image_to_image"
    road.upload(f"{thread}.txt", f"夜色下雪的场景 {mark}")
    second = road.turn(thread, 2)
    road.send(thread, {"instruction": f"mirror it {mark}", "parent_turn": 1})
    third = road.turn(thread, 3)
    road.send(thread, {"instruction": f"a white frame {mark}", "model": "gemini-3-pro-image"})
    fourth = road.turn(thread, 4)
    turns = (second, third, fourth)
    assert [(each["status"], each["mode"]) for each in turns] == [("succeeded", "conversation")] * 3
    assert [each["parent_turn"] for each in turns] == [1, 1, 3]
    assert [each["cost"]["paid_calls"] for each in turns] == [1] * 3
    assert [signatures(call) for call in road.calls(mark)] == [
        [("user", False)],
        [("user", False), ("model", True)],
        [("user", False), ("model", True)],
        [("user", False), ("user", False)],  # another model takes no signature of this one's
    ]


def test_what_it_wants_back_lies_beside_the_picture_and_is_told_nowhere(road: Road, thread: str) -> None:
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
    model = "gemini-2.5-flash-image" if is_trouble else "gemini-3.1-flash-image"
    road.send(thread, {"instruction": f"a ship {thread} [fault:{fault}]", "model": model})
    assert road.turn(thread, 1)["error"]["code"] == code


def test_an_option_that_the_dialect_does_not_know_is_refused_before_it_is_paid(road: Road, thread: str) -> None:
    refused = road.refusal(road.send(thread, {"instruction": f"a ship {thread}", "options": {"quality": "high"}}))
    assert "options.quality" in refused["error"]["message"]
    assert road.calls(thread) == []
