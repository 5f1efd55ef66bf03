"""Whatever breaks, and wherever: every call over a port is a place to die, and a place where AWS fails.

The places are counted while the request runs, so a call that is added is swept without anyone adding it here.
"""

from collections.abc import Callable

import pytest

from darkroom.answer import Answering, Terms
from darkroom.errors import Unavailable
from darkroom.ledger import LEASE_SECONDS
from darkroom.naming import spool_key
from darkroom.outcome import Outcome
from darkroom.payment import Till
from darkroom.publication import Publication
from darkroom.reply import Reply
from darkroom.settings import Price
from tests.fakes import (
    Clock,
    Died,
    Edge,
    MemoryBreaker,
    MemoryFetcher,
    MemoryLedger,
    MemoryObjects,
    MemoryOutbox,
    ScriptedApi,
    made,
    png,
    sent_message,
    stated,
)

REPLIES: dict[str, Callable[[], Reply]] = {
    "a picture": lambda: made(png("green")),
    "two pictures": lambda: made(png("green"), png("blue")),
    "a refusal": lambda: stated(400, {"error": {"code": "prompt_blocked", "message": "no"}}),
    "nothing": lambda: stated(200, {"data": []}),
}
BODY = {"instruction": "a", "request_id": "r", "images": ["s3://uploads/cat.png"]}


class World:
    """What outlives a process: the table, the buckets, the provider's count of calls."""

    def __init__(self, reply: Reply) -> None:
        self.clock = Clock()
        self.ledger = MemoryLedger(self.clock, daily_call_limit=5)
        self.objects = MemoryObjects(self.clock)
        self.objects.put("uploads", "cat.png", png())
        self.breaker = MemoryBreaker(self.clock)
        self.api = ScriptedApi(reply)
        self.probes = MemoryOutbox()

    def deliver(self, edge: Edge) -> Outcome:
        """One delivery, in a process of its own."""
        ports = (self.ledger, self.objects, self.breaker, self.api, self.probes)
        ledger, objects, breaker, api, probes = (edge.around(port) for port in ports)
        terms = Terms(("uploads", "results"), "m", 3, 200, 86_400, 300, Price())
        till = Till(ledger, objects, breaker, api, "spool", 2, sleep=self.clock.advance)
        publication = Publication(objects, "results")
        answering = Answering(terms, till, publication, MemoryFetcher(), MemoryOutbox(), probes, clock=self.clock)
        return answering.answer(sent_message(BODY), lambda: 900)

    def end(self) -> Outcome:
        """Redelivers until the request has ended."""
        for _ in range(6):
            try:
                return self.deliver(Edge(lambda _count, _name: None))
            except Unavailable:
                self.clock.advance(LEASE_SECONDS + 1)
        raise AssertionError("it never ended")


def at(place: int, breaks: Callable[[], BaseException], seen: list[str]) -> Edge:
    def happens(count: int, name: str) -> None:
        seen.append(name)
        if count == place and (breaks is Died or not name.endswith(" ask")):  # which is no call to AWS
            raise breaks()

    return Edge(happens)


def places(reply: Reply) -> int:
    edge = Edge(lambda _count, _name: None)
    World(reply).deliver(edge)
    return edge.count


@pytest.mark.parametrize("kind", REPLIES)
@pytest.mark.parametrize("breaks", [Died, lambda: Unavailable("aws", "it passes")], ids=["dies", "aws fails"])
def test_wherever_it_breaks_there_is_one_turn_and_one_result_and_it_is_paid_once_or_twice(
    kind: str, breaks: Callable[[], BaseException]
) -> None:
    for place in range(1, places(REPLIES[kind]()) + 1):
        world, seen = World(REPLIES[kind]()), list[str]()
        try:
            world.deliver(at(place, breaks, seen))
        except (Died, Unavailable):
            world.clock.advance(LEASE_SECONDS + 1)
        ended = world.end()
        broke = seen[place - 1]
        where = f"{kind}, place {place}: {broke}"
        assert [turn.turn for turn in world.ledger.turns["t"]] == [1], where
        assert world.ledger.turns["t"][0] == ended, where
        results = [key for key in world.objects.writes if key.endswith("result.json")]
        assert len(results) == 1, where
        assert ended.error is None or ended.error.code in ("refused", "no_image"), where
        # Only between the mark and the spool can a call be lost.
        lost = broke in ("after mark", "before ask", "after ask", "before write_once") and breaks is Died
        assert len(world.api.questions) <= (2 if lost else 1), where
        assert sum(world.ledger.calls.values()) == ended.cost.paid_calls, where


def test_a_call_that_never_left_us_is_free_though_the_process_dies_over_it() -> None:
    for place in range(1, 40):
        world, seen = World(made()), list[str]()
        world.api.script[:] = [Unavailable("unreachable", "refused"), made()]
        with pytest.raises((Died, Unavailable)):
            world.deliver(at(place, Died, seen))
        world.clock.advance(LEASE_SECONDS + 1)
        broke = seen[min(place, len(seen)) - 1]
        lost = broke in ("after mark", "before ask", "before write_once")
        assert world.end().cost.paid_calls == (2 if lost else 1), broke


def test_an_answer_that_was_spooled_late_is_found_before_another_is_paid() -> None:
    """The first owner lost its lease while it waited; the second took its call for lost."""
    world = World(made(png("green")))
    late: list[Reply] = []

    def slow(_count: int, name: str) -> None:
        if name == "after ask":
            late.append(world.api.script[0])  # type: ignore[arg-type]
            raise Died

    with pytest.raises(Died):
        world.deliver(Edge(slow))
    world.clock.advance(LEASE_SECONDS + 1)
    with pytest.raises(Unavailable):
        world.deliver(Edge(lambda _count, _name: None))
    world.objects.write_once(
        "spool", spool_key("t", "r", 1), late[0].body, "x", {"status": "200", "seconds": "1", "headers": "{}"}
    )
    ended = world.end()
    assert (ended.status, ended.cost.paid_calls, len(world.api.questions)) == ("succeeded", 1, 1)
