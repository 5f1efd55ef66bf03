"""Workers that die in the middle of a call, on the deployed stack: what they held is taken up again, and soon."""

import time
import uuid
from collections.abc import Iterator

import pytest

from tests.figures import Figures
from tests.stack import workers
from tests.stack.conftest import BringUp
from tests.stack.provider import Call, Mood, Provider, provider
from tests.stack.road import Doors, eventually

API_SECONDS = 3
TIMEOUT_SECONDS = API_SECONDS + 60 + 2  # a call is started with a minute left to save its answer
TAKEN_UP_SECONDS = 120.0


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    with provider("sk-deaths") as started:
        started.mood = lambda words: Mood(seconds=1.5)  # noqa: ARG005 - time enough to die in
        yield started


@pytest.fixture(scope="module")
def doors(bring_up: BringUp, api: Provider) -> Doors:
    parameters = {"ImageApiTimeoutSeconds": str(API_SECONDS)}
    stack = bring_up(image_api_url=api.url, image_api_key=api.key, parameters=parameters)
    workers.limit_time(stack, TIMEOUT_SECONDS)
    return Doors(stack)


def test_what_a_dead_worker_held_is_taken_up_again_within_two_minutes(
    doors: Doors, api: Provider, figures: Figures
) -> None:
    """One request came five times, and its worker is killed; the other's stands still until the function's time-out."""
    killed, timed_out = (f"{how}-{uuid.uuid4().hex[:8]}" for how in ("killed", "timed-out"))
    for _ in range(5):
        doors.send(killed, {"instruction": f"a cat {killed}", "request_id": "r"})
    under_way(api, killed)
    assert workers.kill(doors.stack)
    death = time.time()

    doors.send(timed_out, {"instruction": f"a cat {timed_out}"})
    under_way(api, timed_out)
    frozen = workers.freeze(doors.stack)

    second = eventually(lambda: api.calls(killed)[1:], TAKEN_UP_SECONDS)
    assert second[0].began - death < TAKEN_UP_SECONDS
    eventually(lambda: api.calls(timed_out)[1:], TAKEN_UP_SECONDS)
    assert not set(frozen).intersection(workers.running(doors.stack))
    for thread in (killed, timed_out):
        result = doors.turn(thread, 1)
        assert (result["status"], result["cost"]["paid_calls"]) == ("succeeded", 2)
    eventually(lambda: not doors.left() or None)
    assert [len(api.calls(thread)) for thread in (killed, timed_out)] == [2, 2]
    assert [len(doors.results(thread)) for thread in (killed, timed_out)] == [1, 1]
    figures.tell(f"seconds from a kill to the next call: {second[0].began - death:.1f}")


def under_way(api: Provider, words: str) -> Call:
    """The call with these words, as soon as it is made."""
    return eventually(lambda: next(iter(api.calls(words)), None))
