"""Darkroom's requests on fakes: a queue, processes that handle its messages, and the state that outlives them."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from darkroom.domain import outcome
from darkroom.domain.keys import message_group, rejected_message_key, sha256, spool_key
from darkroom.domain.message import Message
from darkroom.domain.outcome import DEFAULT_DIALECT, Outcome
from darkroom.domain.timing import BEAT_SECONDS, DAY_SECONDS
from darkroom.errors import Ambiguous, DarkroomError, Rejected, Unavailable
from darkroom.providers.dialect import Answer, Dialect
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.reply import Reply
from darkroom.turns import judging
from darkroom.turns.call_plan import Defaults
from darkroom.turns.handler import TurnDependencies, TurnHandler
from darkroom.turns.paid_call import CallDependencies
from darkroom.turns.publisher import Publisher
from darkroom.turns.spool import Spool
from darkroom.worker.message_batch import MessageBatch
from tests.fakes import spoken
from tests.fakes.breaker import MemoryBreaker
from tests.fakes.edge import Clock, Died, Edge
from tests.fakes.image_api import MemoryFetcher, png
from tests.fakes.ledger import MemoryLedger
from tests.fakes.objects import MemoryObjects, developed
from tests.fakes.stack import turn_policy
from tests.fakes.waking import MemoryScout, MemoryWaker
from tests.guarantees.memory.chains import FunctionMapping, Lineage
from tests.guarantees.memory.fifo import FifoQueue
from tests.guarantees.memory.provider import Provider, later_understood

INVOCATION_SECONDS = 900
NEVER = 1e6  # seconds of a real clock: hearts beat only when the test says so


@dataclass
class Sent:
    """A message in the queue. Its instruction belongs to its request alone."""

    thread: str
    request_id: str
    instruction: str
    more: dict[str, Any]
    message_id: str
    was_redriven: bool = False
    calls_at_cancel: int | None = None  # calls marked by then; None if it was not cancelled
    told_at_erase: str | None = None  # its result when its thread was erased; None if it had none

    @property
    def parent_turn(self) -> int | None:
        """The turn that it names as its parent."""
        return self.more.get("parent_turn")


@dataclass(frozen=True)
class Judged:
    """A message that judges a turn again."""

    thread: str
    turn: int
    request_id: str
    message_id: str


@dataclass
class Journal:
    """The results of the messages. `bugs` are the errors that no break explains."""

    ends: list[Outcome] = field(default_factory=list)
    waits: list[Unavailable] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)

    def ended(self, message: Message, ended: Outcome) -> None:
        self.ends.append(ended)

    def deferred(self, message: Message, trouble: Unavailable) -> None:
        self.waits.append(trouble)

    def broke(self, message: Message, error: Exception) -> None:
        if not isinstance(error, DarkroomError):
            self.bugs.append(error)

    def noted(self, error: DarkroomError) -> None:
        pass


@dataclass
class CopiesTo:
    """The queue for an invocation's copies of a request."""

    queue: FifoQueue
    lineage: Lineage = field(default_factory=dict)

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        own = deduplication_id or f"{thread_id}\n{request_id}\n{body}"
        self.queue.copies.add((thread_id, request_id))
        return self.queue.send(body, message_group(thread_id), sha256(own), lineage=self.lineage)


@dataclass(frozen=True)
class Process:
    """One invocation of the function, over a batch of messages."""

    messages: Sequence[Message]
    batch: MessageBatch[Outcome]
    queue: Any
    ledger: MemoryLedger
    deadline: float

    @property
    def claims(self) -> set[tuple[str, str]]:
        """The requests that it holds, or believes to hold."""
        return {(claim.thread_id, claim.request_id) for claim in self.ledger._held.values()}

    def run(self) -> None:
        """Handle the batch. The event source mapping deletes finished messages. Raises Died."""
        left = self.batch.work()
        for message in self.messages:
            if message.message_id not in left:
                with suppress(DarkroomError):  # it comes back
                    self.queue.end(message)

    def beat(self, *, hides: bool, renews: bool) -> None:
        """Beat its heart once, unless the batch is hiding a message, because then the heart waits."""
        if hides and not self.batch._lock.locked():
            self.batch._beat()
        if renews:
            self.batch._renew()


def _later(dialect: Dialect) -> Dialect:
    """The dialect in a release that finds pictures where this one finds words, or nothing that it knows."""

    def interpret(reply: Reply) -> Answer:
        try:
            return dialect.interpret(reply)
        except (Rejected, Ambiguous):
            if reply.status == 200 and reply.body[:] in later_understood(dialect.name):
                return dialect.interpret(spoken.made(dialect, png("blue")))
            raise

    return dialect._replace(interpret=interpret)


class Living(Protocol):
    """A running process."""

    process: Process

    @property
    def lives(self) -> bool: ...

    def beat(self, *, hides: bool, renews: bool) -> None: ...

    def die(self) -> None: ...


class World:
    """The state that outlives a process: the queue, the table, the buckets, the provider's count of calls."""

    dialect = DEFAULT_DIALECT  # unless a world is made in another: `--dialect`

    def __init__(
        self,
        script: Iterable[str] = (),
        *,
        daily_call_limit: int = 0,
        max_paid_calls: int = 2,
        max_turns: int = 200,
        give_up_after: float = 86_400,
        dialect: str | None = None,
    ) -> None:
        dialect = dialect or self.dialect
        self.daily_call_limit, self.max_paid_calls = daily_call_limit, max_paid_calls
        self.max_turns, self.give_up_after = max_turns, give_up_after
        self.clock = Clock()
        self.dead = FifoQueue(self.clock, "dead")
        self.queue = FifoQueue(self.clock, dead=self.dead)
        self.probes = FifoQueue(self.clock, "probe")
        self.requests_mapping = FunctionMapping("on_request", self.queue)
        self.probes_mapping = FunctionMapping("on_request", self.probes)
        self.breaker = MemoryBreaker(self.clock)
        self.ledger = MemoryLedger(self.clock, daily_call_limit=daily_call_limit)
        self.scout = MemoryScout(self.clock)
        self.waker = MemoryWaker(self.clock, self.ledger, self.queue.show)
        self.objects = MemoryObjects(self.clock)
        self.objects.put("uploads", "cat.png", png())
        self.api = Provider(self.clock, self.pass_time, script, dialect)
        self.defaults = Defaults("m", DIALECTS[dialect])
        self.journal = Journal()
        self.sent: list[Sent] = []
        self.judged: list[Judged] = []
        self.dialects: Mapping[str, Dialect] = DIALECTS
        self.workers: list[Living] = []
        self.disturbed: set[tuple[str, str, int]] = set()  # calls whose outcome cannot be known
        self.erased: list[Outcome] = []  # the turns of threads that were erased
        self.breaks = 0
        self.calls_of_others = 0

    def process(self, messages: Sequence[Message], edge: Edge) -> Process:
        """A new process. Everything that it does passes the edge."""
        memory, deadline = self.ledger.in_another_process(), self.clock() + INVOCATION_SECONDS
        objects, ledger = edge.around(self.objects), edge.around(memory)
        mapping = self.probes_mapping if messages[0].is_probe else self.requests_mapping
        queue, lineage = edge.around(mapping.queue), mapping.lineage(messages)
        calls = CallDependencies(
            ledger, Spool(objects, "spool", self.dialects, sleep=self.clock.advance), edge.around(self.breaker),
            edge.around(self.api.called_by(memory.marks)), self.max_paid_calls,
        )  # fmt: skip
        answering = TurnHandler(
            turn_policy(defaults=self.defaults, max_turns=self.max_turns, give_up_after=self.give_up_after),
            TurnDependencies(
                calls, Publisher(objects, "results"), developed(objects), MemoryFetcher(),
                edge.around(CopiesTo(self.dead, lineage)), edge.around(CopiesTo(self.probes, lineage)),
                lambda: edge.around(self.scout), lambda: edge.around(self.waker),
                clock=self.clock, jitter=lambda: 0.0,
            ),
        )  # fmt: skip
        batch = MessageBatch(
            messages, answering, queue, self.journal,
            renew=memory.renew, time_left=lambda: deadline - self.clock(), beat_seconds=NEVER,
        )  # fmt: skip
        return Process(messages, batch, queue, memory, deadline)

    def send(self, thread: str, request_id: str | None, instruction: str, *, again: int = 0, **more: Any) -> None:
        """Send a message. `again` tells it from an earlier one with the same request id."""
        named = {} if request_id is None else {"request_id": request_id}
        body = json.dumps({"instruction": instruction, **named, **more})
        message_id = self.queue.send(body, message_group(thread), f"{request_id or instruction}/{again}")
        if message_id not in {sent.message_id for sent in self.sent}:
            asked = request_id or message_id
            self.sent.append(Sent(thread, asked, instruction, more, message_id))

    def deliver(self, edge: Callable[[], Edge] = Edge) -> None:
        """Deliver once from each queue, in a new process, to its end or its death."""
        for messages in (self.received(), self.received_probes()):
            if messages:
                try:
                    self.process(messages, edge()).run()
                except Died:
                    self.note_break()

    def received(self) -> list[Message]:
        """The next batch of messages, of one group only: several groups would run together in no certain order."""
        return self.requests_mapping.receive(most_groups=1)

    def received_probes(self) -> list[Message]:
        """The next batch of probes, the copies that test the provider."""
        return [replace(message, is_probe=True) for message in self.probes_mapping.receive(most_groups=1)]

    def run_dry(self, edge: Callable[[], Edge] = Edge, *, deliveries: int = 500) -> None:
        """Deliver until the queues are empty."""
        for _ in range(deliveries):
            queues = [queue for queue in (self.queue, self.probes) if queue.entries]
            if not queues:
                return
            self.clock.now = max(self.clock.now, self._next_delivery(queues))
            self.deliver(edge)
        raise AssertionError("it never ended")

    def _next_delivery(self, queues: Sequence[FifoQueue]) -> float:
        """The time of the next receive. A look for room finds none before the day ends, so most looks are left out."""
        if self.ledger.room() != 0:
            return min(queue.next_visible_at for queue in queues)
        tomorrow = self.clock() + DAY_SECONDS - self.clock() % DAY_SECONDS
        return min([tomorrow, *(queue.next_visible_at for queue in queues if queue is self.queue)])

    def redrive(self) -> None:
        """Redrive dead letters, as the operator does: a message's thread and request id are written into its body."""
        letters, self.dead.entries = self.dead.entries, []
        for letter in letters:
            body = json.loads(letter.body)
            body = {"thread_id": letter.group, "request_id": letter.message_id, **body}
            message_id = self.queue.send(json.dumps(body), letter.group, f"redrive/{letter.message_id}/{self.clock()}")
            for sent in self.sent:
                if sent.message_id == letter.message_id:
                    sent.message_id, sent.was_redriven = message_id, True
                    if sent.calls_at_cancel is not None:  # cancelled by a moment: it is now asked after that
                        self.cancel(sent)

    def judge(self, thread: str, turn: int, request_id: str = "") -> None:
        """Judge a turn again, as the operator's command does, or as a sender with another id does."""
        old = self.ledger.turns[thread][turn - 1]
        own = request_id or judging.request_id(str(old.request_id))
        body = json.dumps({"repairs": turn, "request_id": own})
        message_id = self.queue.send(body, message_group(thread), f"{own}/{len(self.judged)}")
        self.judged.append(Judged(thread, turn, own, message_id))

    def update(self) -> None:
        """Update to the later release."""
        self.dialects = {name: _later(dialect) for name, dialect in DIALECTS.items()}

    def lift_the_limit(self, daily_call_limit: int) -> None:
        """Lift the limit, as an operator does. Running processes keep their limit."""
        self.daily_call_limit = self.ledger._limit = daily_call_limit

    def cancel(self, sent: Sent) -> None:
        """Cancel a request, as a person does."""
        self.ledger.cancelled.add((sent.thread, sent.request_id))
        self._note_cancelled(lambda other: (other.thread, other.request_id) == (sent.thread, sent.request_id))

    def cancel_thread(self, thread: str) -> None:
        """Cancel everything that was sent in a thread up to now."""
        self.ledger.cancelled_until[thread] = outcome.timestamp(self.clock())
        self._note_cancelled(lambda other: other.thread == thread)

    def erase(self, thread: str) -> None:
        """Erase a thread, as the operator does. The operator is refused while a request of it is open.

        A worker that has read an outcome of it must end first, so that it publishes nothing afterwards.
        """
        entries = [entry for (where, _), entry in self.ledger.entries.items() if where == thread]
        group = message_group(thread)
        in_hand = any(
            worker.lives and any(message.group == group for message in worker.process.messages)
            for worker in self.workers
        )
        if in_hand or any(entry.done is None for entry in entries):
            return
        turns = self.ledger.turns.get(thread, [])
        for sent in self.sent:
            if sent.thread == thread:
                sent.told_at_erase = self._told(sent) or sent.told_at_erase
        self.erased += turns
        self.ledger.bury(thread)
        gone = {key for turn in turns for key in self._written_for(turn)}
        gone |= {rejected_message_key(sent.message_id) for sent in self.sent if sent.thread == thread}
        for bucket in ("results", "spool"):
            self.objects.delete(bucket, sorted(gone))
        self.objects.writes = [key for key in self.objects.writes if key not in gone]

    def _told(self, sent: Sent) -> str | None:
        """The result of a message so far."""
        if ("results", refused := rejected_message_key(sent.message_id)) in self.objects.objects:
            return str(self.objects.document("results", refused)["error"]["code"])
        turns = self.ledger.turns.get(sent.thread, [])
        is_it = any((turn.request_id, turn.instruction) == (sent.request_id, sent.instruction) for turn in turns)
        return "a turn" if is_it else None

    def _written_for(self, turn: Outcome) -> list[str]:
        """The objects for its request in the results bucket and the spool, under any number."""
        thread, request_id = str(turn.thread_id), str(turn.request_id)
        results = self.objects.keys("results", f"threads/{thread}/")
        spooled = self.objects.keys("spool", spool_key(thread, request_id, 0).removesuffix("0"))
        return [*(key for key in results if f"-{sha256(request_id)[:8]}/" in key), *spooled]

    def _note_cancelled(self, is_meant: Callable[[Sent], bool]) -> None:
        """Record a cancel. An earlier one may be outdated: its request was sent again, called, and checked since."""
        for sent in self.sent:
            if is_meant(sent):
                entry = self.ledger.entries.get((sent.thread, sent.request_id))
                sent.calls_at_cancel = max(sent.calls_at_cancel or 0, entry.claim.calls if entry else 0)

    def note_break(self) -> None:
        """Record a break. An open call without a spooled answer may or may not have been paid."""
        self.breaks += 1
        self.disturbed |= self.unspooled()

    def unspooled(self) -> set[tuple[str, str, int]]:
        """The calls that are marked, and neither settled nor in the spool."""
        marked = {(*where, entry.claim.open_call) for where, entry in self.ledger.entries.items()}
        return {
            (thread, request, call)
            for thread, request, call in marked
            if call and ("spool", spool_key(thread, request, call)) not in self.objects.objects
        }

    def pass_time(self, seconds: float, *, hides: bool = True, renews: bool = True) -> None:
        """Let time pass for running processes. Their hearts beat, and hide messages and renew claims, or do not."""
        while seconds > 0:
            living = [worker for worker in self.workers if worker.lives]
            passing = min(seconds, BEAT_SECONDS) if living else seconds
            self.clock.advance(passing)
            seconds -= passing
            for worker in living:
                if worker.lives:
                    worker.beat(hides=hides, renews=renews)
        in_hand = {where for worker in self.workers if worker.lives and renews for where in worker.process.claims}
        lapsed = {where for where, entry in self.ledger.entries.items() if entry.lease_until < self.clock()}
        self.disturbed |= {call for call in self.unspooled() if call[:2] in lapsed - in_hand}
