"""An operator's actions on a running stack: seeing waiting requests, cancelling some, lifting the limit, and retrying a
turn without a picture.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Table
from darkroom_client.operating.batches.batch_run import Batch
from darkroom_client.operating.cancel import Cancel
from darkroom_client.stacks.stack import Stack as Operated
from tests.e2e import operating
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Mood, Provider, provider
from tests.e2e.road import Doors, eventually
from tests.fakes.stack import deployed

pytestmark = pytest.mark.slow

LIMIT = 5
THREADS = 30
TURNS = 2  # of each thread
LINES = 40
FIRST_WITHIN_SECONDS = 60
ALL_WITHIN_SECONDS = 300
CANCELLED = [f"shop/{number}" for number in range(THREADS - 6, THREADS)]


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    with provider("sk-steered") as started:
        started.mood = lambda _words: Mood(seconds=0.3)
        yield started


@pytest.fixture(scope="module")
def doors(bring_up: BringUp, api: Provider) -> Doors:
    return Doors(bring_up(image_api_url=api.url, image_api_key=api.key, parameters={"DailyCallLimit": str(LIMIT)}))


def operated(doors: Doors) -> Operated:
    """The stack as its operator reaches it."""
    env, aws = doors.stack.env, doors.stack.aws
    outputs = {
        "ThreadsTable": env["THREADS_TABLE"],
        "UploadsBucket": env["UPLOADS_BUCKET"],
        "ResultsBucket": env["RESULTS_BUCKET"],
        "RequestsQueueUrl": env["REQUESTS_QUEUE_URL"],
    }
    return deployed(outputs, {}, {}, aws.dynamodb, aws.s3, aws.sqs, aws.functions)


def ended(doors: Doors) -> list[dict[str, Any]]:
    return [result for number in range(THREADS) for result in doors.results(f"shop/{number}")]


def waiting(doors: Doors) -> list[dict[str, Any]]:
    return list(listing.waiting(Table(doors.stack.aws.dynamodb, doors.stack.env["THREADS_TABLE"])))


def test_what_waits_is_seen_cancelled_and_woken_when_the_limit_is_lifted(
    doors: Doors, api: Provider, bring_up: BringUp
) -> None:
    lines = [{"custom_id": f"line-{number}", "instruction": f"line {number}."} for number in range(LINES)]
    for number in range(THREADS):
        for turn in range(TURNS):
            body = {"instruction": f"picture {number}.{turn}.", "request_id": f"r-{turn}"}
            doors.send(f"shop/{number}", body)
    eventually(lambda: len(waiting(doors)) > THREADS - LIMIT or None)
    doors.upload("lines.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    eventually(lambda: any("lines/" in item["thread_id"] for item in waiting(doors)) or None)
    shown = waiting(doors)
    assert {item["cause"] for item in shown} == {"budget"}, shown
    told = operating.told(doors.stack, "status")
    assert told["causes"]["budget"] >= len(shown), "more lines of the batch may wait by now"
    assert (told["calls_today"], told["daily_limit"]) == (LIMIT, LIMIT)
    assert len(api.calls()) == LIMIT

    cancel = Cancel(operated(doors), lambda _line: None)
    for thread in CANCELLED:
        cancel.thread(thread)
    Batch(operated(doors), "lines.jsonl").stop()
    paid_before = {call.words for call in api.calls()}

    bring_up(port=doors.stack.port, image_api_url=api.url, image_api_key=api.key, parameters={"DailyCallLimit": "1000"})
    lifted = time.monotonic()
    eventually(lambda: len(api.calls()) > LIMIT or None, FIRST_WITHIN_SECONDS)
    eventually(lambda: len(ended(doors)) == THREADS * TURNS or None, ALL_WITHIN_SECONDS)
    print(f"all is done {time.monotonic() - lifted:.0f} s after the limit was lifted")

    results = ended(doors)
    for result in results:
        if result["thread_id"] in CANCELLED and result["instruction"] not in paid_before:
            assert (result["error"]["code"], result["cost"]["paid_calls"]) == ("cancelled", 0), result
            assert not api.calls(result["instruction"]), "nothing is paid after its cancel"
        else:
            assert result["status"] == "succeeded", result
            assert len(api.calls(result["instruction"])) == 1, "each is paid once"
    assert Counter(result["turn"] for result in results) == {1: THREADS, 2: THREADS}

    eventually(lambda: doors.keys("batches/lines.jsonl.manifest.json"))
    answers = [json.loads(line) for line in doors.text("batches/lines.jsonl.out").splitlines()]
    assert [answer["custom_id"] for answer in answers] == [line["custom_id"] for line in lines]
    codes = Counter(answer["error"]["code"] if answer["error"] else "succeeded" for answer in answers)
    assert set(codes) == {"succeeded", "cancelled"}
    assert codes["succeeded"] == len(api.calls("line ")) < LINES
    assert eventually(lambda: not waiting(doors) or None)
    assert operating.told(doors.stack, "cost")["calls"] == len(api.calls()), "the index agrees with the API"


def test_a_turn_without_a_picture_is_judged_again_for_nothing_and_asked_again_for_money(
    doors: Doors, api: Provider
) -> None:
    api.mood = lambda words: Mood("junk" if words.endswith("junk") else "fine")
    doors.send("retry", {"instruction": "a picture that is junk", "request_id": "r"})
    first = doors.turn("retry", 1)
    assert (first["error"]["code"], first["cost"]["paid_calls"]) == ("no_image", 1)

    said = operating.run(doors.stack, "retry", "retry:1")
    told = said[1].rpartition("/messages/")[2].partition("/")[0]
    assert doors.refusal(told)["error"]["message"].startswith("turn 1 was judged again, and gives no picture: ")
    assert not api.calls("junk")[1:]

    operating.make_readable(doors, "retry", "r")
    doors.send("retry", {"instruction": "in snow", "request_id": "r-2"})
    doors.turn("retry", 2)
    for _ in range(2):
        operating.run(doors.stack, "retry", "retry:1")
    doors.turn("retry", 3)
    assert [turn["status"] for turn in doors.results("retry")] == ["failed", "succeeded", "succeeded"]
    judged = doors.turn("retry", 3)
    assert (judged["repairs"], judged["instruction"], judged["cost"]["paid_calls"]) == (1, first["instruction"], 0)
    assert len(api.calls("junk")) == 1, "judging calls nothing"

    api.mood = lambda _words: Mood("fine")
    assert operating.run(doors.stack, "retry", "retry:1", "--ask", "--yes")[-1].startswith("sent  again-")
    asked = doors.turn("retry", 4)
    assert (asked["status"], asked["instruction"], asked["cost"]["paid_calls"], "repairs" in asked) == (
        "succeeded", first["instruction"], 1, False,
    )  # fmt: skip
    assert len(api.calls("junk")) == 2
    assert not doors.left()
