"""The ledger's contract, which DynamoDB's adapter and the fake both keep."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb import cancellations
from darkroom.aws.dynamodb.daily_calls import COUNTERS
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.request_status import DynamoRequestStatus
from darkroom.aws.dynamodb.table import ConditionFailed, Table, Write
from darkroom.aws.dynamodb.turn_store import DynamoTurns
from darkroom.batches.ports import Outcomes
from darkroom.domain import outcome
from darkroom.domain.outcome import Cost, Outcome, Source, Timing
from darkroom.domain.ports import Done, Forgotten, Held, Reused
from darkroom.domain.request import Request
from darkroom.domain.timing import LEASE_SECONDS
from darkroom.errors import Cancelled, Fault, Rejected, Unavailable
from darkroom.turns.ports import CallRecord, Claim, Ledger, Wait
from darkroom_client.operating.erasing.fence import Fence
from darkroom_client.operating.erasing.partition import Partition
from darkroom_client.operating.erasing.receipt import Receipt
from tests.fakes.edge import NOON, Clock
from tests.fakes.ledger import MemoryLedger
from tests.unit.samples import turn

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ASKED = CallRecord("text_to_image", "m", {"temperature": 0.7}, None, (Source("b", "k", "e", "s"),))
REQUEST = Request("t", "r-1", "a cat")
AT = "2026-11-22T12:00:00.000Z"
MAX_LIFE_SECONDS = (14 + 14) * 24 * 3600  # of a message, first in its queue, then among the dead letters

Make = Callable[[int], Ledger]
Settle = Callable[[Ledger, Claim], Claim]
GIVEN_BACK: list[Settle] = [
    lambda ledger, claim: ledger.settle_free(claim),
    lambda ledger, claim: ledger.settle_answered(claim, charged=False),
    lambda ledger, claim: ledger.settle_late(ledger.settle_ambiguous(claim), 1, charged=False),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["dynamodb", "memory"])
def make(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Make]:
    """Ledgers over one table, each as in its own process. Those in memory share their own table."""
    if request.param == "memory":
        memory: dict[int, MemoryLedger] = {}
        yield lambda limit: memory.setdefault(limit, MemoryLedger(clock, daily_call_limit=limit))
        return
    table = Table(request.getfixturevalue("dynamodb"), request.getfixturevalue("threads_table"))
    yield lambda limit: DynamoLedger(table, daily_call_limit=limit, clock=clock)


@pytest.fixture
def ledger(make: Make) -> Ledger:
    return make(0)


def claimed(ledger: Ledger, request: Request = REQUEST) -> Claim:
    claim = ledger.claim(request, AT)
    assert isinstance(claim, Claim)
    return claim


def test_of_a_turn_that_has_ended_its_calls_are_known(ledger: Ledger) -> None:
    claim = ledger.mark(claimed(ledger), ASKED)
    answered = ledger.settle_answered(claim, charged=True)
    ledger.commit(answered, replace(turn(1), thread_id="t", request_id="r-1"))
    ended = ledger.ended("t", 1)
    assert ended
    told, known = ended
    assert (told.turn, told.request_id) == (1, "r-1")
    assert known
    assert (known.calls, known.answered_by, known.asked) == (1, 1, ASKED)
    assert ledger.ended("t", 2) is None
    assert ledger.ended("another", 1) is None


def ended(claim: Claim, turn: int = 1) -> Outcome:
    blank = outcome.refusal(Rejected("refused", "no"), timing=Timing(AT, AT, AT, 1.25), attempts=1)
    return replace(blank, thread_id=claim.thread_id, request_id=claim.request_id, turn=turn, instruction="雪")


def test_a_claim_is_held_until_its_lease_is_over(ledger: Ledger, clock: Clock) -> None:
    claimed(ledger)
    again = ledger.claim(REQUEST, AT)
    assert isinstance(again, Held)
    assert 0 < again.seconds <= LEASE_SECONDS
    clock.advance(LEASE_SECONDS + 1)
    assert claimed(ledger).attempts == 2


def test_a_renewed_lease_goes_on(ledger: Ledger, clock: Clock) -> None:
    claimed(ledger)
    clock.advance(LEASE_SECONDS - 1)
    ledger.renew()
    clock.advance(LEASE_SECONDS - 1)
    assert isinstance(ledger.claim(REQUEST, AT), Held)


def test_a_call_that_is_marked_after_the_lease_was_over_has_a_lease(ledger: Ledger, clock: Clock) -> None:
    claim = claimed(ledger)
    clock.advance(LEASE_SECONDS + 1)
    ledger.mark(claim, ASKED)
    assert isinstance(ledger.claim(REQUEST, AT), Held)


def test_one_claims_trouble_leaves_no_other_without_its_lease(threads_table: str, dynamodb: "DynamoDBClient") -> None:
    class Troubled(Table):
        def update(self, thread_id: str, *args: Any, **kwargs: Any) -> Write:
            if thread_id == "bad":
                raise Fault("broken")
            return super().update(thread_id, *args, **kwargs)

    clock = Clock()
    ledger = DynamoLedger(Troubled(dynamodb, threads_table), daily_call_limit=0, clock=clock)
    claimed(ledger, replace(REQUEST, thread_id="bad"))
    claimed(ledger)
    clock.advance(LEASE_SECONDS - 1)
    with pytest.raises(Fault):
        ledger.renew()
    clock.advance(2)
    assert isinstance(ledger.claim(REQUEST, AT), Held)


def test_who_lost_the_lease_renews_it_for_nobody(ledger: Ledger, clock: Clock) -> None:
    claimed(ledger)
    clock.advance(LEASE_SECONDS + 1)
    ledger.drop(claimed(ledger))
    clock.advance(LEASE_SECONDS - 1)
    ledger.renew()
    clock.advance(2)
    assert isinstance(ledger.claim(REQUEST, AT), Claim)


def test_who_lost_the_lease_is_told_so_and_nobody_else(ledger: Ledger, clock: Clock) -> None:
    claim = claimed(ledger)
    ledger.prove(claim)
    clock.advance(LEASE_SECONDS + 1)
    claimed(ledger)
    with pytest.raises(Unavailable, match="held"):
        ledger.prove(claim)


def test_a_dropped_claim_is_renewed_no_longer(ledger: Ledger, clock: Clock) -> None:
    ledger.drop(claimed(ledger))
    clock.advance(LEASE_SECONDS - 1)
    ledger.renew()
    clock.advance(2)
    assert isinstance(ledger.claim(REQUEST, AT), Claim)


def test_an_id_stands_for_one_content(ledger: Ledger) -> None:
    claimed(ledger)
    assert isinstance(ledger.claim(replace(REQUEST, instruction="a dog"), AT), Reused)


def test_a_mark_survives_the_death_of_its_owner(ledger: Ledger, clock: Clock) -> None:
    ledger.mark(claimed(ledger), ASKED)
    clock.advance(LEASE_SECONDS + 1)
    heir = claimed(ledger)
    assert (heir.open_call, heir.calls, heir.asked) == (1, 1, ASKED)


def test_dying_in_a_call_is_no_strike_and_dying_elsewhere_is(ledger: Ledger, clock: Clock) -> None:
    ledger.mark(claimed(ledger), ASKED)
    clock.advance(LEASE_SECONDS + 1)
    assert claimed(ledger).strikes == 1
    clock.advance(LEASE_SECONDS + 1)
    assert claimed(ledger).strikes == 2


def test_waiting_is_no_strike(ledger: Ledger) -> None:
    for _ in range(7):
        claim = claimed(ledger)
        assert claim.strikes == 1
        ledger.defer(claim, Unavailable("throttled", ""))
    assert claimed(ledger).deferrals == 7


def test_who_lost_the_lease_can_write_nothing(ledger: Ledger, clock: Clock) -> None:
    late = ledger.mark(claimed(ledger), ASKED)
    clock.advance(LEASE_SECONDS + 1)
    claimed(ledger)
    for write in (
        lambda: ledger.mark(late, ASKED),
        lambda: ledger.settle_free(late),
        lambda: ledger.settle_ambiguous(late),
        lambda: ledger.settle_answered(late, charged=True),
        lambda: ledger.settle_late(late, 1, charged=False),
        lambda: ledger.defer(late, Unavailable("throttled", "")),
        lambda: ledger.forget(late),
        lambda: ledger.commit(late, ended(late)),
    ):
        with pytest.raises(Unavailable) as caught:
            write()
        assert caught.value.cause == "held"


def test_a_settled_answer_is_remembered(ledger: Ledger, clock: Clock) -> None:
    ledger.settle_answered(ledger.mark(claimed(ledger), ASKED), charged=True)
    clock.advance(LEASE_SECONDS + 1)
    heir = claimed(ledger)
    assert (heir.answered_by, heir.open_call, heir.paid_calls) == (1, None, 1)


def test_ambiguous_calls_add_up(ledger: Ledger) -> None:
    claim = claimed(ledger)
    for expected in (1, 2):
        claim = ledger.settle_ambiguous(ledger.mark(claim, ASKED))
        assert (claim.ambiguous, claim.calls, claim.open_call, claim.paid_calls) == (expected, expected, None, expected)


def test_since_when_it_waits_is_kept_from_the_first_time(ledger: Ledger, clock: Clock) -> None:
    first = clock()
    for trouble in (Unavailable("budget", ""), Unavailable("throttled", "")) * 2:
        ledger.defer(claimed(ledger), trouble)
        clock.advance(100)
    claim = claimed(ledger)
    assert (claim.waiting_since, claim.refused_since) == (first, first + 100)


def test_the_daily_limit_is_not_passed_and_a_free_call_is_given_back(make: Make) -> None:
    ledger = make(1)
    claim = ledger.mark(claimed(ledger), ASKED)
    other = claimed(ledger, replace(REQUEST, request_id="r-2"))
    with pytest.raises(Unavailable) as caught:
        ledger.mark(other, ASKED)
    assert caught.value.cause == "budget"
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 3600
    ledger.settle_free(claim)
    assert ledger.mark(other, ASKED).calls == 1


def test_a_call_that_was_not_charged_is_given_back_too(make: Make) -> None:
    ledger = make(1)
    ledger.settle_answered(ledger.mark(claimed(ledger), ASKED), charged=False)
    assert ledger.mark(claimed(ledger, replace(REQUEST, request_id="r-2")), ASKED).calls == 1


def test_a_late_answer_that_was_not_charged_is_given_back_too(make: Make) -> None:
    ledger = make(1)
    lost = ledger.settle_ambiguous(ledger.mark(claimed(ledger), ASKED))
    assert ledger.settle_late(lost, 1, charged=False).paid_calls == 0
    assert ledger.mark(claimed(ledger, replace(REQUEST, request_id="r-2")), ASKED).calls == 1


def test_of_an_earlier_call_nobody_knows_which_day_to_give_it_back_to(make: Make) -> None:
    ledger, claim = make(2), claimed(make(2))
    for _ in range(2):
        claim = ledger.settle_ambiguous(ledger.mark(claim, ASKED))
    ledger.settle_late(claim, 1, charged=False)
    assert not has_room(ledger)


@pytest.mark.parametrize("settle", GIVEN_BACK, ids=["free", "answered", "late"])
def test_a_call_is_given_back_to_the_day_that_it_was_counted_on(make: Make, clock: Clock, settle: Settle) -> None:
    ledger, today = make(1), clock()
    yesterdays = ledger.mark(claimed(ledger), ASKED)
    clock.advance(24 * 3600)
    ledger.mark(claimed(ledger, replace(REQUEST, thread_id="another")), ASKED)
    settle(ledger, yesterdays)
    assert not has_room(ledger)
    clock.now = today
    assert has_room(ledger)


def has_room(ledger: Ledger) -> bool:
    """Whether the day has room for one more call."""
    try:
        ledger.mark(claimed(ledger, replace(REQUEST, request_id=uuid.uuid4().hex)), ASKED)
    except Unavailable as trouble:
        assert trouble.cause == "budget"
        return False
    return True


def test_the_next_day_has_calls_again(make: Make, clock: Clock) -> None:
    ledger = make(1)
    ledger.mark(claimed(ledger), ASKED)
    clock.advance(24 * 3600)
    assert ledger.mark(claimed(ledger, replace(REQUEST, request_id="r-2")), ASKED).calls == 1


def test_a_commit_ends_the_request_and_adds_the_turn(ledger: Ledger) -> None:
    claim = claimed(ledger)
    ledger.commit(claim, ended(claim))
    assert ledger.thread("t").turns == (ended(claim),)
    assert ledger.claim(REQUEST, AT) == Done(ended(claim))


def test_a_turn_is_taken_once_and_none_is_left_out(ledger: Ledger) -> None:
    first, second = claimed(ledger), claimed(ledger, replace(REQUEST, request_id="r-2"))
    ledger.commit(first, ended(first))
    for taken_or_too_far in (1, 3):
        with pytest.raises(Unavailable):
            ledger.commit(second, ended(second, turn=taken_or_too_far))
    ledger.commit(second, ended(second, turn=2))
    assert ledger.thread("t").latest_turn == 2


def test_the_echo_of_ones_own_write_is_no_conflict(echoing_table: Table) -> None:
    ledger = DynamoLedger(echoing_table, daily_call_limit=0, clock=Clock())
    claim = claimed(ledger)
    ledger.commit(claim, ended(claim))
    assert ledger.thread("t").turns == (ended(claim),)


def test_so_is_that_of_any_other_write(echoing_table: Table) -> None:
    """Letting go, and writes with a day's counter, are transactions with tokens."""
    ledger = DynamoLedger(echoing_table, daily_call_limit=0, clock=Clock())
    claim = ledger.settle_free(ledger.mark(claimed(ledger), ASKED), flatten=True)
    claim = ledger.settle_ambiguous(ledger.mark(claim, ASKED))
    claim = ledger.settle_late(claim, 2, charged=False)
    ledger.renew()
    assert ledger.settle_answered(ledger.mark(claim, ASKED), charged=True).paid_calls == 1
    other = claimed(ledger, replace(REQUEST, request_id="r-2"))
    ledger.forget(other)
    assert claimed(ledger, replace(REQUEST, request_id="r-2", instruction="a dog")).attempts == 1


def test_a_write_that_arrives_after_a_later_one_changes_nothing(
    dynamodb: "DynamoDBClient", threads_table: str, clock: Clock
) -> None:
    """This happens when a connection broke, and botocore's second try was faster than the first."""
    done: list[Write] = []

    class Slow(Table):
        def write(self, write: Write) -> None:
            super().write(write)
            done.append(write)

    ledger = DynamoLedger(table := Slow(dynamodb, threads_table), daily_call_limit=0, clock=clock)
    claim = ledger.settle_free(ledger.mark(claimed(ledger), ASKED))
    claim = ledger.mark(claim, ASKED)
    for late in done[:-1]:
        with pytest.raises(ConditionFailed):
            table.write(late)
    ledger.drop(claim)
    clock.advance(LEASE_SECONDS + 1)
    heir = claimed(ledger)
    assert (heir.calls, heir.open_call) == (2, 2)


def test_without_a_limit_no_call_is_counted_and_one_that_is_set_counts_from_then_on(
    dynamodb: "DynamoDBClient", threads_table: str, clock: Clock
) -> None:
    table = Table(dynamodb, threads_table)
    unlimited, limited = (DynamoLedger(table, daily_call_limit=limit, clock=clock) for limit in (0, 1))
    uncounted = unlimited.mark(claimed(unlimited), ASKED)
    assert not table.items(COUNTERS, "2")
    limited.settle_free(uncounted)
    assert (has_room(limited), has_room(limited)) == (True, False), "nothing was given back to this day"


def test_what_was_counted_is_given_back_also_where_there_is_no_limit_any_more(
    dynamodb: "DynamoDBClient", threads_table: str, clock: Clock
) -> None:
    table = Table(dynamodb, threads_table)
    unlimited, limited = (DynamoLedger(table, daily_call_limit=limit, clock=clock) for limit in (0, 1))
    unlimited.settle_free(limited.mark(claimed(limited), ASKED))
    assert has_room(limited)


def test_who_asked_is_forgotten_after_their_message_is_and_a_turn_never(
    threads_table: str, dynamodb: "DynamoDBClient", clock: Clock
) -> None:
    ledger = DynamoLedger(Table(dynamodb, threads_table), daily_call_limit=1, clock=clock)
    claim = ledger.mark(claimed(ledger), ASKED)
    ledger.commit(claim, ended(claim))
    items = {item["sk"]["S"]: item for item in dynamodb.scan(TableName=threads_table)["Items"]}
    lives = {sk: float(item["expires_at"]["N"]) - clock() for sk, item in items.items() if "expires_at" in item}
    assert lives.keys() == {"REQUEST#r-1", "2026-11-22"}
    assert items.keys() - lives.keys() == {"TURN#00001", "THREAD"}
    assert min(lives.values()) > MAX_LIFE_SECONDS


def test_numbers_that_dynamodb_cannot_hold_are_no_trouble(ledger: Ledger) -> None:
    claim = ledger.mark(claimed(ledger), replace(ASKED, options={"temperature": 1e-200, "top_p": 0.1}))
    ledger.commit(claim, replace(ended(claim), options={"temperature": 1e-200}))
    assert ledger.thread("t").latest_turn == 1


def test_who_died_once_is_suspect_until_it_ends(ledger: Ledger, clock: Clock) -> None:
    claimed(ledger)
    clock.advance(LEASE_SECONDS + 1)
    ledger.defer(claimed(ledger), Unavailable("time", ""))
    assert ledger.abandoned(REQUEST)


def test_a_call_that_was_answered_late_was_not_lost(ledger: Ledger) -> None:
    claim = ledger.settle_ambiguous(ledger.mark(claimed(ledger), ASKED))
    claim = ledger.settle_late(claim, 1, charged=True)
    assert (claim.answered_by, claim.ambiguous, claim.paid_calls) == (1, 0, 1)


def test_what_was_forgotten_was_never_there(ledger: Ledger) -> None:
    ledger.forget(claimed(ledger))
    assert claimed(ledger, replace(REQUEST, instruction="a dog")).attempts == 1


def test_an_owner_that_let_go_did_not_abandon(ledger: Ledger) -> None:
    claim = claimed(ledger)
    assert ledger.abandoned(REQUEST)
    ledger.defer(claim, Unavailable("throttled", ""))
    assert not ledger.abandoned(REQUEST)


def test_who_only_looks_sees_how_a_request_stands_and_claims_nothing(ledger: Any) -> None:
    outcomes: Outcomes = ledger if isinstance(ledger, MemoryLedger) else DynamoRequestStatus(ledger._table)
    other = replace(REQUEST, instruction="a dog")

    def look(request: Request = REQUEST) -> object:
        return outcomes.status(request.thread_id, request.request_id, request.fingerprint)

    assert look() is None
    claim = claimed(ledger)
    assert isinstance(look(), Held)
    assert look(other) is None, "which of the two it will be is not known yet"
    ledger.defer(claim, Unavailable("throttled", ""))
    claim = claimed(ledger)
    ledger.commit(claim, told := ended(claim))
    assert look() == Done(told)
    assert look(other) == Reused()
    assert look(replace(REQUEST, request_id="r-2")) is None


def test_at_midnight_a_call_is_counted_on_the_day_that_it_is_given_back_to(
    threads_table: str, dynamodb: "DynamoDBClient"
) -> None:
    """Each look at the clock finds another day."""
    midnights = count(NOON, 86_400)
    ledger = DynamoLedger(Table(dynamodb, threads_table), daily_call_limit=1, clock=lambda: next(midnights))
    claim = claimed(ledger)
    marked = ledger.mark(claim, ASKED)
    counted = Table(dynamodb, threads_table).items(COUNTERS, "2")
    assert [(day["sk"], day["calls"]) for day in counted] == [(marked.call_day, 1)]


def test_a_turn_remembers_the_dialect_of_its_call_beside_what_its_outcome_says(
    dynamodb: "DynamoDBClient", threads_table: str
) -> None:
    """`result.json` does not have it. A turn of an older release has none, and belongs to the first dialect."""
    table = Table(dynamodb, threads_table)
    turns = DynamoTurns(table, "photos/cat")
    table.transact(*turns.added(replace(turn(1), dialect="other"), None))
    assert table.item("photos/cat", "TURN#00001")["dialect"] == "other"
    assert turns.one(1).dialect == "other"
    assert "dialect" not in turns.one(1).as_document()
    table.transact(table.update("photos/cat", "TURN#00001", {"dialect": None}))
    assert turns.one(1).dialect == "nebula"


@pytest.mark.parametrize(("images", "is_told"), [(1, False), (3, True)])
def test_a_turn_counts_its_pictures_where_they_are_more_than_its_calls(
    dynamodb: "DynamoDBClient", threads_table: str, images: int, is_told: bool
) -> None:
    """The release before this one knows no other price than that of a call, and reads no more of a turn."""
    table = Table(dynamodb, threads_table)
    turns, ended = DynamoTurns(table, "photos/cat"), replace(turn(1), cost=Cost(1, 0.1, "USD", images))
    table.transact(*turns.added(ended, None))
    assert ("images" in table.item("photos/cat", "TURN#00001")["cost"]) is is_told
    assert turns.one(1).cost == ended.cost


def test_a_turn_remembers_whether_something_lies_beside_its_pictures_for_the_next_one(
    dynamodb: "DynamoDBClient", threads_table: str
) -> None:
    table = Table(dynamodb, threads_table)
    turns = DynamoTurns(table, "photos/cat")
    for number, has_state in ((1, True), (2, False)):
        table.transact(*turns.added(replace(turn(number), has_state=has_state), None))
        assert turns.one(number).has_state is has_state
        assert ("has_state" in table.item("photos/cat", f"TURN#0000{number}")) is has_state
        assert "has_state" not in turns.one(number).as_document()


def cancels(ledger: Ledger, thread_id: str, *request_ids: str, until: str = "") -> None:
    """Cancel as a person does, through the ledger's own storage."""
    if isinstance(ledger, MemoryLedger):
        ledger.cancelled |= {(thread_id, request_id) for request_id in request_ids}
        ledger.cancelled_until[thread_id] = max(until, ledger.cancelled_until.get(thread_id, ""))
        return
    assert isinstance(ledger, DynamoLedger)
    if request_ids:
        ledger._cancellations.cancel(thread_id, request_ids)
    if until:
        ledger._cancellations.cancel_until(thread_id, until)


def test_a_cancelled_request_is_not_marked(ledger: Ledger) -> None:
    claim = claimed(ledger)
    cancels(ledger, "t", "another", "r-1")
    assert ledger.is_cancelled(claim)
    with pytest.raises(Cancelled):
        ledger.mark(claim, ASKED)
    ledger.defer(claim, Unavailable("held", "over"))
    assert claimed(ledger).calls == 0


@pytest.mark.parametrize(("until", "is_over"), [(AT, True), ("2026-11-22T11:59:58.999Z", False), ("2027", True)])
def test_so_is_what_was_asked_up_to_a_moment(ledger: Ledger, until: str, is_over: bool) -> None:
    claim = claimed(ledger)
    cancels(ledger, "t", until=until)
    cancels(ledger, "t", until="2020-01-01T00:00:00.000Z")
    assert ledger.is_cancelled(claim) is is_over


def test_neither_another_request_nor_another_thread_is_cancelled(ledger: Ledger) -> None:
    cancels(ledger, "t", "another")
    cancels(ledger, "other", "r-1", until="2027")
    claim = claimed(ledger)
    assert not ledger.is_cancelled(claim)
    assert ledger.mark(claim, ASKED).calls == 1


def test_what_is_asked_after_its_cancel_is_not_called(ledger: Ledger) -> None:
    cancels(ledger, "t", "r-1")
    with pytest.raises(Cancelled):
        ledger.mark(claimed(ledger), ASKED)


def buries(ledger: Ledger, clock: Clock) -> None:
    """Erase the thread, as a person does."""
    if isinstance(ledger, MemoryLedger):
        return ledger.bury("t")
    assert isinstance(ledger, DynamoLedger)
    partition = Partition(ledger._table, "t", lambda: int(clock()), Receipt("t", lambda _line: None))
    known = partition.known()
    partition.bury(known)
    assert partition.remove(known)
    return None


def test_of_a_request_whose_thread_was_erased_no_more_is_known_than_that_it_ended(make: Make, clock: Clock) -> None:
    ledger: Any = make(0)
    outcomes: Outcomes = ledger if isinstance(ledger, MemoryLedger) else DynamoRequestStatus(ledger._table)
    claim = ledger.mark(claimed(ledger), ASKED)
    ledger.commit(claim, ended(claim))
    buries(ledger, clock)
    buries(ledger, clock)
    assert isinstance(ledger.claim(REQUEST, AT), Forgotten)
    assert isinstance(make(0).claim(REQUEST, AT), Forgotten)
    assert ledger.claim(replace(REQUEST, instruction="a dog"), AT) == Reused()
    assert isinstance(outcomes.status("t", "r-1", REQUEST.fingerprint), Forgotten)
    assert outcomes.status("t", "r-1", "another") == Reused()
    assert not ledger.abandoned(REQUEST)
    assert ledger.thread("t").latest_turn == 0


def test_a_tombstone_holds_hashes_and_lives_as_long_as_a_message(
    threads_table: str, dynamodb: "DynamoDBClient", clock: Clock
) -> None:
    table = Table(dynamodb, threads_table)
    ledger = DynamoLedger(table, daily_call_limit=0, clock=clock)
    ledger.defer(claimed(ledger), Unavailable("throttled", "no"), Wait(NOON + 60, "a cat", ("receipt",)))
    claim = ledger.mark(claimed(ledger), ASKED)
    ledger.commit(claim, ended(claim))
    clock.advance(86_400)
    buries(ledger, clock)
    assert [table.item("t", "REQUEST#r-1"), table.item("t", "TURN#00001"), table.item("t", "THREAD")] == [
        {
            "thread_id": "t", "sk": "REQUEST#r-1", "request_id": "r-1", "fingerprint": REQUEST.fingerprint,
            "state": "done", "forgotten": True, "expires_at": clock() + 35 * 86_400,
        },
        {},
        {},
    ]  # fmt: skip


def test_after_that_the_thread_begins_anew(ledger: Ledger, clock: Clock) -> None:
    claim = claimed(ledger)
    ledger.commit(claim, ended(claim))
    buries(ledger, clock)
    claim = claimed(ledger, replace(REQUEST, request_id="r-2"))
    ledger.commit(claim, ended(claim, 1))
    assert [turn.request_id for turn in ledger.thread("t").turns] == ["r-2"]


def test_while_a_thread_is_erased_none_of_its_requests_is_marked(ledger: Ledger, clock: Clock) -> None:
    """Its requests wait, and go on when the fence is down. Other threads go on meanwhile."""
    if isinstance(ledger, MemoryLedger):
        ledger.erasing.add("t")
    elif isinstance(ledger, DynamoLedger):
        Fence(ledger._table, "t", lambda: int(clock())).stands()
    claim = claimed(ledger)
    with pytest.raises(Unavailable, match="erasing"):
        ledger.mark(claim, ASKED)
    with pytest.raises(Unavailable, match="erasing"):
        ledger.check_erasing("t")
    ledger.check_erasing("other")
    assert ledger.mark(claimed(ledger, replace(REQUEST, thread_id="other")), ASKED).calls == 1
    cancels(ledger, "t", "r-1")
    with pytest.raises(Cancelled):
        ledger.mark(claim, ASKED)
    if isinstance(ledger, MemoryLedger):
        ledger.erasing.clear()
    elif isinstance(ledger, DynamoLedger):
        Fence(ledger._table, "t", lambda: int(clock())).lift()
    assert ledger.is_cancelled(claim), "the marks of cancelled requests stay"
    other = claimed(ledger, replace(REQUEST, request_id="r-2"))
    assert ledger.mark(other, ASKED).calls == 1


def test_a_mark_under_the_ledgers_own_key_would_stop_the_claim(
    threads_table: str, dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    """This is why the marks lie in a partition of their own."""
    monkeypatch.setattr(cancellations, "PARTITIONS", "")
    monkeypatch.setattr(cancellations, "MARK", f"REQUEST#{REQUEST.request_id}")
    ledger = DynamoLedger(Table(dynamodb, threads_table), daily_call_limit=0)
    cancels(ledger, "t", "r-1")
    with pytest.raises(KeyError):
        ledger.claim(REQUEST, AT)
