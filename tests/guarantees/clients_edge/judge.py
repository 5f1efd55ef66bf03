"""The contract's promises for a request, judged from outside: by buckets, table, queues and the provider's books."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from darkroom.aws.dynamodb import turn_store
from darkroom.domain import outcome
from darkroom.domain.outcome import Outcome
from darkroom.domain.timing import BREAKER_OPENS_AT
from darkroom.pictures import marking
from tests.guarantees.clients_edge.modes import THREAD, Mode
from tests.guarantees.clients_edge.world import UNDERSTOOD, World


@dataclass(frozen=True, slots=True)
class Trial:
    """A request under test: the place of its refusal, if it takes no turn, and the outcomes and counts before it."""

    mode: Mode
    told_at: str
    told_before: Iterable[str]
    counted_before: int


def check_breaker(world: World) -> None:
    """Check that one break has not kept other calls from the provider."""
    failures = [int(item["failures"]) for item in world.cloud.items("/breaker")]
    assert max(failures, default=0) < BREAKER_OPENS_AT, "the breaker has opened"


def check_published(world: World) -> dict[str, Outcome]:
    """Check the published outcomes, at any time. Each has readable pictures and a turn. Return them by key."""
    written = world.cloud.writes("results")
    again = [key for key, times in written.items() if times > 1]
    assert not again, f"written more than once: {again}"
    turns = [turn_store.of_item(item) for item in world.cloud.items(THREAD, "TURN#")]
    told = {key: _told(world, key) for key in written if key.endswith("/result.json")}
    for key, each in told.items():
        assert each.turn is None or each in turns, f"{key} can be read, and its turn is not in the table"
        for picture in each.images:
            content = world.cloud.content(picture.bucket, picture.key) or b""
            assert hashlib.sha256(content).hexdigest() == picture.sha256, f"{picture.key} is not what {key} says"
    return told


def check_ended(world: World, trial: Trial) -> Outcome:
    """Check the only outcome of a request that has left the queues: its turn, and its calls in all books."""
    mode = trial.mode
    assert not world.cloud.waiting(), "there is a dead letter"
    told = check_published(world)
    new = sorted(told.keys() - set(trial.told_before))
    assert len(new) == 1, f"it has the outcomes {new}"
    ended = told[new[0]]
    assert (ended.error.code if ended.error else None) == mode.code, f"it ended with {ended.error}"
    assert len(ended.images) == int(mode.code is None), f"it has {len(ended.images)} pictures"
    if not mode.takes_a_turn:
        assert new == [trial.told_at], f"it was told at {new}"
    if mode.sources is not None:
        assert [source.key for source in ended.sources] == mode.sources, f"it has the sources {ended.sources}"
    _check_thread(world, mode, ended)
    _check_books(world, trial, ended)
    return ended


def _check_thread(world: World, mode: Mode, ended: Outcome) -> None:
    turns = [int(item["turn"]) for item in world.cloud.items(THREAD, "TURN#")]
    assert turns == list(range(1, mode.turns + 1)), f"the thread has the turns {turns}"
    heads = [int(item["latest_turn"]) for item in world.cloud.items(THREAD, "THREAD")]
    assert heads == turns[-1:], f"the thread's head says {heads}"
    assert ended.turn == (mode.turns if mode.takes_a_turn else None), f"it became turn {ended.turn}"


def _check_books(world: World, trial: Trial, ended: Outcome) -> None:
    received = world.provider.received
    charged = sum(call.charged for call in received)
    counted = calls_counted(world) - trial.counted_before
    assert ended.cost.paid_calls >= charged, f"{charged} calls were charged, {ended.cost.paid_calls} are told"
    owed = charged if trial.mode.daily_call_limit else 0
    assert counted >= owed, f"{charged} calls were charged, {counted} are counted"
    known = [UNDERSTOOD] if trial.mode.is_judged else [call.picture for call in received]
    shown = [world.cloud.content(picture.bucket, picture.key) or b"" for picture in ended.images]
    assert {marking.unmarked(picture)[:] for picture in shown} <= set(known), (
        "it shows a picture that the provider never made"
    )


def calls_counted(world: World) -> int:
    """The sum of the days' counters."""
    return sum(int(day["calls"]) for day in world.cloud.items("/calls"))


def _told(world: World, key: str) -> Outcome:
    return outcome.from_document(json.loads(world.cloud.content("results", key) or b""))
