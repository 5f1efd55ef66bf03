"""Sweeps: a course of deliveries runs again and again, and breaks at each of its boundaries in turn.

A boundary is the moment before or after a call over a port. The sweep goes on until the course has no further boundary,
so it also covers every new call.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.errors import Unavailable
from darkroom.providers.dialect_table import NAMES
from tests.fakes.edge import Died, Edge
from tests.guarantees.memory import sentences
from tests.guarantees.memory.world import World

NOT_AWS = ("ask", "drop", "distrust_key")


@dataclass(frozen=True, slots=True)
class Mode:
    """A course: the turns before it, a request, and the API's answers to it."""

    name: str
    more: dict[str, Any] = field(default_factory=dict)
    before: int = 0
    script: tuple[str, ...] = ()
    give_up_after: float = 86_400
    is_judged: bool = False  # the request has ended, and a later release judges it again
    dialect: str | None = None

    def world(self) -> World:
        """A world in which the request, or the message that judges it again, waits in the queue."""
        world = World(daily_call_limit=9, give_up_after=self.give_up_after, dialect=self.dialect)
        for number in range(self.before):
            world.send("t", f"before-{number}", f"before {number}")
        world.run_dry()
        world.api.coming[:] = self.script
        world.send("t", "r", "the request", **self.more)
        if self.is_judged:
            world.run_dry()
            world.update()
            world.judge("t", self.before + 1)
        return world


PHOTO: dict[str, Any] = {"images": ["s3://uploads/cat.png"]}
MODES = [
    Mode("text to image"),
    Mode("image to image", PHOTO, script=("two pictures",)),
    Mode("conversation", before=1),
    Mode("branch", {"parent_turn": 1, **PHOTO}, before=2),
    Mode("refusal", script=("a refusal",)),
    Mode("words", script=("words",)),
    Mode("nothing", script=("nothing",)),
    Mode("throttled once", script=("throttled",)),
    Mode("unreachable once", script=("unreachable",)),
    Mode("cut once", script=("cut",)),
    Mode("given up", script=("down",), give_up_after=0),
]
# Each other dialect, in what may differ from one to the other: what is read and written, and what ends a call.
OF_DIALECTS = [
    replace(mode, name=f"{mode.name} in {name}", dialect=name)
    for name in NAMES
    if name != DEFAULT_DIALECT
    for mode in MODES
    if mode.name in ("image to image", "conversation", "refusal", "throttled once")
]
LOOKED_AFTER = Mode("bad key once", script=("bad key",))  # with a probe of the provider: too long for pairs
JUDGED = [  # no call is made
    Mode("judged again", PHOTO, script=("words",), is_judged=True),
    Mode("judged again in a conversation", before=1, script=("garbage", "garbage"), is_judged=True),
    Mode("judged again in vain", script=("nothing",), is_judged=True),
]


@dataclass(frozen=True, slots=True)
class Break:
    """An event after this number of further boundaries. AWS fails only where it is called."""

    after: int
    how: str

    def breaks(self, name: str) -> BaseException | None:
        if self.how == "dies":
            return Died()
        return None if name.endswith(NOT_AWS) else Unavailable("aws", "it passes")


class Schedule:
    """Breaks, one after the other, over all the deliveries of a course."""

    def __init__(self, world: World, breaks: Sequence[Break]) -> None:
        self._world = world
        self._left = list(breaks)
        self._passed = 0
        self.broke: list[str] = []
        self.paid_in_vain = 0  # deaths between the sending of a call and the spooling of its answer

    @property
    def is_over(self) -> bool:
        """Whether every break has happened."""
        return not self._left

    def edge(self) -> Edge:
        """A process's edge."""
        return Edge(self._happens)

    def _happens(self, _count: int, name: str) -> None:
        if self._left:
            self._passed += 1
            if self._passed == self._left[0].after:
                self._break(self._left.pop(0), name)

    def _break(self, broken: Break, name: str) -> None:
        self._passed = 0
        self.broke.append(f"{broken.how} {name}")
        self._world.note_break()
        if error := broken.breaks(name):
            self.paid_in_vain += int(broken.how == "dies" and _was_sent_in_vain(self._world))
            raise error


def _was_sent_in_vain(world: World) -> bool:
    """Whether the API got a call without a spooled answer."""
    open_calls = {call for _, _, call in world.unspooled()}
    return any(call.number in open_calls for call in world.api.of("the request"))


def run(mode: Mode, *breaks: Break) -> Schedule:
    """Run the course with these breaks, and check the promise."""
    world = mode.world()
    schedule = Schedule(world, breaks)
    try:
        world.run_dry(schedule.edge, deliveries=40)
        world.redrive()
        world.run_dry(deliveries=20)
        sentences.are_kept(world)
        charged = sum(not call.is_certainly_free for call in world.api.of("the request"))
        lost = sum(call.manner.consequence == "lost" for call in world.api.of("the request"))
        assert charged <= min(2, 1 + lost + schedule.paid_in_vain), f"{charged} paid calls"
    except AssertionError as error:
        error.add_note(f"{mode.name}: {', then '.join(schedule.broke) or 'undisturbed'}")
        raise
    return schedule


def singles(mode: Mode, how: str) -> Iterator[Schedule]:
    """A break at each boundary of the course."""
    return _until_over(lambda place: run(mode, Break(place, how)))


def pairs(mode: Mode, first: str, second: str) -> Iterator[Schedule]:
    """A break at each boundary, each with another one at every later boundary."""
    for place in count(1):
        schedules = list(_until_over(lambda after: run(mode, Break(place, first), Break(after, second))))  # noqa: B023
        if not schedules:
            return
        yield from schedules


def _until_over(schedule: Callable[[int], Schedule]) -> Iterator[Schedule]:
    for place in count(1):
        ran = schedule(place)
        if not ran.is_over:
            return
        yield ran
