"""Cancelling on DynamoDB: the marks, the clock that dates them, and the operator's output."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from darkroom.aws.dynamodb.cancellations import Cancellations
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.domain.request import Request
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.uploads.pairing import Ask, Stem
from darkroom_client.operating.cancel import Cancel, Cancelled
from darkroom_client.stacks.stack import Stack
from tests.fakes.stack import deployed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

NOON = 1_795_348_800  # 2026-11-22, by the table's clock


@dataclass
class Desk:
    """An operator of a stack, and the output. The table's clock goes on during waits."""

    stack: Stack
    table: Table
    said: list[str] = field(default_factory=list)
    second: int = NOON

    @property
    def cancel(self) -> Cancel:
        return Cancel(self.stack, self.said.append, now=lambda: self.second, sleep=self._wait)

    def is_cancelled(self, request_id: str, asked_at: str = "2026-11-22T12:00:00.500Z") -> bool:
        return Cancellations(self.table).has("t", request_id, asked_at)

    def _wait(self, _seconds: float) -> None:
        self.second += 1


@pytest.fixture
def desk(
    threads_table: str, dynamodb: "DynamoDBClient", s3: "S3Client", sqs: "SQSClient", functions: "LambdaClient"
) -> Desk:
    outputs = {"ThreadsTable": threads_table, "UploadsBucket": "uploads"}
    return Desk(deployed(outputs, {}, {}, dynamodb, s3, sqs, functions), Table(dynamodb, threads_table))


def test_named_requests_are_cancelled_and_no_others(desk: Desk) -> None:
    DynamoLedger(desk.table, daily_call_limit=0).claim(Request("t", "r-1", "a cat"), "2026-11-22T11:00:00.000Z")
    assert desk.cancel.requests("t", ["r-1", "order:2"]) == Cancelled(["r-1"], None, is_known=True)
    assert [desk.is_cancelled(each) for each in ("r-1", "order:2", "r-3")] == [True, True, False]
    assert desk.said == ["cancelled  r-1 of t", "cancelled  order:2 of t"]


def test_of_a_thread_all_is_cancelled_that_was_asked_until_then_and_nothing_later(desk: Desk) -> None:
    desk.cancel.thread("t")
    assert desk.is_cancelled("r-1", "2026-11-22T12:00:00.999Z")
    assert not desk.is_cancelled("r-1", "2026-11-22T12:00:01.000Z")
    assert desk.second == NOON + 1, "it waited until that second was over"
    assert desk.said == [
        "cancelled  all that t was asked up to 2026-11-22T12:00:00.999Z",
        "nothing of t waits; a request that still lies in the queue is cancelled too",
    ]


def test_it_says_how_many_open_requests_of_the_thread_it_knows(desk: Desk) -> None:
    ledger = DynamoLedger(desk.table, daily_call_limit=0)
    for thread, request in (("t", "r-1"), ("t2", "r-9")):
        ledger.claim(Request(thread, request, "a cat"), "2026-11-22T11:00:00.000Z")
    assert desk.cancel.thread("t").open == ["r-1"]
    assert desk.said[-1] == "1 open request is among that: r-1. It ends as cancelled, unless its call has started"
    for number in range(2, 8):
        ledger.claim(Request("t", f"r-{number}", "a cat"), "2026-11-22T11:00:00.000Z")
    desk.cancel.thread("t")
    assert desk.said[-1].startswith("7 open requests are among that: r-1, r-2, r-3, r-4, r-5 and 2 more. They")


def test_a_thread_of_which_nothing_is_known_is_marked_for_what_lies_in_the_queue(desk: Desk) -> None:
    done = desk.cancel.thread("t")
    assert (done.open, done.is_known) == ([], False)
    assert desk.is_cancelled("sent-before-anything-took-it-up")
    assert not desk.cancel.requests("t", ["r-1"]).is_known


def test_an_earlier_cancel_takes_nothing_back(desk: Desk) -> None:
    desk.cancel.thread("t")
    desk.second = NOON - 100
    desk.cancel.thread("t")
    assert desk.is_cancelled("r-1", "2026-11-22T12:00:00.999Z")


@pytest.mark.parametrize("key", ["t.jpg", "elsewhere/cat.jpg"])
def test_what_uploads_are_about_to_ask_in_the_thread_is_cancelled_by_its_id(desk: Desk, key: str) -> None:
    """Its request is sent after the moment of the cancel."""
    photo = Upload("uploads", key, "etag", None, "1", 9, 0.0)
    waits = json.dumps({"thread_id": "t", "request_id": "upload-1", "instruction": "a", "images": []})
    stem = Stem(outbox=waits, lane="lane", thread="t")
    DynamoUploadState(desk.table).decide("t", photo, stem, Ask("a", (ImageRef("uploads", key),), ()), None)
    assert desk.cancel.thread("t").open == ["upload-1"]
    assert desk.is_cancelled("upload-1", "2027-01-01T00:00:00.000Z")
    assert desk.said[0] == "cancelled  upload-1 of t, which was about to be sent"
