"""The sweep: a clean run lists the boundaries of a mode. Then one run for each boundary breaks there, and is judged."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from darkroom.domain.outcome import Cost, Outcome, Timing
from tests.guarantees.clients_edge import judge
from tests.guarantees.clients_edge.cloud import Snapshot
from tests.guarantees.clients_edge.edge import Break, Edge, Kind
from tests.guarantees.clients_edge.judge import Trial
from tests.guarantees.clients_edge.modes import THREAD, Mode
from tests.guarantees.clients_edge.world import World

MAX_DELIVERIES = 10
MAX_CALLS = 2
NO_COST = Cost(0, None, None)
NO_TIMING = Timing("", None, "", None)
AWS_BREAKS: tuple[Kind, ...] = ("answer lost", "no answer", "unreachable")


@dataclass(frozen=True, slots=True)
class Swept:
    """The result of a sweep: its boundaries, its runs by kind of break, and the number of runs with a second call."""

    boundaries: int
    runs: Counter[Kind]
    paid_twice: int

    def __str__(self) -> str:
        runs = ", ".join(f"{kind}: {count}" for kind, count in self.runs.items())
        return f"{self.boundaries} boundaries, {self.runs.total()} runs ({runs}), {self.paid_twice} of them paid twice"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has ended and was judged: the boundaries that it passed, and its paid calls."""

    seen: Sequence[str]
    calls: int
    ended: Outcome

    @property
    def essence(self) -> Outcome:
        """The outcome without the parts that may differ from run to run: message, times, attempts, pictures."""
        return replace(
            self.ended, request_id=None, body=None, upload=None, cost=NO_COST, timing=NO_TIMING, attempts=0, images=[]
        )


def sweep(world: World, mode: Mode, kinds: Sequence[Kind]) -> Swept:
    """Break a request at each of its boundaries. Raises AssertionError for the first break that breaks a promise."""
    start = prepared(world, mode)
    clean = run(world, mode, start)
    assert clean.calls == mode.calls, f"without a break {clean.calls} calls are made"
    window = sent_not_yet_spooled(clean.seen)
    runs, paid_twice = Counter[Kind](), 0
    for breaks in schedules(clean.seen, kinds):
        most = MAX_CALLS if breaks.kind == "dies" and breaks.number in window else mode.calls
        try:
            broken = run(world, mode, start, breaks)
            assert broken.seen[: breaks.number] == clean.seen[: breaks.number], "the way there was another"
            assert broken.calls <= most, f"{broken.calls} calls were made"
            assert broken.essence == clean.essence, f"it ended as {broken.essence}, without the break {clean.essence}"
        except AssertionError as error:
            raise AssertionError(f"{breaks.kind} {clean.seen[breaks.number - 1]} ({breaks.number}): {error}") from error
        runs[breaks.kind] += 1
        paid_twice += broken.calls > mode.calls
    return Swept(len(clean.seen), runs, paid_twice)


def schedules(seen: Sequence[str], kinds: Sequence[Kind]) -> Iterator[Break]:
    """Every possible break in a run with these boundaries. Late ones come first, because they do most harm."""
    for kind in kinds:
        breaks = (Break(number, kind) for number in range(len(seen), 0, -1))
        yield from (each for each in breaks if each.is_possible_at(seen[each.number - 1]))


def sent_not_yet_spooled(seen: Sequence[str]) -> set[int]:
    """The numbers of the boundaries where the provider has a whole request, and the spool has no answer to it."""
    window = set[int]()
    for position, boundary in enumerate(seen):
        if boundary == "after s3.PutObject spool":
            connected = max(i for i in range(position) if seen[i] == "after connect on a socket")
            first_read = seen.index("before receive on a socket", connected)
            # Numbers count from 1: this starts at "after send", which comes right before the first read.
            window |= set(range(first_read, position + 1))
    return window


def prepared(world: World, mode: Mode) -> Snapshot:
    """The cloud, with the earlier turns of the mode answered."""
    world.restore(world.empty)
    os.environ["DAILY_CALL_LIMIT"] = str(mode.daily_call_limit)
    world.provider.answers, world.provider.is_busy = "words" if mode.is_judged else "picture", False
    for earlier in mode.earlier:
        world.ask(THREAD, earlier)
        finish(world, Edge())
    for upload in mode.lying:
        world.upload(upload)
        finish(world, Edge())
    if mode.is_judged:
        world.understand()
    return world.cloud.snapshot()


def run(world: World, mode: Mode, start: Snapshot, breaks: Break | None = None) -> Run:
    """Run one request until the queues are empty, and judge it."""
    world.restore(start)
    before = judge.check_published(world), judge.calls_counted(world)
    trial = Trial(mode, mode.ask(world), *before)
    edge = Edge(breaks)
    finish(world, edge)
    ended = judge.check_ended(world, trial)
    return Run(edge.seen, sum(not call.was_free for call in world.provider.received), ended)


def finish(world: World, edge: Edge) -> None:
    """Deliver until no message is left. Wherever a process ended, the published outcomes must be valid."""
    world.edge = edge
    world.provider.forget()
    for _ in range(MAX_DELIVERIES):
        if not any(world.cloud.waiting().values()):
            world.provider.until_over(edge.connections)
            return
        world.deliver()
        judge.check_published(world)
        judge.check_breaker(world)
        world.time_passes()
    raise AssertionError(f"after {MAX_DELIVERIES} deliveries it has not ended")
