"""Courses: sequences that a state machine would rarely find, laid out step by step, and held to the promise."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import TypeVar

from darkroom.domain import outcome
from darkroom.domain.outcome import Outcome
from darkroom.errors import Unavailable
from tests.fakes.edge import Died, Edge
from tests.guarantees.memory import sentences
from tests.guarantees.memory.fifo import Entry
from tests.guarantees.memory.sweep import Break, Schedule
from tests.guarantees.memory.workers import Worker, start
from tests.guarantees.memory.world import World

DAY = 86_400

Course = TypeVar("Course", bound=Callable[..., None])
COURSES: list[Callable[..., None]] = []


def course(laid_out: Course) -> Course:
    """Add a course to those that are run."""
    COURSES.append(laid_out)
    return laid_out


@course
def the_day_is_full() -> None:
    """Three requests wait for days of one call each, and are answered in the order of sending."""
    world = World(daily_call_limit=1)
    for number in range(3):
        world.send("t", f"r-{number}", f"request {number}")
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["succeeded"] * 3
    assert len(set(_days(world))) == 3, "a day each"


@course
def ten_race_for_the_last_calls(seed: int = 0) -> None:
    """Ten workers together, in an order drawn from the seed, make no more calls than the day has left."""
    world, order = World(daily_call_limit=3), random.Random(seed)  # noqa: S311 - an order, no secret
    for number in range(10):
        world.send(f"t-{number}", "r", f"request {number}")
    workers = [worker for _ in range(10) if (worker := start(world))]
    while at_work := [worker for worker in workers if worker.at is not None]:
        order.choice(at_work).step(order.randint(1, 3))
        sentences.hold_so_far(world)
    assert [len(workers), *world.ledger.calls.values()] == [10, 3], "three of ten calls go out"
    _end(world)
    assert sorted(Counter(_days(world)).values()) == [1, 3, 3, 3], "the others go out on the next days"


@course
def a_free_call_makes_room() -> None:
    """A request that fails for nothing leaves its call to the next one on the same day."""
    world = World(["throttled", "a fault", "a picture"], daily_call_limit=1)
    world.send("t", "r-0", "request 0")
    world.send("t", "r-1", "request 1")
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["failed", "succeeded"]
    assert len(set(_days(world))) == 1, "on one day"


@course
def one_waits_and_others_behind_it() -> None:
    """A waiting request lets no later one of its thread go ahead."""
    world = World(["throttled", "a picture", "cut", "unreachable"])
    for number in range(3):
        world.send("t", f"r-{number}", f"request {number}")
    _end(world)


@course
def every_line_breaks() -> None:
    """A provider whose connections always break is called as often as allowed, and no more."""
    world = World(["cut"] * 20)
    world.send("t", "r", "request")
    _end(world)
    (turn,) = world.ledger.turns["t"]
    assert turn.error is not None
    assert turn.error.code == "outcome_unknown"


@course
def an_attempt_is_given_up_after_five() -> None:
    """Five attempts that die outside the call end a request as Darkroom's fault, and a copy of it is kept."""

    world = World()
    world.send("t", "r", "request")
    world.run_dry(lambda: Edge(_dies_before_a_call), deliveries=20)
    (turn,) = world.ledger.turns["t"]
    assert turn.error is not None
    assert turn.error.code == "internal_error"
    assert len(world.dead.entries) == 1
    _end(world)


@course
def the_attempt_that_gives_up_dies() -> None:
    """Wherever the attempt dies, a copy is kept and the outcome is published."""
    for place in count(1):
        world = World()
        world.send("t", "r", "request")
        for _ in range(5):
            world.deliver(lambda: Edge(_dies_before_a_call))
            world.pass_time(61)
        schedule = Schedule(world, [Break(place, "dies")])
        world.run_dry(schedule.edge)
        _end(world)
        (turn,) = world.ledger.turns["t"]
        assert turn.error is not None
        assert turn.error.code == "internal_error"
        if not schedule.is_over:
            return


@course
def aws_fails_for_long_where_no_call_is_made() -> None:
    """An outage of AWS is no broken attempt: the request waits until it passes."""
    for boundary in ("before thread", "before commit"):

        def fails(_count: int, name: str, at: str = boundary) -> None:
            if name == at:
                raise Unavailable("aws", "it passes")

        world = World()
        world.send("t", "r", "request")
        for _ in range(20):
            world.clock.now = max(world.clock.now, world.queue.next_visible_at)
            world.deliver(lambda: Edge(fails))
        _end(world)
        assert [turn.status for turn in world.ledger.turns["t"]] == ["succeeded"], "AWS that fails is nobody's fault"


@course
def a_call_takes_long() -> None:
    """While the heart beats, no other worker takes the request, however long its call takes."""
    world, worker = _with_an_answer_in_hand()
    for _ in range(10):
        world.pass_time(30)
        world.deliver()
    worker.finish()
    _end(world)


@course
def what_a_dead_worker_held_is_called_for_again_within_two_minutes() -> None:
    world, worker = _with_an_answer_in_hand()
    died_at = world.clock()
    worker.die()
    while len(world.api.calls) < 2:
        world.clock.now = max(world.clock.now, world.queue.next_visible_at)
        world.deliver()
    assert world.clock() - died_at <= 120, "it is taken up soon"
    _end(world)


@course
def an_answer_comes_late() -> None:
    """An owner that lost its lease still spools its answer, and the spooled answer is not paid again."""
    world, worker = _with_an_answer_in_hand()
    world.pass_time(61, hides=False, renews=False)
    world.deliver()
    worker.finish()
    _end(world)
    assert len(world.api.calls) == 1, "one call"


@course
def a_late_answer_is_found_twice() -> None:
    """Two workers find a late answer, one after the other, and only one of them counts it."""
    world = World(["a refusal"])
    world.send("t", "r", "request")
    first = start(world)
    assert first is not None
    first.step(until="after ask", boundaries=60)
    world.pass_time(61, hides=False, renews=False)
    world.deliver()
    first.finish()
    world.pass_time(61)
    second = start(world)
    assert second is not None
    second.step(until="before settle_late", boundaries=60)
    world.pass_time(61, hides=False, renews=False)
    world.run_dry()
    second.finish()
    _end(world)


@course
def a_message_goes_out_of_sight() -> None:
    """A message that becomes a dead letter during its work lets the next one of its thread go ahead."""
    world = World()
    world.send("t", "r-0", "request 0")
    world.send("t", "r-1", "request 1", parent_turn=0)
    worker = start(world)
    assert worker is not None
    worker.step(until="before commit", boundaries=60)
    world.pass_time(61, hides=False)
    for sent in world.sent:
        sent.was_redriven = sent.request_id == "r-0"
    world.queue.entries[0].receives = 1000
    world.deliver()
    assert [turn.request_id for turn in world.ledger.turns["t"]] == ["r-1"]
    worker.finish()
    _end(world)
    assert len(world.ledger.turns["t"]) == 2


@course
def the_provider_is_down() -> None:
    """A short outage fails no request. A long one ends the request that waited too long."""
    world = World(["down"] * 10_000, give_up_after=3600)
    world.send("t", "r", "request")
    started = world.clock()
    while world.clock() - started < 3000:
        world.clock.now = max(world.clock.now, world.queue.next_visible_at)
        world.deliver()
    assert world.queue.entries, "it waits"
    _end_in_trouble(world)
    (turn,) = world.ledger.turns["t"]
    assert turn.error is not None
    assert turn.error.code == "provider_unavailable"


@course
def an_old_refusal_lies_in_the_spool() -> None:
    """An old answer of the provider to a dead worker does not give the request up."""

    def dies(_count: int, name: str) -> None:
        if name == "before settle_free":
            raise Died

    world = World(["down", "down"], give_up_after=900)
    world.send("t", "r", "request")
    world.deliver()
    world.pass_time(60)
    world.deliver(lambda: Edge(dies))
    world.pass_time(1000)
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["succeeded"], "it is called once more"


@course
def a_call_never_leaves_and_its_worker_dies() -> None:
    """Each later worker knows that no connection was made, so another call may be made."""

    def dies(_count: int, name: str) -> None:
        if name == "before settle_free":
            raise Died

    world = World(["unreachable"], max_paid_calls=1)
    world.send("t", "r", "request")
    world.deliver(lambda: Edge(dies))
    world.pass_time(61)
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["succeeded"], "it was never sent"


@course
def an_id_is_used_again() -> None:
    """Another request under a used id is refused, and changes nothing."""
    world = World()
    world.send("t", "r", "request")
    world.run_dry()
    world.send("t", "r", "another", again=1)
    _end(world)


@course
def the_budget_is_used_up_for_ever() -> None:
    """A request ends after it has waited nine days for a day with room."""
    world = World(daily_call_limit=1)
    _fill_the_days(world, 12)
    world.send("t", "r", "request")
    sent_at = world.clock()
    before = dict(world.ledger.calls)
    world.run_dry()
    (turn,) = world.ledger.turns["t"]
    assert turn.error is not None, "it waited nine days"
    assert turn.error.code == "budget_exhausted"
    ended_at = datetime.fromisoformat(turn.timing.finished_at).timestamp()
    assert 9 * DAY <= ended_at - sent_at < 9.1 * DAY
    assert (world.ledger.calls, world.api.calls) == (before, [])


@course
def a_thread_waits_longer_than_a_message_lives() -> None:
    """A request that waits behind another almost as long as SQS keeps a message ends before SQS deletes it."""
    world = World(["down"] * 10_000, give_up_after=2 * DAY)
    for number in range(3):
        world.send("t", f"r-{number}", f"request {number}")
    world.deliver()
    world.pass_time(13.2 * DAY)
    _end_in_trouble(world)
    assert [len(world.api.of(f"request {number}")) for number in range(3)] == [2, 1, 1], "each is called once more"


@course
def a_thread_waits_for_the_budget_longer_than_a_message_lives() -> None:
    """A request that waits for a day with room, behind another that did, ends before SQS deletes it."""
    world = World(daily_call_limit=1)
    _fill_the_days(world, 30)
    for number in range(3):
        world.send("t", f"r-{number}", f"request {number}")
    _end(world)


@course
def the_thread_is_full() -> None:
    """A request over the limit of a thread's turns takes no turn, and is refused."""
    world = World(max_turns=2)
    for number in range(4):
        world.send("t", f"r-{number}", f"request {number}")
    _end(world)
    assert len(world.ledger.turns["t"]) == 2
    assert len(world.api.calls) == 2


@course
def a_request_is_cancelled_just_before_its_call() -> None:
    """A worker holds it, has read its pictures, and is about to call."""
    world = World()
    world.send("t", "r-0", "request 0", images=["s3://uploads/cat.png"])
    worker = start(world)
    assert worker
    worker.step(60, until="before mark")
    world.cancel(world.sent[0])
    worker.finish()
    _end(world)
    assert [_code(turn) for turn in world.ledger.turns["t"]] == ["cancelled"]


@course
def a_request_is_cancelled_while_its_call_is_under_way() -> None:
    """It ends with its picture, because that is paid."""
    world = World()
    world.send("t", "r-0", "request 0")
    worker = start(world)
    assert worker
    worker.step(60, until="after ask")
    world.cancel_thread("t")
    worker.finish()
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["succeeded"]


@course
def a_request_is_cancelled_after_a_lost_call() -> None:
    """It is not called again, and its outcome has the possible cost."""
    world = World(["cut"])
    world.send("t", "r-0", "request 0")
    world.deliver()
    world.cancel(world.sent[0])
    _end(world)
    (turn,) = world.ledger.turns["t"]
    assert (_code(turn), turn.cost.paid_calls, len(world.api.calls)) == ("cancelled", 1, 1)


@course
def an_answer_comes_late_to_a_request_that_was_cancelled() -> None:
    """The paid picture is published."""
    world, late = _with_an_answer_in_hand()
    world.pass_time(61, hides=False, renews=False)
    world.deliver()
    world.cancel(world.sent[0])
    late.finish()
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["succeeded"], "what was paid is published"


@course
def what_waits_for_the_budget_is_cancelled() -> None:
    """It ends when it comes back, though the day has no call left. A request made after the cancel goes on."""
    world = World(daily_call_limit=1)
    _fill_the_days(world, 1)
    for number in range(3):
        world.send("t", f"r-{number}", f"request {number}")
    world.deliver()
    world.cancel_thread("t")
    world.pass_time(1)
    world.send("t", "r-3", "request 3")
    world.pass_time(3600)
    world.deliver()
    codes = [_code(turn) for turn in world.ledger.turns.get("t", [])]
    assert codes == ["cancelled"] * 3, "what waits is cancelled when it comes back"
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["failed"] * 3 + ["succeeded"]


@course
def a_thread_is_erased_and_its_message_comes_once_more() -> None:
    """A worker died before its message was deleted. The message gets the outcome `forgotten`, and no call is made."""
    world = World()
    world.send("t", "r-0", "request 0")
    world.send("other", "r-0", "request 0 of another")
    world.deliver(lambda: Edge(_dies_after_a_commit))
    world.erase("t")
    assert not world.ledger.turns.get("t"), "it was erased"
    _end(world)
    assert len(world.api.of("request 0")) == 1
    refused = [world.objects.document("results", key) for key in world.objects.keys("results", "rejected/")]
    assert [told["error"]["code"] for told in refused] == ["forgotten"]
    assert not [key for key in world.objects.keys("results") if "request 0" in key or key.startswith("threads/t/")]


@course
def a_thread_is_erased_and_asked_anew() -> None:
    """The thread begins again with turn 1, and knows nothing of its former turns."""
    world = World()
    for number in range(2):
        world.send("t", f"r-{number}", f"request {number}")
    world.run_dry()
    world.erase("t")
    world.send("t", "r-2", "request 2")
    _end(world)
    assert [(turn.turn, turn.request_id, turn.parent_turn) for turn in world.ledger.turns["t"]] == [(1, "r-2", None)]
    assert [call.words for call in world.api.of("request 2")] == [("request 2",)]


@course
def what_was_told_that_its_thread_is_full_comes_once_more_after_an_erase() -> None:
    """The ledger has forgotten the refusal, and the thread has room, so the request becomes a turn."""
    world = World(max_turns=1)
    for number in range(2):
        world.send("t", f"r-{number}", f"request {number}")
    world.deliver(lambda: Edge(_dies_after_it_was_told))
    world.pass_time(901)
    world.erase("t")
    _end(world)
    assert [turn.request_id for turn in world.ledger.turns["t"]] == ["r-1"]


@course
def a_thread_is_erased_before_its_turn_is_judged_again() -> None:
    """There is nothing to judge, although the thread has another turn with that number by then."""
    world = World(["words", "words"])
    world.send("t", "r-0", "request 0")
    world.run_dry()
    world.update()
    world.judge("t", 1)
    world.erase("t")
    world.send("t", "r-1", "request 1")
    _end(world)
    assert [(turn.request_id, turn.repairs) for turn in world.ledger.turns["t"]] == [("r-1", None)]


@course
def nothing_open_is_erased() -> None:
    """Neither a waiting request nor a held one is erased."""
    world = World(["throttled"])
    world.send("t", "r-0", "request 0")
    worker = start(world)
    assert worker
    worker.step(60, until="after ask")
    world.erase("t")
    worker.finish()
    world.erase("t")
    assert world.ledger.entries["t", "r-0"].done is None
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["succeeded"]


@course
def a_limit_is_lifted_while_many_wait() -> None:
    """Every request that waits for the day goes through within minutes, each thread in order, and not tomorrow."""
    world = World(daily_call_limit=1)
    _fill_the_days(world, 1)
    for number in range(12):
        world.send(f"t-{number % 6}", f"r-{number}", f"request {number}")
    for _ in range(10):
        world.deliver()
        world.pass_time(30)
    assert not world.ledger.turns, "the day is full"
    world.lift_the_limit(40)
    for _ in range(18):
        world.deliver()
        world.pass_time(10)
    ended = sum(map(len, world.ledger.turns.values()))
    assert ended == 12, f"only {ended} of 12 go through within three minutes"
    assert max(entry.receives for entry in world.queue.entries or [Entry("", "", "", 0)]) <= 5, "none is received often"
    _end(world)


@course
def one_copy_looks_for_room() -> None:
    """A waiting request goes through while it looks. The next one that finds no room leaves no copy."""
    world = World(daily_call_limit=1)
    _fill_the_days(world, 1)
    world.send("looks", "r", "request")
    for half_minute in range(119):  # its own message comes back after an hour
        if half_minute in (60, 61, 62):
            world.send(f"t-{half_minute}", "r", f"request {half_minute}")
        world.pass_time(20)
        world.deliver()
        world.pass_time(10)
    world.lift_the_limit(2)
    world.waker.show(world.ledger.waits["t-62", "r"].receipts)
    world.deliver()
    world.deliver()
    assert [*world.ledger.turns] == ["t-62"]
    assert [entry.group for entry in world.probes.entries] == ["looks"], "one copy looks for room"
    _end(world)


@course
def a_turn_is_judged_again_and_again() -> None:
    """This release judges in vain, the next one once. A request with another id judges nothing."""
    world = World(["words"])
    world.send("t", "r", "request")
    world.run_dry()
    world.judge("t", 1)
    world.run_dry()
    assert len(world.ledger.turns["t"]) == 1, "in vain"
    world.update()
    for request_id in ("", "mine", "mine-too", ""):
        world.judge("t", 1, request_id)
    _end(world)
    assert [turn.status for turn in world.ledger.turns["t"]] == ["failed", "succeeded"]
    assert len(world.api.calls) == 1, "one call"


@course
def a_turn_that_has_its_picture_is_judged_again() -> None:
    """It becomes no other turn, although its unusual answer is still in the spool."""
    world = World()
    is_ratio = "aspect_ratio" in world.defaults.dialect.options
    world.send("t", "r", "request", options={"aspect_ratio": "16:9"} if is_ratio else {"size": "1536x864"})
    world.run_dry()
    world.judge("t", 1)
    _end(world)
    assert len(world.ledger.turns["t"]) == 1


@course
def a_turn_is_judged_again_while_its_thread_goes_on() -> None:
    """It gets the next turn's number, and the next request answers it."""
    world = World(["words"])
    world.send("t", "r-0", "request 0")
    world.run_dry()
    world.update()
    world.send("t", "r-1", "request 1")
    world.judge("t", 1)
    world.send("t", "r-2", "request 2")
    _end(world)
    assert [turn.repairs for turn in world.ledger.turns["t"]] == [None, None, 1, None]
    assert world.ledger.turns["t"][3].parent_turn == 3


def _code(turn: Outcome) -> str | None:
    return turn.error.code if turn.error else None


def _dies_after_a_commit(_count: int, name: str) -> None:
    if name == "after commit":
        raise Died


def _dies_after_it_was_told(count: int, name: str) -> None:
    """The second message's refusal is the last write."""
    _told.append(name)
    if name == "after write_once" and "after forget" in _told:
        _told.clear()
        raise Died


_told: list[str] = []


def _dies_before_a_call(_count: int, name: str) -> None:
    if name == "before prepare":
        raise Died


def _with_an_answer_in_hand() -> tuple[World, Worker]:
    """A worker that has an answer, and has not spooled it yet."""
    world = World()
    world.send("t", "r", "request")
    worker = start(world)
    assert worker is not None
    worker.step(until="after ask", boundaries=60)
    return world, worker


def _end(world: World) -> None:
    world.run_dry()
    world.redrive()
    world.run_dry()
    sentences.are_kept(world)


def _end_in_trouble(world: World) -> None:
    world.run_dry(deliveries=300)
    sentences.are_kept(world)


def _fill_the_days(world: World, days: int) -> None:
    """Use up the calls of so many days, as other requests would."""
    for day in range(days):
        world.ledger.calls[outcome.timestamp(world.clock() + day * DAY)[:10]] = 1
    world.calls_of_others = days


def _days(world: World) -> list[str]:
    return [call.day for call in world.api.calls if not call.is_certainly_free]
