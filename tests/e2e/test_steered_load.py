"""Five hundred requests under an operator who pauses, cancels, lifts the limit, retries and erases. Workers die."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Table
from tests.e2e import operating, workers
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Call, Mood, Provider, provider
from tests.e2e.road import Doors, eventually

pytestmark = pytest.mark.slow

THREADS, TURNS = 100, 5
LIMIT = 150
FORGOTTEN = range(10)
JUDGED, ASKED_AGAIN = range(10, 20), range(20, 30)  # the first turn of each has no picture
CANCELLED = range(80, 100)
# A worker that dies before it has hidden its messages anew leaves them hidden for the queue's own 900 s.
ALL_WITHIN_SECONDS = 1000
SECONDS_A_CALL = 0.3
WAITING, LINES = 300, 5000
MOST_ATTEMPTS = 4  # of a request that finds no room, is woken, and meets a limit that other requests have reached
SAVING_SECONDS = 10.0  # an answer that was sent this long before a worker died may be lost with it


@pytest.fixture
def api() -> Iterator[Provider]:
    with provider("sk-steered-load") as started:
        started.mood = lambda words: Mood("junk" if " junk" in words else "fine", SECONDS_A_CALL)
        yield started


def thread(number: int) -> str:
    return f"steer/{number:02}"


def words(number: int, turn: int) -> str:
    is_junk = turn == 0 and number in (*JUDGED, *ASKED_AGAIN)
    return f"picture {number:02}.{turn}" + (" junk" if is_junk else "")


def table(doors: Doors) -> Table:
    return Table(doors.stack.aws.dynamodb, doors.stack.env["THREADS_TABLE"])


def all_results(doors: Doors) -> list[dict[str, Any]]:
    """All results in the results bucket, however many."""
    s3, bucket = doors.stack.aws.s3, doors.stack.env["RESULTS_BUCKET"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="threads/")
    told = [item["Key"] for page in pages for item in page.get("Contents", []) if item["Key"].endswith("result.json")]
    return [document for key in told if (document := doors.document(key))]


def told_of(doors: Doors) -> int:
    """The number of outcomes in the index, which is far cheaper to read than the bucket."""
    return sum(1 for _ in _indexed(doors))


def _indexed(doors: Doors) -> Iterator[dict[str, Any]]:
    """The turns that ended today, and those of yesterday if midnight was less than an hour ago."""
    for day in {time.strftime("%Y-%m-%d", time.gmtime(time.time() - ago)) for ago in (0, 3600)}:
        yield from (item for item in listing.ended(table(doors), day) if item["thread_id"] != listing.REFUSED)


def standing(document: dict[str, Any]) -> tuple[object, ...]:
    """The fields in which index and results bucket have to agree."""
    code = document["error"]["code"] if document.get("error") else document["status"]
    return document["thread_id"], document["turn"], document["request_id"], code, document["cost"]["paid_calls"]


def is_lost(call: Call, kills: list[float]) -> bool:
    """Whether a worker died during the call, or just after it."""
    until = call.ended + SAVING_SECONDS if call.ended else float("inf")
    return any(call.began - 1 <= moment <= until for moment in kills)


def kill(doors: Doors, kills: list[float]) -> None:
    eventually(lambda: workers.kill(doors.stack) or None)
    kills.append(time.time())


def test_five_hundred_requests_are_steered_and_nothing_is_lost_doubled_or_paid_after_its_cancel(
    bring_up: BringUp, api: Provider
) -> None:
    wanted = {"image_api_url": api.url, "image_api_key": api.key}
    doors, kills = Doors(bring_up(**wanted, parameters={"DailyCallLimit": str(LIMIT)})), list[float]()
    for turn in range(TURNS):
        for number in range(THREADS):
            doors.send(thread(number), {"instruction": words(number, turn), "request_id": f"{number:02}-{turn}"})

    eventually(lambda: len(api.calls()) >= LIMIT // 4 or None)
    kill(doors, kills)
    eventually(lambda: len(api.calls()) >= LIMIT // 2 or None)
    operating.run(doors.stack, "pause")
    eventually(lambda: all(call.ended for call in api.calls()) or None)
    time.sleep(5)  # a message in flight may still begin its call
    paused_at = len(api.calls())
    for number in CANCELLED:
        operating.ended(doors.stack, "cancel", thread(number))  # 1 where all of the thread lies in the queue yet
    assert len(api.calls()) == paused_at, "nothing is called while it is paused"
    called_before = {call.words for call in api.calls()}

    operating.run(doors.stack, "resume")
    eventually(lambda: _is_at_the_limit(doors) or None, ALL_WITHIN_SECONDS)
    bring_up(port=doors.stack.port, **wanted, parameters={"DailyCallLimit": "5000"})
    eventually(lambda: len(api.calls()) >= 2 * LIMIT or None, ALL_WITHIN_SECONDS)
    kill(doors, kills)
    eventually(lambda: told_of(doors) == THREADS * TURNS or None, ALL_WITHIN_SECONDS)

    before = {(each["thread_id"], each["request_id"]): each for each in all_results(doors)}
    assert len(before) == THREADS * TURNS, "nothing is lost"
    for number in range(THREADS):
        for turn in range(TURNS):
            _judge(
                before[thread(number), f"{number:02}-{turn}"], words(number, turn), number, api, kills, called_before
            )

    for number in JUDGED:
        operating.make_readable(doors, thread(number), f"{number:02}-0")
        operating.run(doors.stack, "retry", f"{thread(number)}:1")
    calls = len(api.calls())
    for number in JUDGED:
        assert doors.turn(thread(number), TURNS + 1)["cost"]["paid_calls"] == 0
    assert len(api.calls()) == calls, "judging again costs nothing"
    api.mood = lambda _words: Mood("fine", SECONDS_A_CALL)
    for number in ASKED_AGAIN:
        operating.run(doors.stack, "retry", f"{thread(number)}:1", "--ask", "--yes")
    for number in ASKED_AGAIN:
        assert doors.turn(thread(number), TURNS + 1)["status"] == "succeeded"
    with ThreadPoolExecutor(len(FORGOTTEN)) as erasing:  # each waits for a lease
        list(erasing.map(lambda number: operating.run(doors.stack, "forget", thread(number), "--yes"), FORGOTTEN))

    after = all_results(doors)
    assert not [each for each in after if each["thread_id"] in map(thread, FORGOTTEN)]
    assert len(after) == (THREADS - len(FORGOTTEN)) * TURNS + len(JUDGED) + len(ASKED_AGAIN)
    assert Counter(map(standing, after)) == Counter(map(standing, _indexed(doors))), "the index agrees with the bucket"
    assert not doors.left()


def _is_at_the_limit(doors: Doors) -> bool:
    """Whether a request waits for the daily limit, which counts a call before it is made: a kill may prevent it."""
    return any(item["cause"] == "budget" for item in listing.waiting(table(doors)))


def _judge(
    result: dict[str, Any], said: str, number: int, api: Provider, kills: list[float], called_before: set[str]
) -> None:
    """Check one request: its outcome, its calls, and the paid calls in its outcome."""
    calls = api.calls(said)
    code = result["error"]["code"] if result["error"] else result["status"]
    assert result["cost"]["paid_calls"] >= len(calls), (result, calls)
    assert all(is_lost(call, kills) for call in calls[:-1]), f"{said} was called again without need: {calls}"
    if code == "outcome_unknown":
        assert calls
        assert all(is_lost(call, kills) for call in calls)
    elif number in CANCELLED and said not in called_before:
        assert (code, calls) == ("cancelled", []), "nothing is paid after its cancel"
    elif number in CANCELLED and code == "cancelled":
        assert all(is_lost(call, kills) for call in calls)
    else:
        assert code == ("no_image" if said.endswith(" junk") else "succeeded"), json.dumps(result)
        assert calls


@pytest.mark.torture
def test_what_waits_behind_a_limit_flows_within_a_minute_of_its_lifting_however_much_that_is(
    bring_up: BringUp, api: Provider
) -> None:
    wanted = {"image_api_url": api.url, "image_api_key": api.key}
    doors = Doors(bring_up(**wanted, parameters={"DailyCallLimit": "5"}))
    for number in range(WAITING):
        doors.send(f"wait/{number}", {"instruction": f"picture {number}.", "request_id": "r"})
    lines = [{"custom_id": f"line-{number}", "instruction": f"line {number}."} for number in range(LINES)]
    doors.upload("lines.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    eventually(lambda: sum(1 for _ in listing.waiting(table(doors))) >= WAITING - 5 or None, ALL_WITHIN_SECONDS)
    assert len(api.calls()) == 5

    bring_up(port=doors.stack.port, **wanted, parameters={"DailyCallLimit": "100000"})
    lifted = time.monotonic()
    eventually(lambda: len(api.calls()) > 5 or None, seconds=60)
    eventually(lambda: len(_requests(doors)) == WAITING or None, ALL_WITHIN_SECONDS)
    print(f"{WAITING} requests are done {time.monotonic() - lifted:.0f} s after the limit was lifted")
    results = [each for each in all_results(doors) if each["thread_id"].startswith("wait/")]
    assert {each["status"] for each in results} == {"succeeded"}
    assert Counter(call.words for call in api.calls("picture")).most_common(1)[0][1] == 1
    assert max(each["attempts"] for each in results) <= MOST_ATTEMPTS, Counter(each["attempts"] for each in results)

    operating.run(doors.stack, "batch", "stop", "lines.jsonl")
    eventually(lambda: doors.keys("batches/lines.jsonl.manifest.json"), ALL_WITHIN_SECONDS)
    answers = [json.loads(line) for line in doors.text("batches/lines.jsonl.out").splitlines()]
    assert [answer["custom_id"] for answer in answers] == [line["custom_id"] for line in lines]
    called = {call.words for call in api.calls("line ")}
    for answer, line in zip(answers, lines, strict=True):
        code = answer["error"]["code"] if answer["error"] else answer["status"]
        assert code == ("succeeded" if line["instruction"] in called else "cancelled")


def _requests(doors: Doors) -> list[dict[str, Any]]:
    return [each for each in _indexed(doors) if each["thread_id"].startswith("wait/")]
