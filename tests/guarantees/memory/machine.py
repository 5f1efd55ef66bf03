"""A state machine that does to Darkroom everything that can happen to it, and holds it to its promise.

Messages are sent, sent again and reordered. Two workers run on one thread. Hearts stop, clocks jump, processes die,
AWS fails, and the image API answers in every manner. At the end everything runs dry, and the result is checked.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from darkroom.domain.outcome import Outcome
from darkroom.errors import Fault, Unavailable
from tests.guarantees.memory import sentences
from tests.guarantees.memory.provider import manners
from tests.guarantees.memory.sweep import NOT_AWS
from tests.guarantees.memory.workers import Worker, start
from tests.guarantees.memory.world import World

DAY = 86_400
MAX_MESSAGES = 9  # a limit of one call a day lets them all through before a message is too old
MAX_WORKERS = 3
MAX_DAYS = 3
MAX_JUDGED = 4

which = st.integers(0, MAX_MESSAGES - 1)


class PromiseMachine(RuleBasedStateMachine):
    """The rules are the world's actions; the sentences must hold for it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.days = 0
        self.others = 0

    @initialize(
        daily_call_limit=st.sampled_from((0, 1, 3)),
        max_paid_calls=st.sampled_from((2, 1, 3)),
        max_turns=st.sampled_from((200, 2)),
        give_up_after=st.sampled_from((DAY, 900)),
    )
    def begin(self, **terms: Any) -> None:
        self.world = World(**terms)

    @rule(
        thread=st.sampled_from("aab"),
        more=st.sampled_from(({}, {}, {"images": ["s3://uploads/cat.png"]}, {"parent_turn": 0}, {"parent_turn": 1})),
        is_named=st.booleans(),
    )
    def somebody_asks(self, thread: str, more: dict[str, Any], is_named: bool) -> None:
        number = len(self.world.sent)
        if number < MAX_MESSAGES:
            self.world.send(thread, f"r-{number}" if is_named else None, f"request {number}", **more)

    @precondition(lambda self: self.world.sent)
    @rule(which=which, is_same=st.booleans())
    def somebody_asks_again(self, which: int, is_same: bool) -> None:
        """Send a message with a used id: the sender's retry, or another request by mistake."""
        sent = self.world.sent[which % len(self.world.sent)]
        if len(self.world.sent) >= MAX_MESSAGES:
            return
        self.others += 1
        words = sent.instruction if is_same else f"other {self.others}"
        self.world.send(sent.thread, sent.request_id, words, again=self.others, **sent.more)

    @rule(coming=st.lists(st.sampled_from(sorted(manners())), min_size=1, max_size=3))
    def the_api_will_answer(self, coming: list[str]) -> None:
        self.world.api.coming[:] = coming

    @rule()
    def a_process_works(self) -> None:
        self.world.deliver()

    @precondition(lambda self: len(self.working) < MAX_WORKERS)
    @rule(boundaries=st.integers(0, 40), on_probes=st.booleans())
    def a_worker_starts(self, boundaries: int, on_probes: bool) -> None:
        if worker := start(self.world, on_probes=on_probes and bool(self.world.probes.entries)):
            worker.step(boundaries)

    @precondition(lambda self: self.working)
    @rule(which=which, boundaries=st.integers(1, 12))
    def a_worker_goes_on(self, which: int, boundaries: int) -> None:
        self.worker(which).step(boundaries)

    @precondition(lambda self: self.working)
    @rule(which=which, boundary=st.sampled_from(("before mark", "before ask", "after ask", "before commit")))
    def a_worker_comes_to(self, which: int, boundary: str) -> None:
        self.worker(which).step(60, until=boundary)

    @precondition(lambda self: self.working)
    @rule(which=which)
    def a_worker_ends(self, which: int) -> None:
        self.worker(which).finish()

    @precondition(lambda self: self.working)
    @rule(which=which)
    def a_worker_dies(self, which: int) -> None:
        self.worker(which).die()

    @precondition(lambda self: self.working)
    @rule(which=which, is_passing=st.booleans())
    def aws_fails(self, which: int, is_passing: bool) -> None:
        worker = self.worker(which)
        if worker.lives and not str(worker.at).endswith(NOT_AWS):
            worker.meets(Unavailable("aws", "it passes") if is_passing else Fault("no permission"))

    @rule(seconds=st.sampled_from((3, 61, 300)))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @precondition(lambda self: self.working)
    @rule(hides=st.booleans(), renews=st.booleans())
    def hearts_stop(self, hides: bool, renews: bool) -> None:
        self.world.pass_time(61, hides=hides, renews=renews)

    @precondition(lambda self: self.days < MAX_DAYS)
    @rule()
    def midnight_passes(self) -> None:
        self.days += 1
        self.world.pass_time(DAY - self.world.clock() % DAY)

    @precondition(lambda self: self.days < MAX_DAYS)
    @rule()
    def a_minute_to_midnight(self) -> None:
        self.days += 1
        self.world.pass_time(2 * DAY - 60 - self.world.clock() % DAY)

    @precondition(lambda self: self.world.sent)
    @rule(which=which)
    def a_message_is_received_too_often(self, which: int) -> None:
        """Make a message a dead letter at its next receive, as when a deployment cannot start."""
        sent = self.world.sent[which % len(self.world.sent)]
        for entry in self.world.queue.entries:
            if entry.message_id == sent.message_id:
                sent.was_redriven = True
                entry.receives = 1000

    @precondition(lambda self: self.world.dead.entries)
    @rule()
    def the_operator_redrives(self) -> None:
        self.world.redrive()

    @precondition(lambda self: self.world.sent)
    @rule(which=which, is_thread=st.booleans())
    def somebody_cancels(self, which: int, is_thread: bool) -> None:
        """Cancel a request, or everything that was sent in its thread so far, whatever its state."""
        sent = self.world.sent[which % len(self.world.sent)]
        if is_thread:
            self.world.cancel_thread(sent.thread)
        else:
            self.world.cancel(sent)

    @precondition(lambda self: self.failed and len(self.world.judged) < MAX_JUDGED)
    @rule(which=which, is_updated=st.booleans(), is_own=st.sampled_from((True, True, False)))
    def somebody_has_a_turn_judged_again(self, which: int, is_updated: bool, is_own: bool) -> None:
        """Judge a turn again, as the operator does, or under a foreign id. After an update it may have a picture.

        Running processes belong to the release before it.
        """
        turn = self.failed[which % len(self.failed)]
        if is_updated:
            self.world.update()
        self.others += not is_own
        self.world.judge(str(turn.thread_id), int(turn.turn or 0), "" if is_own else f"mine-{self.others}")

    @precondition(lambda self: self.world.sent)
    @rule(which=which)
    def the_operator_erases_a_thread(self, which: int) -> None:
        """Erase a thread. The operator is refused while a request of it is open or held."""
        self.world.erase(self.world.sent[which % len(self.world.sent)].thread)

    @rule(most=st.integers(1, 3))
    def somebody_wakes_what_waits(self, most: int) -> None:
        self.world.waker.wake(most)

    @precondition(lambda self: 0 < self.world.daily_call_limit < 5)
    @rule()
    def the_limit_is_lifted(self) -> None:
        self.world.lift_the_limit(self.world.daily_call_limit + 2)

    @invariant()
    def the_promise_holds_so_far(self) -> None:
        sentences.hold_so_far(self.world)

    def teardown(self) -> None:
        """End all, with a healthy API. Redrive dead letters, and let a later release judge turns without a picture."""
        world = self.world
        try:
            world.api.coming.clear()
            for worker in self.working:
                worker.finish()
            for _ in range(3):
                world.run_dry(deliveries=3000)
                world.redrive()
            world.run_dry()
            world.update()
            for turn in self.failed:
                world.judge(str(turn.thread_id), int(turn.turn or 0))
            world.run_dry(deliveries=3000)
            sentences.are_kept(world)
        finally:
            for worker in self.working:
                worker.die()

    @property
    def failed(self) -> list[Outcome]:
        """The turns without a picture; only the paid ones, if there are any."""
        turns = [turn for turns in self.world.ledger.turns.values() for turn in turns if turn.status == "failed"]
        return [turn for turn in turns if turn.cost.paid_calls] or turns

    @property
    def working(self) -> list[Worker]:
        """The workers that have not ended."""
        return [worker for worker in self.world.workers if isinstance(worker, Worker) and worker.at is not None]

    def worker(self, which: int) -> Worker:
        return self.working[which % len(self.working)]
