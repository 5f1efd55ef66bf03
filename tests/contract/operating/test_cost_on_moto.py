"""The costs added up from the index: calls, pictures and money, in every grouping."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import outcome
from darkroom.domain.outcome import Cost, Picture, Timing
from darkroom.domain.request import Request
from darkroom.errors import Code, Rejected
from darkroom.turns.ports import Claim
from darkroom_client.operating import cost
from darkroom_client.stacks.stack import Known, Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = datetime.now(UTC)
PICTURE = Picture("results", "p.png", "image/png", 1, 1, 1, "0" * 64, primary=True)
PAID = Cost(1, 0.04, "USD")


@dataclass
class Till:
    """A stack with requests that have ended."""

    stack: Stack
    table: Table

    def ends(
        self, thread: str, ago: timedelta = timedelta(0), paid: Cost = PAID, *, images: int = 1,
        model: str | None = "m", code: Code | None = None,
    ) -> None:  # fmt: skip
        at = outcome.timestamp((NOW - ago).timestamp())
        ledger = DynamoLedger(self.table, daily_call_limit=0)
        claim = ledger.claim(Request(thread, "r", "a cat"), at)
        assert isinstance(claim, Claim)
        blank = outcome.refusal(Rejected(code or "refused", "no"), timing=Timing(at, at, at, 1.0), attempts=1)
        named = replace(blank, thread_id=thread, request_id="r", turn=1, cost=paid, model=model)
        made = replace(named, status="succeeded", error=None, images=[PICTURE] * images)
        ledger.commit(claim, named if code else made)

    def bill(self, prefix: str = "", by: str = "thread", days: int = 7) -> dict[str, Any]:
        return cost.cost(self.stack, prefix, by, NOW - timedelta(days=days)).document()


@pytest.fixture
def till(threads_table: str, dynamodb: "DynamoDBClient") -> Till:
    stack = Stack(Known({"ThreadsTable": threads_table}, {}, {}), lambda _: dynamodb)
    return Till(stack, Table(dynamodb, threads_table))


def test_where_nothing_was_spent_all_is_nought(till: Till) -> None:
    assert till.bill() == {"calls": 0, "images": 0, "amount": 0.0, "currency": None, "groups": []}


def test_calls_pictures_and_money_are_added_up_and_failures_that_were_paid_too(till: Till) -> None:
    till.ends("shop/a", images=2)
    till.ends("shop/b", paid=Cost(2, 0.08, "USD"), code="outcome_unknown")
    till.ends("other", paid=Cost(0, 0.0, "USD"), code="cancelled")
    assert till.bill() == {
        "calls": 3, "images": 2, "amount": 0.12, "currency": "USD",
        "groups": [
            {"key": "shop/b", "calls": 2, "images": 0, "amount": 0.08},
            {"key": "shop/a", "calls": 1, "images": 2, "amount": 0.04},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("by", "keys"),
    [("thread", ["lone", "shop/a", "shop/deep/b"]), ("folder", ["", "shop", "shop/deep"]), ("model", ["m", "n"])],
)
def test_it_is_added_up_by_what_is_asked_for(till: Till, by: str, keys: list[str]) -> None:
    till.ends("shop/a")
    till.ends("shop/deep/b")
    till.ends("lone", model="n")
    assert sorted(group["key"] for group in till.bill(by=by)["groups"]) == keys


def test_days_are_told_in_their_order_as_far_back_as_is_asked_for(till: Till) -> None:
    for days in (0, 1, 3, 9):
        till.ends(f"t-{days}", timedelta(days=days) - timedelta(seconds=1))
    today = (NOW + timedelta(seconds=1)).date()
    wanted = [(today - timedelta(days=days)).isoformat() for days in (3, 1, 0)]
    assert [group["key"] for group in till.bill(by="day")["groups"]] == wanted
    assert len(till.bill(by="day", days=10)["groups"]) == 4


def test_only_threads_below_a_prefix_are_meant_and_no_refusals(till: Till) -> None:
    for thread in ("shop/a", "shops", "other"):
        till.ends(thread)
    at = outcome.timestamp(NOW.timestamp())
    refused = outcome.refusal(Rejected("invalid_request", "no"), timing=Timing(at, None, at, None), attempts=1)
    Refusals(till.table).note(refused, "rejected/messages/m/result.json")
    assert till.bill("shop/")["calls"] == 1
    assert till.bill("shop")["calls"] == 2
    assert till.bill()["calls"] == 3


def test_a_price_that_was_unknown_is_no_price_of_nought(till: Till) -> None:
    till.ends("a", paid=Cost(1, None, None))
    assert (till.bill()["amount"], till.bill()["currency"]) == (None, None)
    till.ends("b")
    assert (till.bill()["amount"], till.bill()["currency"]) == (0.04, "USD")
    till.ends("c", paid=Cost(1, 0.04, "EUR"))
    assert (till.bill()["amount"], till.bill()["currency"]) == (None, None)


def test_the_pictures_of_more_turns_than_dynamodb_gives_at_once_are_counted(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "MAX_AT_ONCE", 2)
    for number in range(5):
        till.ends(f"t-{number}", images=number)
    assert till.bill()["images"] == 10
