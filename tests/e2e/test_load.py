"""Five hundred requests on sixty threads, while workers are killed or hang and the image API does its worst."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from tests.e2e import workers
from tests.e2e.conftest import BringUp
from tests.e2e.load import Asked, planned
from tests.e2e.provider import Mood, Provider, provider
from tests.e2e.road import Doors, eventually
from tests.e2e.verdict import complaints, gathered, measured
from tests.figures import Figures

pytestmark = pytest.mark.slow

API_SECONDS = 6
TIMEOUT_SECONDS = API_SECONDS + 60 + 4  # a call starts only with a minute left to save its answer
SENDING_SECONDS = 240.0
ENDED_WITHIN_SECONDS = 480.0

AWAY = (60.0, 120.0)
THROTTLED = (120.0, 150.0)
WELL_AGAIN = 290.0
KILLS = ((5.0, 60.0, 4), (70.0, 110.0, 1), (150.0, 225.0, 4))  # from, to (seconds), how many
FREEZES = (230.0, 305.0)
MIXED = {  # in a hundred calls; with many more faults the breaker would hold back most of the load
    "fine": 84.0, "throttled": 3.0, "throttled 2 s": 2.0, "unavailable": 2.0,
    "gateway": 2.0, "page": 1.5, "cut": 2.0, "dropped": 2.0, "hang": 0.5, "junk": 1.0,
}  # fmt: skip

Act = Callable[[], object]


@dataclass(slots=True)
class Torture:
    """The troubles. `breaks` are the times at which workers died or hung, or the API cut its connections."""

    doors: Doors
    provider: Provider
    began: float
    seed: int
    breaks: list[float]
    kills: int = 0
    freezes: int = 0

    def mood(self, words: str) -> Mood:
        """The mood by the words and their count, so that a seed repeats it in any order of calls."""
        dice = random.Random(f"{self.seed} {words} {len(self.provider.calls(words))}")  # noqa: S311 - a schedule
        elapsed, seconds = time.time() - self.began, dice.uniform(0.05, 1.0)
        if elapsed > WELL_AGAIN:
            return Mood("fine", seconds)
        if THROTTLED[0] < elapsed < THROTTLED[1]:
            return Mood(dice.choice(("throttled", "throttled 2 s")), 0.05)
        return Mood(dice.choices(list(MIXED), list(MIXED.values()))[0], seconds)

    def kill(self) -> None:
        """Kill at any moment of the work: whenever there is work, there is a worker."""
        eventually(lambda: workers.kill(self.doors.stack) or None)
        self.breaks.append(time.time())
        self.kills += 1

    def freeze(self) -> None:
        """Freeze in the middle of a call."""
        eventually(lambda: any(call.ended is None for call in self.provider.calls()) or None)
        assert workers.freeze(self.doors.stack)
        self.breaks.append(time.time())
        self.freezes += 1

    def go_away(self) -> None:
        self.provider.go_away()
        self.breaks.append(time.time())


@pytest.fixture
def api() -> Iterator[Provider]:
    with provider("sk-load") as started:
        yield started


@pytest.fixture
def doors(bring_up: BringUp, api: Provider) -> Doors:
    parameters = {"ImageApiTimeoutSeconds": str(API_SECONDS), "PairingGraceSeconds": "5"}
    stack = bring_up(image_api_url=api.url, image_api_key=api.key, parameters=parameters)
    workers.limit_time(stack, TIMEOUT_SECONDS)
    return Doors(stack)


@pytest.mark.torture
def test_under_load_nothing_is_lost_and_nothing_is_paid_without_need(
    doors: Doors, api: Provider, seed: int, figures: Figures
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a schedule
    asked = planned(dice, messages=460, threads=50, uploads=40, folders=10, seconds=SENDING_SECONDS)
    torture = Torture(doors, api, time.time(), seed, [])
    api.mood = torture.mood
    for at, act in schedule(asked, torture, dice):
        time.sleep(max(0.0, torture.began + at - time.time()))
        act()
    eventually(lambda: not doors.left() or None, ENDED_WITHIN_SECONDS)

    evidence = gathered(doors, api, asked, torture.breaks)
    told = {
        **measured(evidence),
        "kills": torture.kills,
        "function time-outs": torture.freezes,
        "seconds": round(time.time() - torture.began),
    }
    figures.tell(f"load, seed {seed}: " + ", ".join(f"{name} {value}" for name, value in told.items()))
    assert complaints(evidence) == []


def schedule(asked: list[Asked], torture: Torture, dice: random.Random) -> list[tuple[float, Act]]:
    """Everything that happens, with its second."""
    acts: list[tuple[float, Act]] = [(at, partial(one.ask, torture.doors)) for one in asked for at in one.times]
    acts += [(AWAY[0], torture.go_away), (AWAY[1], torture.provider.come_back)]
    acts += [(dice.uniform(begin, end), torture.kill) for begin, end, times in KILLS for _ in range(times)]
    acts += [(at, torture.freeze) for at in FREEZES]
    return sorted(acts, key=lambda act: act[0])
