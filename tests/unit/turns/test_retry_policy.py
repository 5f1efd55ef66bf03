"""The waits of a request, and the end of its waiting."""

import pytest

from darkroom.domain.timing import FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS, MIN_BACKOFF_SHARE
from tests.fakes.image_api import made, stated
from tests.unit.turns.world import THROTTLED, World


def test_a_throttled_request_waits_longer_each_time_and_then_goes_through(world: World) -> None:
    world.script(THROTTLED, THROTTLED, made())
    waits = [world.wait({"instruction": "a"}).retry_after for _ in range(2)]
    assert waits == pytest.approx([1.2, 2.4])
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["cost"]["paid_calls"] == 1
    assert world.ledger.calls == {"2026-11-22": 1}


def test_retry_after_is_honoured(world: World) -> None:
    world.script(stated(429, {"error": {"message": "slow"}}, retry_after="77"))
    assert world.wait({"instruction": "a"}).retry_after == 77


@pytest.mark.parametrize("said", ["0", "0.001", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", "1"])
def test_retry_after_never_shortens_the_backoff(world: World, said: str) -> None:
    """A provider that asks for 0 would be called a hundred times in as many seconds."""
    date = "Sun, 29 Nov 2026 07:28:00 GMT"
    world.script(stated(429, {"error": {"message": "slow"}}, retry_after=said, date=date))
    waits = [world.wait({"instruction": "a"}).retry_after or 0 for _ in range(9)]
    backoff = [min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**number) for number in range(9)]
    assert waits == pytest.approx([seconds * MIN_BACKOFF_SHARE for seconds in backoff], abs=1)
    assert min(waits) >= 1


def test_a_model_that_the_provider_does_not_know_is_named_with_the_remedy(world: World) -> None:
    unknown = {"error": {"code": "model_not_found", "message": "no available channel"}}
    world.script(stated(503, unknown))
    assert world.wait({"instruction": "a", "model": "gone-9"}).cause == "model"
    world.clock.advance(world.give_up_after + 1)
    error = world.send({"instruction": "a", "model": "gone-9"}).error
    assert error
    assert (error.code, error.param) == ("provider_unavailable", "model")
    assert "'gone-9'" in (error.hint or "")
    assert "ImageModel" in (error.hint or "")


@pytest.mark.parametrize("status", [401, 402, 403])
def test_the_operators_trouble_never_fails_a_request(world: World, status: int) -> None:
    world.script(stated(status, {"code": status, "msg": "no", "data": None}))
    for _ in range(20):
        assert world.wait({"instruction": "a"}).cause in ("credentials", "account")
        world.clock.advance(300)
    world.script(made())
    assert world.send({"instruction": "a"}).status == "succeeded"


def test_the_provider_is_given_up_a_day_after_its_first_refusal(world: World) -> None:
    world.script(THROTTLED)
    world.wait({"instruction": "a"})
    world.clock.advance(86_399)
    world.wait({"instruction": "a"})
    world.clock.advance(2)
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["error"]["code"] == "provider_unavailable"
    assert world.result(1, "m-1")["cost"]["paid_calls"] == 0


def test_over_the_daily_limit_a_request_waits_for_the_next_day() -> None:
    world = World(daily_call_limit=1)
    world.send({"instruction": "a"})
    trouble = world.wait({"instruction": "b"}, message_id="m-2")
    assert (trouble.cause, trouble.retry_after) == ("budget", 3600)
    world.clock.advance(12 * 3600)
    world.send({"instruction": "b"}, message_id="m-2")
    assert world.result(2, "m-2")["status"] == "succeeded"


def test_after_nine_days_the_budget_is_exhausted() -> None:
    world = World(daily_call_limit=1)
    world.send({"instruction": "a"})
    for _ in range(9):
        world.wait({"instruction": "b"}, message_id="m-2")
        world.ledger.calls = dict.fromkeys(("2026-11-22", *(f"2026-11-{n}" for n in range(23, 31)), "2026-12-01"), 1)
        world.clock.advance(24 * 3600)
    world.send({"instruction": "b"}, message_id="m-2")
    assert world.result(2, "m-2")["error"]["code"] == "budget_exhausted"


def test_an_address_that_never_answers_is_no_image(world: World) -> None:
    world.script(stated(200, {"data": [{"url": "https://cdn.example/1.png"}]}))
    for _ in range(7):
        world.wait({"instruction": "a"})
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["error"]["code"] == "no_image"
