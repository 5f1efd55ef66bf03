"""A backlog runs ten turns at once, with a daily limit, whose counter all of them write."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import BringUp
from tests.e2e.provider import Call, Mood, Provider, provider
from tests.e2e.road import Doors, eventually
from tests.figures import Figures

pytestmark = pytest.mark.slow

API_SECONDS = 2.0
THREADS = 200
TURNS = 20  # of the one longer thread
AT_ONCE = 10  # messages in a batch; the emulator runs one batch of a FIFO queue at a time
WITHIN_SECONDS = 300.0


@pytest.fixture
def api() -> Iterator[Provider]:
    with provider("sk-backlog") as started:
        started.mood = lambda words: Mood("fine", API_SECONDS)  # noqa: ARG005 - every call meets it
        yield started


@pytest.mark.torture
@pytest.mark.parametrize("limit", [0, 100_000])
def test_many_threads_are_drained_ten_at_once(bring_up: BringUp, api: Provider, limit: int, figures: Figures) -> None:
    stack = bring_up(image_api_url=api.url, image_api_key=api.key, parameters={"DailyCallLimit": str(limit)})
    doors = Doors(stack)
    calls = drained(doors, api, [f"thread-{number}" for number in range(THREADS)])
    alone = drained(doors, api, ["one thread"] * TURNS)
    assert most_at_once(calls) == AT_ONCE
    assert most_at_once(alone) == 1
    figures.tell(
        f"backlog, daily limit {limit}: {told(calls)} on {THREADS} threads, {most_at_once(calls)} at once; "
        f"{told(alone)} on one thread"
    )


def drained(doors: Doors, api: Provider, threads: Sequence[str]) -> list[Call]:
    """Send a request for each of these, and wait until none is left. Return their calls, each made once."""
    mark = f"{time.time()}"
    with ThreadPoolExecutor(AT_ONCE) as senders:
        list(senders.map(lambda thread: doors.send(thread, {"instruction": f"a cat {mark}"}), threads))
    eventually(lambda: not doors.left() or None, WITHIN_SECONDS)
    calls = api.calls(mark)
    assert len(calls) == len(threads)
    return calls


def most_at_once(calls: Sequence[Call]) -> int:
    return max(sum(call.began <= each.began < float(call.ended or 0) for call in calls) for each in calls)


def told(calls: Sequence[Call]) -> str:
    seconds = max(float(call.ended or 0) for call in calls) - min(call.began for call in calls)
    return f"{len(calls)} calls of {API_SECONDS:.0f} s in {seconds:.0f} s"
