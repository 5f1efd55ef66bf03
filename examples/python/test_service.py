"""A service's own tests, as its CI runs them: a stack for the session, which is empty before each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from darkroom_client import Failed, testing
from darkroom_client.testing import LocalDarkroom


@pytest.fixture(scope="session")
def whole_room() -> Iterator[LocalDarkroom]:
    with testing.stack() as room:
        yield room


@pytest.fixture
def room(whole_room: LocalDarkroom) -> LocalDarkroom:
    whole_room.empty()
    return whole_room


def test_a_picture_is_made(room: LocalDarkroom, tmp_path: Path) -> None:
    result = room.send("orders/1", "a lighthouse at dawn", request_id="order-1").wait(timeout=120)
    assert result.images[0].save(tmp_path / "lighthouse.png").read_bytes().startswith(b"\x89PNG")


def test_the_provider_is_throttled_for_a_while_and_the_order_is_paid_once(room: LocalDarkroom) -> None:
    room.fail_next("429", times=2)
    result = room.send("orders/1", "a lighthouse at dawn", request_id="order-1").wait(timeout=120)
    assert (result.turn, result.cost.paid_calls) == (1, 1)


def test_a_refusal_is_told(room: LocalDarkroom) -> None:
    room.fail_next("refusal")
    with pytest.raises(Failed, match="refused"):
        room.send("orders/1", "a lighthouse at dawn", request_id="order-1").wait(timeout=120)
