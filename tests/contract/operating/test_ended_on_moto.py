"""The operator's view of waiting and ended requests, from the index alone."""

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import outcome
from darkroom.domain.outcome import Cost, Timing
from darkroom.domain.request import Request
from darkroom.errors import Cause, Code, Rejected, Unavailable
from darkroom.turns.ports import Claim, Wait
from darkroom_client.operating import ended, reindex

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOON = 1_795_348_800.0


class Desk:
    """A table, and the events in a request's life."""

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


def codes(desk: Desk, day: str = "2026-11-22") -> list[tuple[str, str]]:
    return [(each.at[11:16], each.code) for each in ended.ended(desk.table, day)]


def waiting(desk: Desk) -> list[tuple[str, str]]:
    return [(item["thread_id"], item["cause"]) for item in listing.waiting(desk.table)]


def test_what_waited_and_has_ended_waits_no_more(desk: Desk) -> None:
    desk.waits("shop/a", "throttled", 1)
    assert waiting(desk) == [("shop/a", "throttled")]
    desk.ends("shop/a", "2026-11-22T12:30:00.000Z")
    assert waiting(desk) == []
    assert set(desk.table.item("shop/a", "REQUEST#r")).isdisjoint({"listed_in", "receipts", "instruction", "cause"})


def test_what_ended_on_a_day_is_shown_the_newest_first_with_what_it_cost(desk: Desk) -> None:
    desk.ends("a", "2026-11-22T08:00:00.000Z", cost=Cost(1, 0.04, "USD"))
    desk.ends("b", "2026-11-22T09:30:00.000Z", code="outcome_unknown", cost=Cost(2, 0.08, "USD"))
    desk.ends("c", "2026-11-23T00:00:00.000Z")
    desk.refuses("rejected/messages/m/result.json", "2026-11-22T09:00:00.000Z")
    assert codes(desk) == [("09:30", "outcome_unknown"), ("09:00", "invalid_request"), ("08:00", "succeeded")]
    unknown, refused, made = ended.ended(desk.table, "2026-11-22")
    assert (unknown.thread_id, unknown.turn, unknown.instruction) == ("b", 1, "make it night")
    assert (unknown.paid_calls, unknown.amount, unknown.currency) == (2, 0.08, "USD")
    assert (refused.thread_id, refused.told_at) == (None, "rejected/messages/m/result.json")
    assert [each.is_failed for each in (unknown, refused, made)] == [True, True, False]


def test_turns_of_earlier_releases_are_listed_once_they_are_indexed(desk: Desk, dynamodb: "DynamoDBClient") -> None:
    for number in range(3):
        desk.ends(f"t-{number}", f"2026-11-22T08:0{number}:00.000Z")
        desk.table.write(desk.table.update(f"t-{number}", "TURN#00001", {"listed_in": None, "listed_at": None}))
    desk.ends("listed", "2026-11-22T09:00:00.000Z")
    assert len(codes(desk)) == 1
    stack: Any = SimpleNamespace(dynamodb=dynamodb, outputs={"ThreadsTable": "threads"})
    assert list(reindex.reindexed(stack)) == [1, 2, 3]
    assert list(reindex.reindexed(stack)) == []
    assert len(codes(desk)) == 4
