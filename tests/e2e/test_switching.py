"""A running stack changes its provider in mid-conversation: every turn is answered, and nothing is paid twice."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.image_api import StandInServer, running
from tests.e2e.conftest import BringUp
from tests.e2e.deliveries import REQUESTS, pause, resume
from tests.e2e.road import Road, eventually, photo

pytestmark = pytest.mark.slow

DIALECTS = ("nebula", "gemini", "openai")
MODELS = {"nebula": "gemini-3.1-flash-image", "gemini": "gemini-3.1-flash-image", "openai": "gpt-image-2"}
WAITS = "[fault:429 x1 retry-after=30]"


@pytest.fixture(scope="module")
def server() -> Iterator[StandInServer]:
    with running(StandInServer(key="sk-switching")) as listening:
        yield listening


def speaking(bring_up: BringUp, server: StandInServer, dialect: str, road: Road | None = None) -> Road:
    """The stack, brought up or changed so that it speaks this dialect."""
    stack = bring_up(
        image_api_url=server.url, image_api_key=server.key, port=road.stack.port if road else None,
        parameters={"ImageApiDialect": dialect},
    )  # fmt: skip
    return replace(road, stack=stack) if road else Road(stack, server)


def dialect_of(road: Road, thread: str, turn: int) -> str:
    key = {"thread_id": {"S": thread}, "sk": {"S": f"TURN#{turn:05d}"}}
    found = road.stack.aws.dynamodb.get_item(TableName=road.stack.env["THREADS_TABLE"], Key=key)
    return found["Item"].get("dialect", {"S": "nebula"})["S"]


def been_called(road: Road, words: str) -> None:
    """Returns when the image API has had a call with these words."""
    eventually(lambda: road.calls(words))


def test_a_conversation_goes_on_through_every_dialect(bring_up: BringUp, server: StandInServer) -> None:
    """Before each change a request has been called for nothing, and waits: it is answered in the next dialect."""
    thread, mark = f"t-{uuid.uuid4().hex[:12]}", uuid.uuid4().hex[:8]
    road = speaking(bring_up, server, DIALECTS[0])
    road.upload(f"{thread}.jpg", photo(), instruction=f"sunset {mark}")
    assert road.turn(thread, 1)["status"] == "succeeded"
    for number, dialect in enumerate(DIALECTS[1:]):
        road.send(thread, {"instruction": f"night {number} {mark} {WAITS}", "request_id": f"waits-{number}"})
        been_called(road, f"night {number} {mark}")
        pause(road.stack, *REQUESTS)  # it may come back before the stack has changed
        road = speaking(bring_up, server, dialect, road)
        resume(road.stack)
        road.send(thread, {"instruction": f"frame {number} {mark}", "request_id": f"next-{number}"})
    results = [road.turn(thread, turn) for turn in range(1, 6)]
    assert [(each["status"], each["parent_turn"]) for each in results] == [
        ("succeeded", number or None) for number in range(5)
    ]
    spoken = [dialect_of(road, thread, turn) for turn in range(1, 6)]
    assert spoken == ["nebula", "gemini", "gemini", "openai", "openai"]
    assert [each["model"] for each in results] == [MODELS[dialect] for dialect in spoken]
    assert {each["cost"]["paid_calls"] for each in results} == {1}
    paid = [call for call in road.calls(mark) if call["status"] == 200]
    assert len(paid) == len(results), "each was paid once"
    eventually(lambda: not road.left() or None)
