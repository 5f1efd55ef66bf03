"""Leaves work in every state in the stack of the release before this one. Each function leaves a state and checks it.

States come about as for any user: a provider is in trouble, a worker is killed, a permission is missing. A
function writes to the table only where that would take five broken attempts or hundreds of calls.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.e2e import workers
from tests.e2e.deliveries import deliver
from tests.e2e.old_stack import Old
from tests.e2e.provider import Mood
from tests.e2e.road import Doors, eventually, photo

DAILY_CALLS = 500
CALL_SECONDS = 90  # of a call that a kill or the upgrade cuts off
PARAMETERS = {
    "DailyCallLimit": str(DAILY_CALLS),
    "PairingGraceSeconds": "60",  # about as long as the upgrade takes
    "ImageApiTimeoutSeconds": str(CALL_SECONDS + 30),
}
TROUBLED_MODEL = "gemini-3-pro-image"  # each model has a breaker of its own
LOSING_MODEL = "gemini-2.5-flash-image"
LANE_PLACES = 5  # half of MaximumConcurrency's default
LANE_PHOTOS = 12
LONG_THREAD_TURNS = 22  # more than a page of turns
GOOD_LINES = [f"line-{number:02}" for number in (1, 3, 4, 5, 6, 7, 8, 9, 10, 11)]
TROUBLED_LINES = range(4, 9)


def leave_dead_letters(old: Old) -> None:
    """A deployment that cannot start leaves a request, a message that is no request, and an upload."""
    eventually(lambda: not old.left() or None)  # S3 announces a test first
    with old.that_cannot_start():
        old.ask("dead")
        old.send("dead-form", "no JSON")
        old.upload("dead-upload.jpg", photo(), instruction="dead-upload")
        eventually(lambda: dead_letters(old) == 3 or None)


def leave_finished_work(old: Old) -> None:
    """Leave uploads of each kind, a conversation, a thread longer than a page of turns, and a thread that failed."""
    old.moods["spoilt"] = lambda: Mood("junk")
    old.upload("finished.jpg", photo(), instruction="finished at dawn")
    old.upload("paired.jpg", photo("gold"))
    old.upload("paired.txt", "paired at dawn")
    old.upload("file.json", json.dumps({"instruction": "file at dawn"}))
    old.upload("small.jsonl", line("small-1"))
    old.upload("spoilt.jpg", photo("red"), instruction="spoilt at dawn")
    old.upload("threads/talk/photo.jpg", photo("green"), instruction="talk at dawn")
    old.ask("known", metadata={"order": "4711"})
    old.upload("erased.jpg", photo("navy"), instruction="erased at dawn")
    for number in range(1, LONG_THREAD_TURNS + 1):
        old.send("long", {"instruction": f"long {number:02}", "request_id": f"r-{number}"})
    old.turn("talk", 1)
    old.send("talk", {"instruction": "talk at noon", "request_id": "noon"})
    for thread in ("finished", "paired", "file", "spoilt", "known", "erased"):
        old.turn(thread, 1)
    old.turn("talk", 2)
    old.turn("long", LONG_THREAD_TURNS)
    eventually(lambda: old.document("batches/small.jsonl.manifest.json"))


def leave_requests_that_wait_for_the_provider(old: Old) -> None:
    """Leave two requests of one thread, two of others, an open breaker, and a copy in the queue of probes."""
    old.moods["trouble"] = lambda: Mood("unavailable")
    for number in (1, 2):
        old.send("trouble", {"instruction": f"trouble {number}", "model": TROUBLED_MODEL, "request_id": f"r-{number}"})
    old.ask("trouble-alone", model=TROUBLED_MODEL)
    old.ask("cancelled", model=TROUBLED_MODEL, instruction="trouble cancelled")
    eventually(lambda: old.item("/breaker", TROUBLED_MODEL).get("failures", 0) >= 3 or None)
    eventually(lambda: old.left().get("darkroom-probes.fifo"))


def leave_a_broken_request(old: Old) -> None:
    """Leave a request that five broken attempts have ended, and its copy among the dead letters."""
    before = dead_letters(old)
    old.ask("broken", instruction="trouble broken", model=TROUBLED_MODEL)
    eventually(lambda: old.strike_five_times("broken") or None)
    assert old.turn("broken", 1)["error"]["code"] == "internal_error"
    assert dead_letters(old) == before + 1


def leave_a_batch_half_done(old: Old) -> None:
    """Of twelve lines three have ended, one of them a bad line. Five wait for the provider. Four are not sent."""
    lines = [line(f"line-{number:02}", **_trouble(number)) for number in range(1, 13)]
    lines[1] = lines[11] = "no JSON"
    old.upload("half.jsonl", "\n".join(lines))
    wanted = {"total": 12, "position": 8, "succeeded": 2, "failed": 1, "open": [*TROUBLED_LINES]}
    eventually(lambda: wanted.items() <= old.item("/batches/batch:half.jsonl#1", "PROGRESS").items() or None)


def leave_an_open_call(old: Old) -> None:
    """A worker dies while it waits for the provider."""
    old.moods["killed"] = _slow_once()
    old.ask("killed")
    delivery = old.beside.submit(deliver, old.stack, "killed")
    eventually(lambda: old.api.calls("killed"))
    assert workers.kill(old.stack)
    delivery.result()
    assert old.request("killed")["open_call"] == 1
    assert not old.is_spooled("killed")


def leave_an_answer_in_the_spool(old: Old) -> None:
    """Before the answer comes, the function loses the permission to write to the table. It cannot settle the call."""

    def mood() -> Mood:
        old.forbid_table_writes()
        return Mood()

    old.moods["spooled"] = mood
    old.ask("spooled")
    deliver(old.stack, "spooled")
    old.allow_table_writes()
    assert old.request("spooled")["open_call"] == 1
    assert old.is_spooled("spooled")


def leave_answers_that_are_not_published(old: Old) -> None:
    """The function cannot write the pictures of one request, and of another request only `result.json`."""
    with old.without_writes_to("threads/unpublished/*", "threads/unannounced/*/result.json"):
        for thread in ("unpublished", "unannounced"):
            old.ask(thread)
            deliver(old.stack, thread)
    assert old.request("unpublished")["answered_by"] == 1
    assert old.keys("threads/unpublished/") == []
    assert old.request("unannounced")["state"] == "done"
    assert len(old.keys("threads/unannounced/")) == 1


def leave_a_call_that_was_lost(old: Old) -> None:
    """The connection breaks in the first of the two calls that may be paid."""
    old.moods["lost"] = lambda: Mood("dropped")
    old.ask("lost", model=LOSING_MODEL)
    deliver(old.stack, "lost")
    assert old.request("lost")["ambiguous"] == 1


def leave_photos_in_a_lane(old: Old) -> None:
    """The requests with a place stay in the queue, whose mapping is paused. The others wait for a place."""
    old.upload("lane/_instruction.txt", "lane")
    for number in range(LANE_PHOTOS):
        old.upload(f"lane/{number:02}.jpg", photo())
    eventually(lambda: _lane(old) == (LANE_PLACES, LANE_PHOTOS - LANE_PLACES) or None)


def leave_photos_without_words(old: Old) -> None:
    """After the upgrade one photo gets a text of its own, one a text in its thread, and one gets none."""
    for key in ("pair.jpg", "threads/album/photo.jpg", "lonely.jpg"):
        old.upload(key, photo())
    eventually(lambda: sum(item["sk"].startswith("WAITING#") for item in old.items()) == 3 or None)


def leave_unseen_work(old: Old) -> None:
    """While all mappings are paused, two requests of a thread, an upload and a batch file arrive."""
    for number in (1, 2):
        old.send("unseen", {"instruction": f"unseen {number}", "request_id": f"r-{number}"})
    old.upload("unseen-photo.jpg", photo(), instruction="unseen photo")
    old.upload("unseen-batch.jsonl", line("unseen-line"))


def leave_a_call_under_way(old: Old) -> None:
    """A worker waits for the provider when the upgrade begins."""
    old.moods["under-way"] = _slow_once()
    old.ask("under-way")
    old.beside.submit(deliver, old.stack, "under-way")
    eventually(lambda: old.api.calls("under-way"))


def leave_a_request_over_the_daily_limit(old: Old) -> str:
    """Use up the day's calls. Return the receipt handle of the request's message, which hides for an hour."""
    old.count_calls(datetime.now(UTC).date().isoformat(), DAILY_CALLS)
    old.ask("over-the-limit")
    handle = deliver(old.stack, "over-the-limit")
    assert "waiting_since" in old.request("over-the-limit")
    return handle


def line(name: str, **more: Any) -> str:
    """Return a line of a batch file. Its instruction is its id, unless `more` has another."""
    return json.dumps({"custom_id": name, "instruction": name, **more})


def dead_letters(doors: Doors) -> int:
    """Count the dead letters of both queues."""
    return sum(number for name, number in doors.left().items() if "dead-letters" in name)


def _trouble(number: int) -> dict[str, str]:
    """Return the fields of a line that waits for the provider, and none for any other line."""
    said = {"instruction": f"trouble line-{number:02}", "model": TROUBLED_MODEL}
    return said if number in TROUBLED_LINES else {}


def _lane(old: Old) -> tuple[int, int]:
    """Count the places of the lane that are taken, and the requests that wait for one."""
    items = old.items()
    taken = sum(item["thread_id"] == "/lanes/folder:lane" for item in items)
    return taken, sum(item.get("lane") == "folder:lane" for item in items)


def _slow_once() -> Callable[[], Mood]:
    """Make the first call take longer than its worker lives."""
    moods = iter([Mood(seconds=CALL_SECONDS)])
    return lambda: next(moods, Mood())
