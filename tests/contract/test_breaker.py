"""The breaker's contract, which DynamoDB's adapter and the fake both keep."""

from typing import TYPE_CHECKING

import pytest

from darkroom.aws.dynamodb.breaker import DynamoBreaker
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import outcome
from darkroom.domain.timing import (
    BREAKER_OPENS_AT,
    BREAKER_PAUSE_SECONDS,
    MAX_BREAKER_PAUSE_SECONDS,
    NEW_CALL_PAUSE_SECONDS,
    PROBE_CALL_SECONDS,
    PROBE_LEASE_SECONDS,
)
from darkroom.errors import Cause, Unavailable
from darkroom.turns.ports import Breaker
from tests.fakes.breaker import MemoryBreaker
from tests.fakes.edge import NOON, Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DOWN = Unavailable("unreachable", "down")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["dynamodb", "memory"])
def breaker(request: pytest.FixtureRequest, clock: Clock) -> Breaker:
    if request.param == "memory":
        return MemoryBreaker(clock)
    table = Table(request.getfixturevalue("dynamodb"), request.getfixturevalue("threads_table"))
    return DynamoBreaker(table, clock=clock)


def fail(
    breaker: Breaker, trouble: Unavailable = DOWN, times: int = BREAKER_OPENS_AT, *, is_first: bool = True
) -> None:
    """Let so many requests fail, each once."""
    for number in range(times):
        breaker.failed("m", f"r-{number}", trouble, is_first=is_first)


def answer(breaker: Breaker, clock: Clock, known_trouble: Cause | None = None) -> None:
    """Answer a call, and put its turn into the table a moment later."""
    breaker.succeeded("m", known_trouble)
    clock.advance(0.01)
    if isinstance(breaker, DynamoBreaker):
        at = outcome.timestamp(clock())
        turn = {"model": "m", "status": "succeeded", "cost": {"paid_calls": 1}, "listed_in": at[:10], "listed_at": at}
        breaker._table.write(breaker._table.put("t", "TURN#00001", turn))
    clock.advance(0.01)


def held_back(breaker: Breaker, model: str = "m", *, is_new: bool = False) -> Cause | None:
    try:
        breaker.admit(model, "r", is_last=False, is_new=is_new)
    except Unavailable as refused:
        return refused.cause
    return None


def test_where_there_is_no_trouble_every_call_goes_out(breaker: Breaker) -> None:
    assert [breaker.admit("m", "r", is_last=False, is_new=False).trouble for _ in range(3)] == [None] * 3
    assert not breaker.wants_probe("m")


def test_one_failure_says_little(breaker: Breaker) -> None:
    fail(breaker, times=BREAKER_OPENS_AT - 1)
    assert [breaker.admit("m", "r", is_last=False, is_new=False).trouble for _ in range(3)] == ["unreachable"] * 3
    assert not breaker.wants_probe("m")


def test_failures_on_end_keep_calls_back_and_say_why(breaker: Breaker) -> None:
    fail(breaker, Unavailable("throttled", "slow down"))
    assert held_back(breaker) == "throttled"


@pytest.mark.parametrize("cause", ["credentials", "account", "configuration"])
def test_what_no_request_would_fare_better_with_keeps_calls_back_at_once(breaker: Breaker, cause: Cause) -> None:
    fail(breaker, Unavailable(cause, "no"), times=1)
    assert held_back(breaker) == cause


def test_what_a_request_is_told_again_counts_once_for_it_may_be_about_the_request(breaker: Breaker) -> None:
    fail(breaker, Unavailable("account", "no balance"), times=BREAKER_OPENS_AT - 1, is_first=False)
    assert held_back(breaker) is None


def test_answers_that_get_lost_count_as_a_provider_that_cannot_be_reached(breaker: Breaker) -> None:
    fail(breaker, Unavailable("ambiguous", "cut"))
    assert held_back(breaker) == "unreachable"


def test_models_are_kept_apart(breaker: Breaker) -> None:
    fail(breaker)
    assert held_back(breaker, "another") is None


def test_an_answer_in_between_starts_the_count_again(breaker: Breaker) -> None:
    fail(breaker, times=BREAKER_OPENS_AT - 1)
    breaker.succeeded("m", "unreachable")
    fail(breaker, times=BREAKER_OPENS_AT - 1)
    assert held_back(breaker) is None


def test_so_does_an_answer_to_a_call_that_went_out_before_the_failures(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, times=BREAKER_OPENS_AT - 1)
    answer(breaker, clock)
    fail(breaker, times=BREAKER_OPENS_AT - 1)
    assert held_back(breaker) is None


def test_an_answer_that_another_worker_got_starts_the_count_again_too(
    dynamodb: "DynamoDBClient", threads_table: str, clock: Clock
) -> None:
    """A healthy provider that fails one of many calls now and then stays open to all."""
    one, another = (DynamoBreaker(Table(dynamodb, threads_table), clock=clock) for _ in range(2))
    known = [another.admit("m", "r", is_last=False, is_new=False).trouble for _ in range(10)]
    for trouble in known:
        fail(one, times=BREAKER_OPENS_AT - 1)
        answer(another, clock, trouble)
    assert held_back(one) is None


def test_an_answer_to_a_call_from_before_the_trouble_says_nothing_of_its_end(breaker: Breaker) -> None:
    fail(breaker)
    breaker.succeeded("m", None)
    assert held_back(breaker) == "unreachable"


def test_after_a_pause_one_call_goes_out_and_no_second(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.advance(BREAKER_PAUSE_SECONDS)
    assert breaker.admit("m", "r", is_last=False, is_new=False).trouble == "unreachable"
    assert held_back(breaker) == "unreachable"


def test_a_probe_that_hangs_keeps_the_next_one_back_for_a_minute_at_most(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.advance(BREAKER_PAUSE_SECONDS)
    breaker.admit("m", "r", is_last=False, is_new=False)
    clock.advance(PROBE_CALL_SECONDS)
    assert held_back(breaker) is None


def test_a_probe_that_succeeds_lets_everything_through(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.advance(BREAKER_PAUSE_SECONDS)
    breaker.admit("m", "r", is_last=False, is_new=False)
    breaker.succeeded("m", "unreachable")
    assert [breaker.admit("m", "r", is_last=False, is_new=False).trouble for _ in range(3)] == [None] * 3


def test_a_probe_that_fails_is_followed_by_another_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.advance(BREAKER_PAUSE_SECONDS)
    breaker.admit("m", "r", is_last=False, is_new=False)
    breaker.failed("m", "r", DOWN, is_first=True)
    clock.advance(BREAKER_PAUSE_SECONDS - 1)
    assert held_back(breaker) == "unreachable"
    clock.advance(1)
    assert held_back(breaker) is None


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        (40.0, 40.0),
        (9_999.0, MAX_BREAKER_PAUSE_SECONDS),
        (3.0, BREAKER_PAUSE_SECONDS),
        (0.0, BREAKER_PAUSE_SECONDS),
        (-9.0, BREAKER_PAUSE_SECONDS),
    ],
)
def test_the_provider_may_lengthen_the_pause_and_not_shorten_it(
    breaker: Breaker, clock: Clock, said: float, pause: float
) -> None:
    fail(breaker, Unavailable("throttled", "slow down", retry_after=said))
    clock.advance(pause - 1)
    assert held_back(breaker) == "throttled"
    clock.advance(1)
    assert held_back(breaker) is None


def test_the_call_before_giving_up_goes_out_whatever_is_known(breaker: Breaker) -> None:
    fail(breaker)
    assert breaker.admit("m", "r", is_last=True, is_new=False).trouble == "unreachable"


def test_one_at_a_time_looks_after_the_provider(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    assert [breaker.wants_probe("m"), breaker.wants_probe("m")] == [True, False]
    clock.advance(PROBE_LEASE_SECONDS - 1)
    assert breaker.keeps_probe("m")
    clock.advance(PROBE_LEASE_SECONDS - 1)
    assert not breaker.wants_probe("m")
    clock.advance(2)
    assert breaker.wants_probe("m")


def test_nobody_has_to_look_after_a_provider_that_is_well(breaker: Breaker) -> None:
    assert not breaker.keeps_probe("m")
    fail(breaker)
    breaker.succeeded("m", "unreachable")
    assert not breaker.keeps_probe("m")


def test_the_echo_of_its_own_write_is_no_other_failure(echoing_table: Table, clock: Clock) -> None:
    breaker = DynamoBreaker(echoing_table, clock=clock)
    fail(breaker, times=BREAKER_OPENS_AT - 1)
    assert held_back(breaker) is None


def test_the_echo_of_its_own_write_takes_nobodys_place(echoing_table: Table, clock: Clock) -> None:
    breaker = DynamoBreaker(echoing_table, clock=clock)
    fail(breaker)
    clock.advance(BREAKER_PAUSE_SECONDS)
    assert breaker.admit("m", "r", is_last=False, is_new=False).trouble == "unreachable"
    assert breaker.wants_probe("m")


def test_an_open_breaker_is_not_forgotten_while_anybody_waits(
    dynamodb: "DynamoDBClient", threads_table: str, clock: Clock
) -> None:
    table = Table(dynamodb, threads_table)
    fail(DynamoBreaker(table, clock=clock))
    assert table.item("/breaker", "m")["expires_at"] >= clock() + 24 * 3600


def fail_alone(breaker: Breaker, times: int) -> None:
    for number in range(times):
        breaker.failed("m", "culprit", DOWN, is_first=number == 0)


def test_one_requests_own_failures_keep_only_itself_back(breaker: Breaker) -> None:
    fail_alone(breaker, times=9)
    assert held_back(breaker) is None
    assert not breaker.admit("m", "r", is_last=False, is_new=False).is_probe
    with pytest.raises(Unavailable):
        breaker.admit("m", "culprit", is_last=False, is_new=False)


def test_once_another_request_fails_too_it_is_the_providers_trouble(breaker: Breaker) -> None:
    fail_alone(breaker, times=BREAKER_OPENS_AT)
    breaker.failed("m", "another", DOWN, is_first=True)
    assert held_back(breaker) == "unreachable"


def test_a_bad_key_is_nobodys_own_failure(breaker: Breaker) -> None:
    breaker.failed("m", "culprit", Unavailable("credentials", "no"), is_first=True)
    assert held_back(breaker) == "credentials"


def test_a_probe_knows_that_it_is_one(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    assert breaker.admit("m", "r", is_last=True, is_new=False).is_probe
    clock.advance(BREAKER_PAUSE_SECONDS)
    assert breaker.admit("m", "r", is_last=False, is_new=False).is_probe


def test_where_the_failures_may_be_those_of_others_a_request_that_never_called_is_let_through_sooner(
    breaker: Breaker, clock: Clock
) -> None:
    fail(breaker, Unavailable("unreachable", "500", is_doubtful=True))
    assert held_back(breaker) == "unreachable"
    assert held_back(breaker, is_new=True) is None
    assert held_back(breaker, is_new=True) == "unreachable", "one at a time"
    clock.advance(NEW_CALL_PAUSE_SECONDS)
    assert held_back(breaker, is_new=True) is None


@pytest.mark.parametrize("trouble", [DOWN, Unavailable("unreachable", "500", is_doubtful=True, retry_after=40.0)])
def test_where_the_provider_says_what_it_is_nobody_is_let_through_sooner(
    breaker: Breaker, clock: Clock, trouble: Unavailable
) -> None:
    fail(breaker, trouble)
    clock.advance(NEW_CALL_PAUSE_SECONDS)
    assert held_back(breaker, is_new=True) == "unreachable"


@pytest.mark.parametrize(
    ("model", "status", "paid_calls"),
    [("m", "succeeded", 1), ("m", "failed", 1), ("another", "succeeded", 1), ("m", "succeeded", 0)],
)
def test_only_a_picture_that_the_same_model_was_paid_for_starts_the_count_again(
    dynamodb: "DynamoDBClient", threads_table: str, model: str, status: str, paid_calls: int
) -> None:
    """This holds over midnight, too."""
    table, clock = Table(dynamodb, threads_table), Clock(NOON + 12 * 3600 - 1)
    breaker = DynamoBreaker(table, clock=clock)
    fail(breaker, times=BREAKER_OPENS_AT - 1)
    clock.advance(2)
    at = outcome.timestamp(clock())
    listed = {"listed_in": at[:10], "listed_at": at}
    turn = {"model": model, "status": status, "cost": {"paid_calls": paid_calls}, **listed}
    table.write(table.put("t", "TURN#00001", turn))
    clock.advance(2)
    breaker.failed("m", "r", DOWN, is_first=True)
    assert (held_back(breaker) is None) is ((model, status, paid_calls) == ("m", "succeeded", 1))
