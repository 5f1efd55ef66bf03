"""The contract of the scout and the waker, which AWS's adapters and the fakes both keep."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.scout import DynamoScout
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.waker import SqsWaker
from darkroom.domain.request import Request
from darkroom.domain.timing import PROBE_LEASE_SECONDS, PROBE_SECONDS
from darkroom.errors import Unavailable
from darkroom.turns.ports import Claim, Ledger, Scout, Wait
from tests.contract.test_ledger import ASKED
from tests.fakes.edge import Clock
from tests.fakes.ledger import MemoryLedger
from tests.fakes.waking import MemoryScout, MemoryWaker
from tests.guarantees.memory.fifo import FifoQueue

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

FULL = Unavailable("budget", "used up", retry_after=3600)


@dataclass
class Night:
    """A queue of requests that wait for the day, and the scout and the waker."""

    clock: Clock
    ledger: Ledger
    waker: SqsWaker | MemoryWaker
    send: Callable[[str, str], None]
    receive: Callable[[], list[tuple[str, str]]]  # request and handle

    def waits(self, request_id: str, receipts: tuple[str, ...], *, seconds: float = 3600, minute: int = 0) -> Claim:
        claim = self.ledger.claim(Request(request_id, request_id, "a cat"), f"2026-11-22T12:{minute:02d}:00.000Z")
        assert isinstance(claim, Claim)
        self.ledger.defer(claim, FULL, Wait(self.clock() + seconds, "a cat", receipts))
        return claim


@pytest.fixture(params=["aws", "memory"])
def night(request: pytest.FixtureRequest) -> Iterator[Night]:
    clock = Clock()
    if request.param == "memory":
        queue = FifoQueue(clock)
        ledger = MemoryLedger(clock)
        yield Night(
            clock, ledger, MemoryWaker(clock, ledger, queue.show), lambda group, body: _sent(queue, group, body),
            lambda: [(each.body, each.receipt_handle) for each in queue.receive()],
        )  # fmt: skip
        return
    sqs: SQSClient = request.getfixturevalue("sqs")
    table = Table(request.getfixturevalue("dynamodb"), request.getfixturevalue("threads_table"))
    attributes: Any = {"FifoQueue": "true", "VisibilityTimeout": "900"}
    url = sqs.create_queue(QueueName="requests.fifo", Attributes=attributes)["QueueUrl"]

    def send(group: str, body: str) -> None:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)

    def receive() -> list[tuple[str, str]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [(each["Body"], each["ReceiptHandle"]) for each in found]

    waker = SqsWaker(table, sqs, url, clock=clock)
    yield Night(clock, DynamoLedger(table, daily_call_limit=0, clock=clock), waker, send, receive)


def _sent(queue: FifoQueue, group: str, body: str) -> None:
    queue.send(body, group, body)


def test_what_waits_is_woken_the_oldest_first_with_what_waits_behind_it(night: Night) -> None:
    for group, body in (("a", "a-1"), ("a", "a-2"), ("b", "b-1")):
        night.send(group, body)
    receipts = dict(night.receive())
    night.waits("late", (receipts["b-1"],), minute=9)
    night.waits("early", (receipts["a-1"], receipts["a-2"]), minute=1)
    assert night.receive() == []
    assert night.waker.wake(1) == 1
    assert [body for body, _ in night.receive()] == ["a-1", "a-2"]
    assert night.waker.wake(10) == 1
    assert [body for body, _ in night.receive()] == ["b-1"]
    assert night.waker.wake(10) == 0, "each is woken once for each time that it waits"


def test_one_that_waits_again_is_woken_again(night: Night) -> None:
    night.waits("r", ("gone",))
    assert night.waker.wake(10) == 1
    night.waits("r", ("gone",))
    assert night.waker.wake(10) == 1


def test_who_comes_back_in_a_moment_is_left_alone(night: Night) -> None:
    night.waits("r", ("gone",), seconds=PROBE_SECONDS)
    assert night.waker.wake(10) == 0


def test_who_is_worked_on_or_has_ended_is_not_woken(night: Night) -> None:
    night.waits("r", ("gone",))
    claim = night.ledger.claim(Request("r", "r", "a cat"), "2026-11-22T12:00:00.000Z")
    assert isinstance(claim, Claim)
    assert night.waker.wake(10) == 0
    night.ledger.forget(claim)
    assert night.waker.wake(10) == 0


def test_a_copy_that_waits_leaves_the_handles_of_the_message(night: Night) -> None:
    night.send("a", "a-1")
    ((_, receipt),) = night.receive()
    night.waits("r", (receipt,))
    night.waits("r", ())
    night.waker.wake(10)
    assert [body for body, _ in night.receive()] == ["a-1"]


def test_what_waits_says_why_and_until_when(threads_table: str, dynamodb: "DynamoDBClient") -> None:
    table, clock = Table(dynamodb, threads_table), Clock()
    ledger = DynamoLedger(table, daily_call_limit=0, clock=clock)
    claim = ledger.claim(Request("t", "r", "雪" * 300), "2026-11-22T12:00:00.000Z")
    assert isinstance(claim, Claim)
    ledger.defer(claim, Unavailable("throttled", "slow"), Wait(clock() + 60, "雪" * 300, ("handle",)))
    (found,) = listing.waiting(table)
    assert found | {"listed_in": "waiting"} == {
        "thread_id": "t", "sk": "REQUEST#r", "request_id": "r", "instruction": "雪" * 200, "cause": "throttled",
        "waits_until": clock() + 60, "attempts": 1, "listed_in": "waiting", "listed_at": "2026-11-22T12:00:00.000Z",
    }  # fmt: skip


@pytest.fixture(params=["dynamodb", "memory"])
def scout(request: pytest.FixtureRequest) -> tuple[Scout, Clock]:
    clock = Clock()
    if request.param == "memory":
        return MemoryScout(clock), clock
    table = Table(request.getfixturevalue("dynamodb"), request.getfixturevalue("threads_table"))
    return DynamoScout(table, clock=clock), clock


def test_one_at_a_time_looks_for_room(scout: tuple[Scout, Clock]) -> None:
    looking, clock = scout
    assert [looking.wants("a"), looking.wants("b"), looking.wants("a")] == [True, False, False]
    clock.advance(PROBE_LEASE_SECONDS - 1)
    assert looking.keeps("a")
    clock.advance(PROBE_LEASE_SECONDS - 1)
    assert not looking.wants("b")
    assert looking.ends("a")
    assert looking.wants("b")
    clock.advance(PROBE_LEASE_SECONDS + 1)
    assert looking.wants("c"), "the one who looked has died"


def test_nobody_ends_the_looking_of_another(scout: tuple[Scout, Clock]) -> None:
    looking, clock = scout
    looking.wants("a")
    assert not looking.ends("b")
    assert not looking.keeps("b")
    assert not looking.wants("b")
    clock.advance(PROBE_LEASE_SECONDS + 1)
    assert looking.keeps("b"), "a has not been back for too long"
    assert not looking.keeps("a")
    assert looking.ends("b")
    assert not looking.ends("b")


def test_the_echo_of_its_own_write_is_nobody_else(echoing_table: Table) -> None:
    scout = DynamoScout(echoing_table)
    assert scout.wants("a")
    assert scout.keeps("a")


def test_the_room_of_a_day_is_what_is_left_of_its_limit(threads_table: str, dynamodb: "DynamoDBClient") -> None:
    table = Table(dynamodb, threads_table)
    assert DynamoLedger(table, daily_call_limit=0).room() is None
    limited = DynamoLedger(table, daily_call_limit=2)
    assert limited.room() == 2
    for name in "ab":
        claim = limited.claim(Request(name, name, "a cat"), "2026-11-22T12:00:00.000Z")
        assert isinstance(claim, Claim)
        limited.check_room()
        limited.mark(claim, ASKED)
    assert limited.room() == 0
    with pytest.raises(Unavailable, match="budget"):
        limited.check_room()
    assert DynamoLedger(table, daily_call_limit=1).room() == 0, "the limit was lowered"
