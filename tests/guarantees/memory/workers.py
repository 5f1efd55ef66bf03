"""Concurrent processes in a repeatable order: each stops at every boundary until the test lets it go on.

A worker's code runs in real threads, but only while the test waits for it.
"""

import threading
from collections.abc import Callable

from tests.fakes.edge import Died, Edge
from tests.guarantees.memory.world import Process, World

LONGEST_SECONDS = 30  # of a real clock: a slower worker hangs
_standing: "set[Worker]" = set()


class Worker:
    """A process that runs from one call over a port to the next, whenever the test says so."""

    def __init__(self, world: World, process: Callable[[Edge], Process]) -> None:
        self._world = world
        world.workers.append(self)
        self.process = process(Edge(self._happens))
        self._goes_on = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        self._fate: BaseException | None = None
        self._beats = False
        self.at: str | None = "before anything"  # its present boundary; None when it has ended
        self.passed = 0
        self._thread = threading.Thread(target=self._work, daemon=True)
        _standing.add(self)
        self._thread.start()
        self._wait_for_it()

    @property
    def lives(self) -> bool:
        """Whether it is at a boundary, and its invocation has time left."""
        return self.at is not None and self._world.clock() < self.process.deadline

    def step(self, boundaries: int = 1, *, until: str | None = None) -> None:
        """Go on over so many boundaries, or up to this one."""
        while self.at is not None and boundaries and (until is None or self.at != until):
            boundaries -= 1
            if not self.lives:
                return self.die()
            self._go_on()
        return None

    def finish(self) -> None:
        """Go on to the end."""
        self.step(-1)

    def meets(self, error: BaseException) -> None:
        """Raise this error from the call at its present boundary."""
        self._fate = error
        self._world.note_break()
        self._go_on()

    def die(self) -> None:
        """Kill it at its present boundary."""
        if self.at is not None:
            self.meets(Died())

    def beat(self, *, hides: bool, renews: bool) -> None:
        """Beat its heart once."""
        self._beats = True
        self.process.beat(hides=hides, renews=renews)
        self._beats = False

    def _work(self) -> None:
        try:
            self.process.run()
        except Died:
            pass
        finally:
            self.at = None
            self._stands.release()

    def _happens(self, _count: int, name: str) -> None:
        if self._beats:
            return
        self.at = name
        self._stands.release()
        self._goes_on.acquire()
        if self._fate is not None:
            fate, self._fate = self._fate, None
            raise fate

    def _go_on(self) -> None:
        self.passed += 1
        self._goes_on.release()
        self._wait_for_it()

    def _wait_for_it(self) -> None:
        assert self._stands.acquire(timeout=LONGEST_SECONDS), "the worker hangs"
        if self.at is None:
            _standing.discard(self)
            self._thread.join()


def end_all() -> None:
    """Kill the workers that a test has left: their batches' threads would keep Python from ending."""
    while _standing:
        next(iter(_standing)).die()


def start(world: World, *, on_probes: bool = False) -> Worker | None:
    """A worker on the next messages of one group; None if there are none."""
    messages = world.received_probes() if on_probes else world.received()
    return Worker(world, lambda edge: world.process(messages, edge)) if messages else None
