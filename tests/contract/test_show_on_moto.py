"""What an operator is shown of what waits and what has ended, from the index alone."""

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.batches.ports import Progress
from darkroom.domain import outcome
from darkroom.domain.outcome import Cost, Timing
from darkroom.domain.request import Request
from darkroom.domain.upload import Upload
from darkroom.errors import Cause, Code, Rejected, Unavailable
from darkroom.turns.ports import Claim, Wait
from darkroom.uploads.pairing import Seen, Stem
from operations import reindex, show

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOON = 1_795_348_800.0


class Desk:
    """A table, and what happens to requests."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._ledger = DynamoLedger(table, daily_call_limit=0, clock=lambda: NOON)

    def claimed(self, thread: str, words: str, minute: int = 0) -> Claim:
        claim = self._ledger.claim(Request(thread, "r", words), f"2026-11-22T12:{minute:02d}:00.000Z")
        assert isinstance(claim, Claim)
        return claim

    def waits(self, thread: str, cause: Cause, minute: int) -> None:
        claim = self.claimed(thread, "a cat", minute)
        self._ledger.defer(claim, Unavailable(cause, "no"), Wait(NOON + 600, "a cat"))

    def ends(self, thread: str, at: str, code: Code | None = None, cost: Cost | None = None) -> None:
        blank = outcome.refusal(Rejected(code or "refused", "no"), timing=Timing(at, at, at, 1.0), attempts=1)
        named = replace(blank, thread_id=thread, request_id="r", turn=1, instruction="make it\nnight")
        ended = replace(named, cost=cost or Cost(0, None, None))
        self._ledger.commit(
            self.claimed(thread, "a cat"), ended if code else replace(ended, status="succeeded", error=None)
        )

    def refuses(self, key: str, at: str) -> None:
        refused = outcome.refusal(Rejected("invalid_request", "no"), timing=Timing(at, None, at, None), attempts=1)
        for _ in range(2):
            Refusals(self.table).note(refused, key)


@pytest.fixture
def desk(threads_table: str, dynamodb: "DynamoDBClient") -> Desk:
    return Desk(Table(dynamodb, threads_table))


def test_what_waits_is_shown_with_its_cause_and_until_when_the_oldest_first(desk: Desk) -> None:
    assert list(show.waiting(desk.table)) == ["0 wait"]
    desk.waits("shop/b", "budget", 9)
    desk.waits("shop/a", "throttled", 1)
    desk.waits("shop/a", "throttled", 1)
    assert list(show.waiting(desk.table)) == [
        "throttled     until 12:10:00  tried 2 times    shop/a  r  a cat",
        "budget        until 12:10:00  tried once       shop/b  r  a cat",
        "2 wait: 1 throttled, 1 budget",
    ]


def test_what_waited_and_has_ended_waits_no_more(desk: Desk) -> None:
    desk.waits("shop/a", "throttled", 1)
    desk.ends("shop/a", "2026-11-22T12:30:00.000Z")
    assert list(show.waiting(desk.table)) == ["0 wait"]
    assert set(desk.table.item("shop/a", "REQUEST#r")).isdisjoint({"listed_in", "receipts", "instruction", "cause"})


def test_what_ended_on_a_day_is_shown_the_newest_first_with_what_it_cost(desk: Desk) -> None:
    desk.ends("a", "2026-11-22T08:00:00.000Z", cost=Cost(1, 0.04, "USD"))
    desk.ends("b", "2026-11-22T09:30:00.000Z", code="outcome_unknown", cost=Cost(2, 0.08, "USD"))
    desk.ends("c", "2026-11-23T00:00:00.000Z")
    desk.refuses("rejected/messages/m/result.json", "2026-11-22T09:00:00.000Z")
    shown = [
        "09:30:00  outcome_unknown      b  r  make it night",
        "09:00:00  invalid_request      rejected/messages/m/result.json",
        "08:00:00  succeeded            a  r  make it night",
        "3 ended: 1 outcome_unknown, 1 invalid_request, 1 succeeded",
        "3 paid calls, 0.12 USD",
    ]
    assert list(show.ended(desk.table, "2026-11-22")) == shown
    assert list(show.ended(desk.table, "2026-11-22", only_failed=True)) == [*shown[:2], *shown[3:]]


def test_of_a_batch_it_is_shown_how_far_it_is_and_when_it_may_end(desk: Desk) -> None:
    file = Upload("uploads", "shop/spring.jsonl", "etag", None, "1", 9, 0.0)
    stem = Stem(seen={".jsonl": Seen("1", 0.0, "etag", generation=1)})
    DynamoUploadState(desk.table).decide(file.thread, file, stem, None, None)
    state, name = DynamoBatchState(desk.table), "batch:shop/spring.jsonl#1"

    def shown() -> list[str]:
        return list(show.batch(desk.table, "uploads", "shop/spring.jsonl"))

    assert shown() == ["0 lines counted so far"]
    half = Progress(
        total=100, is_counted=True, position=52, open=(51, 52), succeeded=48, failed=2, began_at=NOON,
        moved_at=NOON + 600, paid_calls=49, max_calls=80,
    )  # fmt: skip
    state.save(name, half)
    assert shown() == [
        "100 lines: 52 taken, 2 under way, 50 ended, 2 failed",
        "49 paid calls of 80 that its first line allows",
        "at this pace it ends at 2026-11-22T12:20Z",
    ]
    state.stop(name)
    assert shown()[0].endswith("2 failed, stopped")


def test_turns_of_earlier_releases_are_listed_once_they_are_indexed(desk: Desk, dynamodb: "DynamoDBClient") -> None:
    for number in range(3):
        desk.ends(f"t-{number}", f"2026-11-22T08:0{number}:00.000Z")
        desk.table.write(desk.table.update(f"t-{number}", "TURN#00001", {"listed_in": None, "listed_at": None}))
    desk.ends("listed", "2026-11-22T09:00:00.000Z")
    assert list(show.ended(desk.table, "2026-11-22"))[-2] == "1 ended: 1 succeeded"
    stack: Any = SimpleNamespace(dynamodb=dynamodb, outputs={"ThreadsTable": "threads"})
    assert list(reindex.reindexed(stack)) == [1, 2, 3]
    assert list(reindex.reindexed(stack)) == []
    assert list(show.ended(desk.table, "2026-11-22"))[-2] == "4 ended: 4 succeeded"
