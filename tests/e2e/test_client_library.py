"""The client's library on the deployed stack: it sends, waits, replies, fails, and hears of every outcome."""

import time
import uuid
from pathlib import Path

import pytest

from darkroom_client.errors import Failed, Invalid
from darkroom_client.results import Result
from darkroom_client.room import Darkroom
from darkroom_client.stacks import stack as stacks
from tests.e2e import consumers
from tests.e2e.conftest import Stack
from tests.e2e.road import Doors, photo

pytestmark = pytest.mark.slow

SECONDS = 120.0
SQUARE = {"nebula": {"size": "1:1"}, "gemini": {"aspect_ratio": "1:1"}, "openai": {"size": "1024x1024"}}


@pytest.fixture(scope="module")
def room(stack: Stack) -> Darkroom:
    return Darkroom(stacks.by_variables(stack.env))


@pytest.fixture
def thread() -> str:
    return f"client-{uuid.uuid4().hex[:8]}/e\u0301te\u0301 瓶"


def test_a_conversation_is_held_and_every_picture_saved(
    stack: Stack, room: Darkroom, thread: str, tmp_path: Path
) -> None:
    file = tmp_path / "mug, blue.jpg"
    file.write_bytes(photo())
    first = room.send(thread, "make it night", images=[file], request_id="order-1").wait(timeout=SECONDS)
    reply = room.send(thread, "add a white frame", options=SQUARE[Doors(stack).dialect.name], metadata={"order": "1"})
    second = reply.wait(timeout=SECONDS)
    branch = room.send(thread, "mirror it", images=[first.images[0].uri], parent_turn=1).wait(timeout=SECONDS)
    assert [(each.turn, each.parent_turn) for each in (first, second, branch)] == [(1, None), (2, 1), (3, 1)]
    assert second.outcome.metadata == {"order": "1"}
    assert all(each.images[0].save(tmp_path / f"{each.turn}.png").stat().st_size for each in (first, second, branch))
    assert [each.status for each in room.thread(thread).turns()] == ["succeeded"] * 3


def test_what_is_sent_again_is_answered_by_the_outcome_that_there_is(room: Darkroom, thread: str) -> None:
    first, again = (
        room.send(thread, "a lighthouse", images=[photo()], request_id="order-1").wait(timeout=SECONDS)
        for _ in range(2)
    )
    assert first.outcome == again.outcome
    assert len(room.thread(thread).turns()) == 1


def test_the_picture_of_a_request_starts_nothing_of_its_own(stack: Stack, room: Darkroom, thread: str) -> None:
    room.send(thread, "a lighthouse", images=[photo("teal")]).wait(timeout=SECONDS)
    assert Doors(stack).keys("rejected/uploads/.client/") == []
    assert Doors(stack).keys("threads/.client/") == []


def test_a_refusal_and_a_message_that_takes_no_turn_are_raised(room: Darkroom, thread: str) -> None:
    with pytest.raises(Failed, match="refused"):
        room.send(thread, "a lighthouse [fault:refusal]", request_id="order-1").wait(timeout=SECONDS)
    with pytest.raises(Failed, match="request_id_reused"):
        room.send(thread, "a boat", request_id="order-1").wait(timeout=SECONDS)
    with pytest.raises(Invalid, match="Nothing was sent or paid"):
        room.send(thread, "a boat", options={"sise": "1:1"})


def test_what_waits_is_seen_with_its_reason(room: Darkroom, thread: str) -> None:
    pending = room.send(thread, "a lighthouse [fault:429 x2 waits]")
    until = time.monotonic() + SECONDS
    while not ((waiting := pending.waiting()) and waiting.cause):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert (waiting.cause, waiting.instruction) == ("throttled", "a lighthouse [fault:429 x2 waits]")
    assert [each.status for each in room.thread(thread).turns()] in (["waiting"], ["succeeded"])
    assert pending.wait(timeout=SECONDS).turn == 1


def test_a_consumer_hears_of_each_outcome_and_again_of_the_one_it_broke_at(
    stack: Stack, room: Darkroom, thread: str
) -> None:
    url = consumers.queue(stack)
    for number in range(3):
        room.send(f"{thread}/{number}", "a lighthouse").wait(timeout=SECONDS)
    with pytest.raises(ZeroDivisionError):
        _break(room, url)
    heard = [outcome for outcome in room.outcomes(queue_url=url, idle=3) if isinstance(outcome, Result)]
    assert {each.thread_id for each in heard} == {room.thread(f"{thread}/{number}").id for number in range(3)}
    assert list(room.outcomes(queue_url=url, idle=1)) == []


def _break(room: Darkroom, url: str) -> None:
    for _ in room.outcomes(queue_url=url):
        raise ZeroDivisionError
