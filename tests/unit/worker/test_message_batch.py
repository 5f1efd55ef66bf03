"""A batch of messages: in order within a group, groups in parallel, and nothing lost on the way."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from darkroom.domain.message import Message
from darkroom.domain.timing import BEAT_SECONDS, DEFAULT_WAIT_SECONDS, LEASE_SECONDS, VISIBILITY_SECONDS
from darkroom.errors import Ambiguous, DarkroomError, Fault, Unavailable
from darkroom.worker.message_batch import MessageBatch

PATIENCE = 10  # seconds until a missing event counts as a failure
NEVER = 3600.0
BEAT = 0.005


def message(name: str) -> Message:
    """`a1` is the first message of group `a`."""
    return Message(name, name[0], "{}", "receipt-" + name, 0.0, 1)


@dataclass
class Answers:
    """Answers each message by its act, and records the messages that were being answered at the same time."""

    acts: dict[str, Callable[[], object]] = field(default_factory=dict)
    abandoned: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    beside: dict[str, set[str]] = field(default_factory=dict)

    def answer(self, message: Message, time_left: Callable[[], float]) -> str:
        name = message.message_id
        self.running.add(name)
        self.beside[name] = self.running - {name}
        self.log.append(name)
        try:
            self.acts.get(name, lambda: None)()
        finally:
            self.running.discard(name)
        return f"{name} with {time_left():.0f} s"

    def was_abandoned(self, message: Message) -> bool:
        if message.message_id == "broken-ledger":
            raise Unavailable("aws", "no answer")
        if message.message_id == "broken-item":
            raise KeyError("owner")
        return message.message_id in self.abandoned


class Queue:
    """Records which messages were hidden, for how long, and which are gone. A test can wait on it."""

    def __init__(self, *, fails: bool = False) -> None:
        self.hidden: list[tuple[str, float]] = []
        self.gone: list[str] = []
        self._fails = fails
        self._changed = threading.Condition()

    def hide(self, message: Message, seconds: float) -> None:
        self._note(lambda: self.hidden.append((message.message_id, seconds)))

    def end(self, message: Message) -> None:
        self._note(lambda: self.gone.append(message.message_id))

    def wait_for(self, happened: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(happened, PATIENCE)

    def wait_for_beats(self, name: str, number: int) -> None:
        """Wait until the message was hidden so many more times."""
        wanted = self.times_hidden(name) + number
        self.wait_for(lambda: self.times_hidden(name) >= wanted)

    def times_hidden(self, name: str) -> int:
        return sum(hidden == name for hidden, _ in self.hidden)

    def _note(self, note: Callable[[], None]) -> None:
        with self._changed:
            note()
            self._changed.notify_all()
        if self._fails:
            raise Unavailable("aws", "no answer")


@dataclass
class Journal:
    """The result of each message."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    asides: list[DarkroomError] = field(default_factory=list)

    def ended(self, message: Message, ended: str) -> None:
        self.lines.append((message.message_id, ended))

    def deferred(self, message: Message, trouble: Unavailable) -> None:
        self.lines.append((message.message_id, trouble.cause))

    def broke(self, message: Message, error: Exception) -> None:
        self.lines.append((message.message_id, type(error).__name__))

    def noted(self, error: DarkroomError) -> None:
        self.asides.append(error)


@dataclass
class Run:
    """A batch of these messages and everything around it."""

    names: list[str]
    answers: Answers = field(default_factory=Answers)
    queue: Queue = field(default_factory=Queue)
    journal: Journal = field(default_factory=Journal)
    renew: Callable[[], None] = lambda: None
    beat_seconds: float = NEVER

    def work(self) -> list[str]:
        batch = MessageBatch(
            [message(name) for name in self.names], self.answers, self.queue, self.journal,
            renew=self.renew, time_left=lambda: 800.0, beat_seconds=self.beat_seconds,
        )  # fmt: skip
        return batch.work()


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_a_batch_of_nothing_leaves_nothing() -> None:
    assert Run([]).work() == []


def test_every_message_is_answered_ended_and_written_down() -> None:
    run = Run(["a1", "b1"])
    assert run.work() == []
    assert run.queue.gone in (["a1"], ["b1"])  # the first one; Lambda deletes the other
    assert sorted(run.journal.lines) == [("a1", "a1 with 800 s"), ("b1", "b1 with 800 s")]


def test_a_group_is_answered_in_its_order() -> None:
    run = Run(["b1", "a1", "b2", "a2", "a3", "b3"])
    assert run.work() == []
    for group in "ab":
        assert [name for name in run.answers.log if name[0] == group] == [group + number for number in "123"]


def test_groups_are_answered_beside_each_other() -> None:
    meeting = threading.Barrier(10)
    run = Run([f"{group}1" for group in "abcdefghij"])
    run.answers.acts = {name: lambda: meeting.wait(PATIENCE) for name in run.names}
    assert run.work() == []


def test_within_a_group_nothing_is_answered_beside_each_other() -> None:
    run = Run(["a1", "a2", "a3"])
    run.work()
    assert run.answers.beside == {"a1": set(), "a2": set(), "a3": set()}


def test_a_message_is_ended_at_once_and_not_with_the_batch() -> None:
    run = Run(["a1", "b1"])
    run.answers.acts = {"b1": lambda: run.queue.wait_for(lambda: "a1" in run.queue.gone)}
    assert run.work() == []


def test_the_last_is_left_to_lambda_which_deletes_it_at_once() -> None:
    for names in (["a1"], ["a1", "a2", "a3"]):
        run = Run(names)
        assert run.work() == []
        assert run.queue.gone == names[:-1]


def test_a_deferral_puts_the_rest_of_its_group_back_for_as_long() -> None:
    run = Run(["a1", "a2", "a3", "b1"])
    run.answers.acts = {
        "a2": raising(Unavailable("throttled", "slow down", retry_after=7)),
        "b1": lambda: run.queue.wait_for(lambda: ("a3", 7) in run.queue.hidden),
    }
    assert run.work() == ["a2", "a3"]
    assert [hidden for hidden in run.queue.hidden if hidden[1] == 7] == [("a2", 7), ("a3", 7)]
    assert "a3" not in run.answers.log
    assert run.queue.gone == ["a1"]  # b1 is the last, because a message that was put back no longer counts
    assert ("a2", "throttled") in run.journal.lines


def test_a_deferral_to_now_is_to_now() -> None:
    run = Run(["a1"])
    run.answers.acts = {"a1": raising(Unavailable("time", "too late", retry_after=0))}
    run.work()
    assert run.queue.hidden[-1] == ("a1", 0)


def test_a_deferral_that_names_no_time_is_a_short_one() -> None:
    run = Run(["a1"])
    run.answers.acts = {"a1": raising(Unavailable("aws", "no answer"))}
    run.work()
    assert run.queue.hidden[-1] == ("a1", DEFAULT_WAIT_SECONDS)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), Fault("no permission"), Ambiguous("lost"), KeyError("x")])
def test_a_fault_is_a_failure_of_its_group_alone(error: Exception) -> None:
    run = Run(["a1", "a2", "b1", "b2"])
    run.answers.acts = {
        "a1": raising(error),
        "b2": lambda: run.queue.wait_for(lambda: run.queue.times_hidden("a2") == 2),
    }
    assert run.work() == ["a1", "a2"]
    assert run.queue.gone == ["b1"]
    assert ("a1", type(error).__name__) in run.journal.lines
    assert [run.queue.times_hidden(name) for name in run.names] == [2, 2, 1, 1]
    assert {seconds for _, seconds in run.queue.hidden} == {VISIBILITY_SECONDS}


def test_exactly_what_is_left_is_named() -> None:
    run = Run(["a1", "b1", "c1", "c2", "d1"])
    run.answers.acts = {
        "a1": raising(Unavailable("held", "busy", retry_after=1)),
        "c2": raising(RuntimeError("a bug")),
    }
    assert sorted(run.work()) == ["a1", "c2"]


# Messages that a dead worker left behind.


def test_an_abandoned_message_is_worked_on_alone_after_the_others() -> None:
    run = Run(["a1", "b1", "c1", "c2"], Answers(abandoned={"b1"}))
    assert run.work() == []
    assert run.answers.log[-1] == "b1"
    assert run.answers.beside["b1"] == set()
    assert run.journal.lines[-1][0] == "b1"


def test_abandoned_messages_are_worked_on_one_after_the_other() -> None:
    run = Run(["a1", "b1", "c1"], Answers(abandoned={"a1", "b1", "c1"}))
    assert run.work() == []
    assert run.answers.beside == {"a1": set(), "b1": set(), "c1": set()}


def test_a_group_with_an_abandoned_message_keeps_its_order() -> None:
    run = Run(["a1", "a2", "a3", "b1"], Answers(abandoned={"a2"}))
    assert run.work() == []
    assert run.answers.log == ["b1", "a1", "a2", "a3"]


@pytest.mark.parametrize("name", ["broken-ledger", "broken-item"])
def test_a_message_of_which_it_is_not_known_is_taken_for_abandoned(name: str) -> None:
    run = Run([name, "c1"])
    assert run.work() == []
    assert run.answers.log == ["c1", name]


def test_what_an_abandoned_group_leaves_is_named_too() -> None:
    run = Run(["a1", "a2", "b1"], Answers(abandoned={"a1"}))
    run.answers.acts = {"a1": raising(Unavailable("held", "busy", retry_after=3))}
    assert run.work() == ["a1", "a2"]


# The heartbeat.


def test_everything_is_hidden_before_anything_is_answered() -> None:
    run = Run(["a1", "a2", "b1"])
    hidden: list[int] = []
    run.answers.acts = {name: lambda: hidden.append(len(run.queue.hidden)) for name in ("a1", "b1")}
    assert run.work() == []
    assert hidden == [3, 3]
    assert sorted(run.queue.hidden) == [(name, VISIBILITY_SECONDS) for name in run.names]


def test_what_is_in_hand_is_hidden_with_every_beat_and_what_was_put_back_is_not() -> None:
    run = Run(["a1", "a2", "b1", "b2", "c1"], Answers(abandoned={"c1"}), beat_seconds=BEAT)

    def slow() -> None:
        run.queue.wait_for(lambda: ("a2", 7.0) in run.queue.hidden)
        run.queue.wait_for_beats("c1", 3)

    run.answers.acts = {"a1": raising(Unavailable("throttled", "slow down", retry_after=7.0)), "b1": slow}
    assert run.work() == ["a1", "a2"]
    later = run.queue.hidden[run.queue.hidden.index(("a2", 7.0)) + 1 :]
    assert {name for name, _ in later[:9]} == {"b1", "b2", "c1"}
    assert {seconds for _, seconds in later} == {VISIBILITY_SECONDS}
    assert not {"a1", "a2"} & {name for name, _ in later}


def test_what_has_ended_is_not_hidden_again() -> None:
    run = Run(["a1", "b1"], beat_seconds=BEAT)

    def slow() -> None:
        run.queue.wait_for(lambda: "a1" in run.queue.gone)
        run.queue.wait_for_beats("b1", 2)  # one may have been under way
        before = run.queue.times_hidden("a1")
        run.queue.wait_for_beats("b1", 3)
        assert run.queue.times_hidden("a1") == before

    run.answers.acts = {"b1": slow}
    assert run.work() == []


def test_the_claims_are_renewed_with_every_beat_even_if_one_could_not_be() -> None:
    renewed = threading.Semaphore(0)

    def renew() -> None:
        renewed.release()
        raise Unavailable("aws", "no answer")

    def slow() -> None:
        for _ in range(3):
            assert renewed.acquire(timeout=PATIENCE)

    run = Run(["a1"], Answers({"a1": slow}), renew=renew, beat_seconds=BEAT)
    assert run.work() == []
    assert run.journal.asides


def test_the_heart_stops_with_the_work() -> None:
    before = threading.active_count()
    run = Run(["a1"], beat_seconds=BEAT)
    run.answers.acts = {"a1": lambda: run.queue.wait_for_beats("a1", 1)}
    run.work()
    assert threading.active_count() == before


def test_a_queue_that_does_not_answer_loses_nothing() -> None:
    """A message that could not be hidden comes back. One that could not be deleted is deleted when the batch ends."""
    run = Run(["a1", "a2", "b1"], queue=Queue(fails=True), beat_seconds=BEAT)
    run.answers.acts = {
        "a2": raising(Unavailable("throttled", "slow down", retry_after=7)),
        "b1": lambda: run.queue.wait_for_beats("b1", 3),
    }
    assert run.work() == ["a2"]
    assert sorted(name for name, _ in run.journal.lines) == ["a1", "a2", "b1"]
    assert run.journal.asides


def test_one_beat_may_be_missed() -> None:
    assert min(VISIBILITY_SECONDS, LEASE_SECONDS) > 2 * BEAT_SECONDS
