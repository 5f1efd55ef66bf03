"""A call's record holds its dialect. The reply is interpreted in it, and turns inherit only within it."""

from dataclasses import replace
from typing import Any

import pytest

from darkroom.aws.dynamodb.claims import claim_of, document_of
from darkroom.domain.request import Request
from darkroom.domain.thread import Thread
from darkroom.errors import Fault, Rejected
from darkroom.providers.dialect import Answer
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.providers.reply import Reply
from darkroom.turns import call_plan
from darkroom.turns.call_plan import Defaults
from darkroom.turns.paid_call import CallDependencies, PaidCall, State
from darkroom.turns.ports import CallRecord, Claim
from darkroom.turns.spool import Spool
from tests.fakes.breaker import MemoryBreaker
from tests.fakes.edge import Clock
from tests.fakes.image_api import ScriptedApi, made
from tests.fakes.ledger import MemoryLedger
from tests.fakes.objects import MemoryObjects
from tests.unit.samples import turn

REQUEST = Request("photos/cat", "r-1", "make it night")
RECORD = CallRecord("text_to_image", "m", {}, None, ())
ANSWER = Answer((), "said in other words", None)


def interpreted(reply: Reply) -> Answer:
    """The other dialect's answer in any reply."""
    return ANSWER


OTHER = NEBULA._replace(name="other", interpret=interpreted, options={"size": NEBULA.options["size"]})
BOTH = {NEBULA.name: NEBULA, OTHER.name: OTHER}


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects(Clock())


def kept(objects: MemoryObjects, reply: Reply) -> Any:
    """The object that keeps a reply."""
    Spool(objects, "spool", BOTH).keep("t", "r", 1, reply)
    ((_, stored),) = objects.objects.items()
    return stored


@pytest.mark.parametrize("dialect", BOTH)
def test_the_spool_keeps_the_dialect_of_a_reply(objects: MemoryObjects, dialect: str) -> None:
    assert kept(objects, replace(made(), dialect=dialect)).metadata["dialect"] == dialect
    read = Spool(objects, "spool", BOTH).read("t", "r", 1)
    assert read
    assert read.dialect == dialect


def test_a_reply_that_an_older_release_has_spooled_is_in_the_first_dialect(objects: MemoryObjects) -> None:
    del kept(objects, made()).metadata["dialect"]
    read = Spool(objects, "spool", BOTH).read("t", "r", 1)
    assert read
    assert read.dialect == "nebula"


def test_a_reply_is_interpreted_in_the_dialect_that_it_was_asked_in() -> None:
    """The stack's current dialect does not matter: the answer lies in the spool, and the worker is dead."""
    clock = Clock()
    objects, ledger = MemoryObjects(clock), MemoryLedger(clock)
    claim = ledger.claim(REQUEST, "2026-11-22T12:00:00.000Z")
    assert isinstance(claim, Claim)
    marked = ledger.mark(claim, RECORD)
    spool = Spool(objects, "spool", BOTH)
    spool.keep(REQUEST.thread_id, REQUEST.request_id, 1, replace(made(), dialect="other"))
    call = PaidCall(marked, CallDependencies(ledger, spool, MemoryBreaker(clock), ScriptedApi(), 2))
    states = [call.state]
    call.settle_left_open()
    assert [*states, call.state] == [State.LEFT_OPEN, State.ANSWERED]
    assert call.answer(call.reply()) == ANSWER


def test_a_reply_in_a_dialect_that_nobody_speaks_is_no_refusal(objects: MemoryObjects) -> None:
    spool = Spool(objects, "spool", DIALECTS)
    with pytest.raises(Fault, match="'other'"):
        spool.dialect(replace(made(), dialect="other"))


def plan(answered: str, own: str) -> call_plan.CallPlan:
    """The plan of a request that answers a turn of one dialect, in a stack that uses another."""
    before = replace(turn(1), dialect=answered, model="inherited", options={"size": "1:1", "quality": "high"})
    return call_plan.of(REQUEST, Thread((before,)), Defaults("the stack's", BOTH[own]))


def test_a_turn_inherits_model_and_options_within_its_dialect() -> None:
    inherited = plan("nebula", "nebula")
    assert (inherited.model, inherited.options) == ("inherited", {"size": "1:1", "quality": "high"})


def test_a_turn_inherits_nothing_from_another_dialect() -> None:
    """Another provider knows neither the model nor, perhaps, the options."""
    inherited = plan("nebula", "other")
    assert (inherited.model, inherited.options) == ("the stack's", {})


def test_a_turn_inherits_only_options_that_its_dialect_takes() -> None:
    assert plan("other", "other").options == {"size": "1:1"}


def test_a_turn_and_its_call_remember_the_dialect() -> None:
    planned = plan("nebula", "other")
    assert (planned.dialect, planned.record().dialect) == ("other", "other")


def test_a_call_in_the_first_dialect_can_be_read_by_the_release_before() -> None:
    """That release knows no dialects, and reads no unknown attribute of a call."""
    assert "dialect" not in document_of(RECORD)
    assert document_of(replace(RECORD, dialect="other"))["dialect"] == "other"


def test_what_a_later_release_keeps_of_a_call_is_passed_over() -> None:
    item = {
        "thread_id": "t", "request_id": "r", "owner": "o", "requested_at": "", "started_at": "", "strikes": 1,
        "asked": {**document_of(RECORD), "dialect": "other", "seed": 7},
    }  # fmt: skip
    assert claim_of(item).asked == replace(RECORD, dialect="other")


def test_words_alone_are_refused_in_the_dialect_of_their_reply(objects: MemoryObjects) -> None:
    """The other dialect finds an answer in this reply; this one finds none."""
    spool = Spool(objects, "spool", BOTH)
    reply = Reply(200, {}, b'{"data": []}', 1.0)
    with pytest.raises(Rejected):
        spool.dialect(reply).interpret(reply)
    assert spool.dialect(replace(reply, dialect="other")).interpret(reply) is ANSWER
