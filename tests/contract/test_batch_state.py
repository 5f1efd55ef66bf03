"""The contract of the batch state, which DynamoDB's adapter and the fake both keep."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.table import Table
from darkroom.batches.line_reader import Place
from darkroom.batches.ports import Answered, BatchState, Progress, Sent
from darkroom.errors import Outdated
from tests.fakes.batch_state import MemoryBatchState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = "batch:shop/猫 1.jsonl#3"
KNOWN = Progress(
    counted=Place(900, 12), total=11, is_counted=True, read=Place(80, 2), position=2, open=(1, 2), failed=1,
    moved_at=1_795_348_800.25,
)  # fmt: skip


@pytest.fixture(params=["dynamodb", "memory"])
def register(request: pytest.FixtureRequest) -> BatchState:
    if request.param == "memory":
        return MemoryBatchState()
    name = request.getfixturevalue("threads_table")
    return DynamoBatchState(Table(request.getfixturevalue("dynamodb"), name))


def line(position: int = 1) -> Sent:
    return Sent(position, f"r-{position}", "猫/r", "f" * 64, Place(17, 1))


def test_of_what_nobody_saved_nothing_is_known(register: BatchState) -> None:
    assert register.progress(BATCH) == Progress()


def test_what_was_saved_is_known(register: BatchState) -> None:
    saved = register.save(BATCH, KNOWN)
    assert saved == replace(KNOWN, version=1) == register.progress(BATCH)
    assert register.progress("batch:another#3") == Progress()


def test_a_batch_that_was_stopped_is_known_to_be_and_no_other(register: BatchState) -> None:
    assert isinstance(register, DynamoBatchState | MemoryBatchState)
    assert not register.is_stopped(BATCH)
    register.stop(BATCH)
    assert register.is_stopped(BATCH)
    assert not register.is_stopped("batch:another#3")


def test_progress_that_somebody_else_has_changed_is_outdated_and_its_line_is_not_saved(register: BatchState) -> None:
    first = register.save(BATCH, KNOWN, line())
    register.save(BATCH, first)
    for stale in (KNOWN, first):
        with pytest.raises(Outdated):
            register.save(BATCH, stale, replace(line(), message_id="m"))
    assert register.sent(BATCH, 1) == line()


def test_the_ids_of_lines_are_known_by_their_positions_however_they_were_saved(register: BatchState) -> None:
    assert register.ids(BATCH) == {}
    longest = ["\U0001f408" * 128] * 500
    register.save_ids(BATCH, 1, longest)
    register.save_ids(BATCH, 501, ["a", None])
    register.save_ids(BATCH, 501, ["a", None, "杯子 1"])
    register.save_ids("batch:another#1", 1, ["b"])
    wanted = dict(enumerate([*longest, "a", None, "杯子 1"], start=1))
    assert register.ids(BATCH) == wanted
    assert list(register.answers(BATCH)) == []


def test_a_line_is_known_by_its_position_until_it_has_ended(register: BatchState) -> None:
    progress = register.save(BATCH, KNOWN, line())
    progress = register.save(BATCH, progress, replace(line(), message_id="m"))
    assert register.sent(BATCH, 1).message_id == "m"
    register.save(BATCH, progress, Answered(1, "over"))
    with pytest.raises(Outdated):
        register.sent(BATCH, 1)


def test_a_line_that_is_on_its_way_has_no_answer_yet(register: BatchState) -> None:
    known = register.save(BATCH, KNOWN, line(1))
    register.save(BATCH, known, Answered(2, "two"))
    assert list(register.answers(BATCH)) == ["two"]


def test_answers_come_in_the_order_of_their_lines_however_many(register: BatchState) -> None:
    progress, text = KNOWN, "雪" * 20_000
    for position in (11, 2, 50_000, 1, *range(100, 140)):
        progress = register.save(BATCH, progress, Answered(position, f"{position} {text}"))
    found = [answer.partition(" ") for answer in register.answers(BATCH)]
    assert [int(number) for number, _, _ in found] == [1, 2, 11, *range(100, 140), 50_000]
    assert all(rest == text for _, _, rest in found)


def test_batches_are_listed_the_one_that_began_last_first(dynamodb: "DynamoDBClient", threads_table: str) -> None:
    table = Table(dynamodb, threads_table)
    state = DynamoBatchState(table, clock=lambda: 1_795_348_800.0)
    for name, began_at in (("batch:a#1", 100.0), ("batch:b#1", 300.0), ("batch:c#1", 0.0), ("batch:b#2", 200.0)):
        first = state.save(name, replace(KNOWN, began_at=began_at))
        state.save(name, replace(first, succeeded=1))
    assert list(listing.batches(table)) == [f"/batches/batch:{name}" for name in ("c#1", "b#1", "b#2", "a#1")]
