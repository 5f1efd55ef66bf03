"""The sweep of two workers on one request: the first stalls, others get its message, and then the first goes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tests.guarantees.memory import sentences
from tests.guarantees.memory.sweep import Mode
from tests.guarantees.memory.workers import Worker, start
from tests.guarantees.memory.world import World

STALLED_SECONDS = 61
MOST_DELIVERIES = 4  # while the first one's invocation lasts


@dataclass(frozen=True, slots=True)
class Overtaking:
    """The first stalls at a boundary (a number or a name). The others pass so many boundaries before it goes on.

    A third gets the message that a living second holds. Then the second `dies`, or ends.
    """

    mode: Mode
    first: int | str
    others: int
    renews: bool = False
    dies: bool = False

    def run(self) -> tuple[bool, bool]:
        """Run, and check the promise. Return whether the first, and the others, had so many boundaries."""
        world = self.mode.world()
        first = start(world)
        assert first is not None
        if isinstance(self.first, int):
            first.step(self.first)
        else:
            first.step(60, until=self.first)
        stood_at = first.at
        try:
            second, is_all = self._others(world)
            first.finish()
            self._third(world, second)
            world.run_dry()
            world.redrive()
            world.run_dry()
            sentences.are_kept(world)
        except AssertionError as error:
            error.add_note(f"{self}: the first stood at {stood_at}")
            raise
        finally:
            for worker in world.workers:
                worker.die()
        return stood_at is not None, is_all

    def _others(self, world: World) -> tuple[Worker | None, bool]:
        left = self.others
        for _ in range(MOST_DELIVERIES):
            world.pass_time(STALLED_SECONDS, hides=False, renews=self.renews)
            if worker := start(world):
                worker.step(left)
                left -= worker.passed
                if worker.at is not None:
                    return worker, True
        return None, False

    def _third(self, world: World, second: Worker | None) -> None:
        if second is None:
            return
        for _ in range(2):
            world.pass_time(STALLED_SECONDS, hides=False)
            if third := start(world):
                third.finish()
        if self.dies:
            second.die()
        else:
            second.finish()


def sweep(mode: Mode, *, renews: bool = False, dies: bool = False) -> Iterator[Overtaking]:
    """Every boundary of the first with every boundary of the others."""
    for place in count(0):
        ran = 0
        for ran, overtaking in enumerate(at(mode, place, renews=renews, dies=dies), start=1):  # noqa: B007
            yield overtaking
        if not ran:
            return


def at(mode: Mode, first: int | str, *, renews: bool = False, dies: bool = False) -> Iterator[Overtaking]:
    """The first at one boundary, with every boundary of the others; empty if the first does not reach its boundary."""
    for others in count(0):
        overtaking = Overtaking(mode, first, others, renews, dies)
        stood, is_all = overtaking.run()
        if not stood:
            return
        yield overtaking
        if not is_all:
            return


def ended(mode: Mode, *, renews: bool = False) -> Iterator[Overtaking]:
    """Every boundary of the first, while the others run to their end."""
    for place in count(0):
        overtaking = Overtaking(mode, place, 10**6, renews)
        if not overtaking.run()[0]:
            return
        yield overtaking
