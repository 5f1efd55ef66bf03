"""Workers that die during a call or a batch on the deployed stack: other workers take their messages up again."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e import workers
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Call, Mood, Provider, provider
from tests.e2e.road import Doors, eventually
from tests.figures import Figures

pytestmark = pytest.mark.slow

API_SECONDS = 3
TIMEOUT_SECONDS = API_SECONDS + 60 + 2  # a call starts only with a minute left to save its answer
TAKEN_UP_SECONDS = 120.0
MOST_IN_HAND = 10  # messages of one invocation


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    with provider("sk-deaths") as started:
        started.mood = lambda words: Mood(seconds=1.5)  # noqa: ARG005 - time enough to die in
        yield started


@pytest.fixture(scope="module")
def doors(bring_up: BringUp, api: Provider) -> Doors:
    parameters = {"ImageApiTimeoutSeconds": str(API_SECONDS), "MaximumConcurrency": "200"}
    stack = bring_up(image_api_url=api.url, image_api_key=api.key, parameters=parameters)
    workers.limit_time(stack, TIMEOUT_SECONDS)
    return Doors(stack)


def test_what_a_dead_worker_held_is_taken_up_again_within_two_minutes(
    doors: Doors, api: Provider, figures: Figures
) -> None:
    """One request came five times, and its worker is killed. The other's worker hangs until the function's time-out."""
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


@pytest.mark.parametrize("total", [200, pytest.param(2000, marks=pytest.mark.torture)])
def test_a_batch_whose_workers_are_killed_answers_every_line_in_order(
    doors: Doors, api: Provider, figures: Figures, total: int
) -> None:
    """One in ten or in a hundred of its lines is bad. All workers of both functions die in the middle."""
    mark, began = uuid.uuid4().hex[:8], time.time()
    key, bad = f"{mark}/batch.jsonl", set(range(3, total, total // 20))
    lines = [json.dumps({"custom_id": f"r-{at}", "instruction": f"a cat {mark} {at}."}) for at in range(total)]
    mood, api.mood = api.mood, lambda words: Mood()  # noqa: ARG005
    doors.upload(key, "\n".join("{" if at in bad else line for at, line in enumerate(lines)))
    eventually(lambda: len(api.calls(mark)) > total // 3 or None, total)
    killed = workers.kill(doors.stack, workers.ON_UPLOAD), workers.kill(doors.stack)
    assert all(killed)
    manifest = eventually(lambda: doors.document(f"batches/{key}.manifest.json"), 2 * total)
    api.mood = mood

    assert manifest == {"total": total, "succeeded": total - len(bad), "failed": len(bad)}
    answers = [json.loads(line) for line in doors.text(f"batches/{key}.out").splitlines()]
    assert [answer["custom_id"] for answer in answers] == [None if at in bad else f"r-{at}" for at in range(total)]
    calls = Counter(call.words for call in api.calls(mark))
    for at, answer in enumerate(answers):
        if at in bad:
            assert (answer["status"], answer["result"]) == ("failed", None)
            assert answer["error"]["message"].startswith(f"line {at + 1}: ")
        else:
            assert (answer["status"], answer["error"]) == ("succeeded", None)
            result = doors.document(answer["result"].removeprefix(f"s3://{doors.stack.env['RESULTS_BUCKET']}/"))
            assert result is not None
            assert (result["instruction"], result["turn"]) == (f"a cat {mark} {at}.", 1)
            assert calls[result["instruction"]] in (1, 2)
    assert sum(number - 1 for number in calls.values()) <= MOST_IN_HAND, "only what the dead one had in hand"
    eventually(lambda: not doors.left() or None)
    figures.tell(
        f"batch of {total} lines: {time.time() - began:.0f} s, {sum(calls.values())} calls, "
        f"{sum(map(len, killed))} workers killed"
    )


def under_way(api: Provider, words: str) -> Call:
    """The call with these words, as soon as it is made."""
    return eventually(lambda: next(iter(api.calls(words)), None))
