"""The client's index on moto: threads by their newest turn, waiting requests, and turns that end during a watch."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import outcome
from darkroom.domain.outcome import Outcome
from darkroom.domain.request import Request
from darkroom.errors import Code, Rejected, Unavailable
from darkroom.turns.ports import Wait
from darkroom_client import index
from darkroom_client.index import Index, Summary, Watch
from tests.contract.studio import NOON, Studio, timing

TODAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
SINCE = TODAY - timedelta(days=30)


def at(hours: float = 0) -> str:
    """So many hours ago."""
    return outcome.timestamp((TODAY - timedelta(hours=hours)).timestamp())


@pytest.fixture
def looked(studio: Studio) -> Index:
    return Index(studio.stack, lambda: TODAY)


def ends(
    studio: Studio, thread: str, words: str = "a cat", *, turn: int = 1, hours: float = 0, code: Code | None = None
) -> Outcome:
    return studio.answers(Request(thread, f"r-{turn}", words, metadata={}), turn=turn, at=at(hours), code=code)


def waits(studio: Studio, thread: str, words: str = "a dog", *, hours: float = 0, name: str = "w") -> None:
    claim = studio.claims(Request(thread, name, words, metadata={}), at(hours))
    studio.ledger.defer(claim, Unavailable("throttled", "no"), Wait(NOON + 600, words))


def names(found: Any) -> list[str]:
    return [each.thread_id for each in found]


def test_threads_stand_by_their_newest_turn_the_newest_first(studio: Studio, looked: Index) -> None:
    ends(studio, "old", hours=50)
    ends(studio, "mug", "make it night", hours=3)
    ends(studio, "mug", "add snow", turn=2, hours=1, code="refused")
    ends(studio, "cup", hours=2)
    assert list(looked.threads(SINCE)) == [
        Summary("mug", 2, "failed", "add snow", at(1), "refused"),
        Summary("cup", 1, "succeeded", "a cat", at(2), None),
        Summary("old", 1, "succeeded", "a cat", at(50), None),
    ]
    assert names(looked.threads(TODAY - timedelta(hours=2))) == ["mug", "cup"]


def test_what_waits_stands_at_its_place_whether_or_not_something_has_ended_before(
    studio: Studio, looked: Index
) -> None:
    ends(studio, "mug", hours=3)
    waits(studio, "mug", "add snow", hours=1)
    waits(studio, "new", hours=2)
    ends(studio, "long", hours=900)
    waits(studio, "long", hours=4)
    assert list(looked.threads(SINCE)) == [
        Summary("mug", 1, "waiting", "add snow", at(1), "throttled"),
        Summary("new", 0, "waiting", "a dog", at(2), "throttled"),
        Summary("long", 1, "waiting", "a dog", at(4), "throttled"),
    ]


def test_one_that_was_asked_while_another_was_under_way_waits_and_stands_where_that_ended(
    studio: Studio, looked: Index
) -> None:
    waits(studio, "mug", "add snow", hours=3)
    ends(studio, "mug", hours=2)
    ends(studio, "cup", hours=2.5)
    assert next(looked.threads(SINCE)) == Summary("mug", 1, "waiting", "add snow", at(2), "throttled")


def test_a_prefix_and_words_choose_and_words_are_looked_for_in_every_turn(studio: Studio, looked: Index) -> None:
    ends(studio, "shop/été", "MAKE it snow", hours=2)
    ends(studio, "shop/été", "add a frame", turn=2, hours=1)
    ends(studio, "home/mug", "snow, please")
    assert names(looked.threads(SINCE, prefix="shop/e\u0301")) == ["shop/été"]
    assert [(each.thread_id, each.instruction) for each in looked.threads(SINCE, words="Snow")] == [
        ("home/mug", "snow, please"), ("shop/été", "add a frame")
    ]  # fmt: skip
    assert names(looked.threads(SINCE, words="snow make")) == ["shop/été"]
    assert names(looked.threads(SINCE, words="snow frame")) == [], "no single instruction holds both"
    assert list(looked.threads(SINCE, words="rain")) == []


def test_refusals_are_no_threads(studio: Studio, looked: Index) -> None:
    refuse(studio, "rejected/uploads/shop/a.pdf/1/result.json")
    assert list(looked.threads(SINCE)) == []


def refuse(studio: Studio, key: str, hours: float = 0) -> None:
    refused = outcome.refusal(Rejected("unsupported_file", "no"), timing=timing(at(hours)), attempts=1)
    Refusals(table_of(studio), clock=lambda: NOON).note(refused, key)


def table_of(studio: Studio) -> Table:
    return Table(studio.stack.dynamodb, studio.stack.outputs["ThreadsTable"])


def test_many_threads_are_a_few_queries_and_no_more_than_are_taken(studio: Studio, looked: Index) -> None:
    table = table_of(studio)
    for number in range(600):
        item = {"status": "succeeded", "turn": 1, "instruction": "a", "listed_in": "2026-11-22", "listed_at": at()}
        table.write(table.put(f"t-{number}", "TURN#00001", item))
    asked: list[str] = []
    studio.stack.dynamodb.meta.events.register("before-call", lambda model, **_: asked.append(model.name))
    assert len(list(looked.threads(TODAY - timedelta(days=1)))) == 600
    assert asked == ["Query"] * 5  # waiting requests, tomorrow, today in two pages, yesterday
    asked.clear()
    assert next(looked.threads(SINCE))
    assert asked == ["Query"] * 3


def test_no_more_is_looked_at_of_what_waits_than_a_bound(
    studio: Studio, looked: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MAX_WAITING", 2)
    for number in range(3):
        waits(studio, f"t-{number}", hours=number)
    assert names(looked.threads(SINCE)) == ["t-0", "t-1"]


# ------------------------------------------------------------------------------------------------ watching


def test_what_ends_is_told_once_in_its_order_and_what_ended_before_is_not(studio: Studio, looked: Index) -> None:
    ends(studio, "before")
    watch = Watch(looked)
    assert watch.look() == []
    ends(studio, "mug", hours=-0.02)
    ends(studio, "cup", hours=-0.01, code="refused")
    first, second = watch.look()
    assert (first.thread_id, first.status, second.thread_id, second.turn) == ("cup", "failed", "mug", 1)
    assert first.error
    assert first.error["code"] == "refused"
    assert studio.stack.s3.list_objects_v2(Bucket="results", Prefix=second.result_key.removesuffix("result.json"))
    assert watch.look() == []


def test_what_appears_late_in_the_index_is_told_still(studio: Studio, looked: Index) -> None:
    watch = Watch(looked)
    ends(studio, "mug")
    assert names(watch.look()) == ["mug"]
    ends(studio, "late", hours=0.02)
    assert names(watch.look()) == ["late"]


def test_a_refusal_is_told_by_its_key_and_a_prefix_holds_for_uploads_too(studio: Studio, looked: Index) -> None:
    watch, others = Watch(looked, "shop/"), Watch(looked, "home/")
    refuse(studio, "rejected/uploads/shop/a.pdf/1/result.json")
    ends(studio, "shop/mug")
    ends(studio, "home/mug")
    refused, mug = sorted(watch.look(), key=lambda each: each.thread_id or "")
    assert (refused.thread_id, refused.turn, refused.result_key) == (
        None, None, "rejected/uploads/shop/a.pdf/1/result.json"
    )  # fmt: skip
    assert mug.thread_id == "shop/mug"
    assert names(others.look()) == ["home/mug"]


def test_a_watch_goes_on_over_midnight(studio: Studio) -> None:
    now = [datetime(2026, 11, 22, 23, 59, 50, tzinfo=UTC)]
    watch = Watch(Index(studio.stack, lambda: now[0]))
    for thread, minutes in (("before", -1), ("after", 1)):
        moment = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minutes)
        studio.answers(Request(thread, "r", "a cat", metadata={}), at=outcome.timestamp(moment.timestamp()))
    now[0] += timedelta(minutes=2)
    assert names(watch.look()) == ["before", "after"]
