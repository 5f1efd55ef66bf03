"""The daily limit on the deployed stack: many workers race for the last calls of a day, and late requests wait."""

import random
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from darkroom.aws.dynamodb.daily_calls import COUNTERS
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.table import Table
from darkroom.domain.request import Request
from darkroom.errors import Unavailable
from darkroom.turns.ports import CallRecord, Claim
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Mood, Provider, provider
from tests.e2e.road import Doors, eventually
from tests.fakes.edge import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.slow

LIMIT = 7
REQUESTS = 30
WORKERS = 10
CALLS_EACH = 8
FREE_SHARE = 0.4
ASKED = CallRecord("text_to_image", "m", {}, None, ())
NOON = datetime(2031, 3, 1, 12, tzinfo=UTC)  # a day for the tests that pass a clock
AT = "2031-03-01T12:00:00.000Z"


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    with provider("sk-limited") as started:
        yield started


@pytest.fixture(scope="module")
def doors(bring_up: BringUp, api: Provider) -> Doors:
    return Doors(bring_up(image_api_url=api.url, image_api_key=api.key, parameters={"DailyCallLimit": str(LIMIT)}))


@pytest.fixture
def dynamodb(doors: Doors) -> "DynamoDBClient":
    """A client with a connection for each worker."""
    return boto3.client(
        "dynamodb",
        endpoint_url=doors.stack.env["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=WORKERS, proxies={}),
    )


def ledger(doors: Doors, dynamodb: "DynamoDBClient", clock: Clock) -> DynamoLedger:
    """A ledger as in another process."""
    return DynamoLedger(Table(dynamodb, doors.stack.env["THREADS_TABLE"]), daily_call_limit=LIMIT, clock=clock)


def counted(doors: Doors, day: str) -> int:
    found = doors.stack.aws.dynamodb.get_item(
        TableName=doors.stack.env["THREADS_TABLE"],
        Key={"thread_id": {"S": COUNTERS}, "sk": {"S": day}},
        ConsistentRead=True,
    )
    return int(found["Item"]["calls"]["N"])


def test_over_the_daily_limit_requests_wait(doors: Doors, api: Provider) -> None:
    api.mood = lambda _words: Mood(seconds=0.3)
    today = datetime.now(UTC).date().isoformat()
    with ThreadPoolExecutor(REQUESTS) as senders:
        list(senders.map(lambda n: doors.send(f"thread-{n}", {"instruction": "a cat"}), range(REQUESTS)))

    eventually(lambda: waiting(doors) == REQUESTS - LIMIT or None)
    assert len(api.calls()) == LIMIT
    assert counted(doors, today) == LIMIT
    results = [result for number in range(REQUESTS) for result in doors.results(f"thread-{number}")]
    assert [result["status"] for result in results] == ["succeeded"] * LIMIT


def waiting(doors: Doors) -> int:
    """The requests that are put off or in flight; 0 while some are still unread."""
    attributes = doors.stack.aws.sqs.get_queue_attributes(
        QueueUrl=doors.stack.env["REQUESTS_QUEUE_URL"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    has_unseen = attributes["ApproximateNumberOfMessages"] != "0"
    return 0 if has_unseen else int(attributes["ApproximateNumberOfMessagesNotVisible"])


def test_ten_workers_race_for_the_last_calls_of_a_day(doors: Doors, dynamodb: "DynamoDBClient") -> None:
    """Free calls are given back in between, for other workers to take."""
    clock, start = Clock(NOON.timestamp()), threading.Barrier(WORKERS)
    held: set[str] = set()
    most: list[int] = []
    lock = threading.Lock()

    def work(worker: int) -> None:
        dice, mine = random.Random(worker), ledger(doors, dynamodb, clock)  # noqa: S311 - a schedule
        start.wait()
        for _ in range(CALLS_EACH):
            claim = marked(mine)
            if claim is None:
                continue
            with lock:
                held.add(claim.thread_id)
                most.append(len(held))
            if dice.random() < FREE_SHARE:
                with lock:
                    held.discard(claim.thread_id)
                mine.settle_free(claim)

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(work, range(WORKERS)))
    assert max(most) <= LIMIT
    assert counted(doors, "2031-03-01") == len(held)

    late = ledger(doors, dynamodb, clock)
    assert sum(marked(late) is not None for _ in range(LIMIT + 1)) == LIMIT - len(held)
    assert counted(doors, "2031-03-01") == LIMIT


def marked(ledger: DynamoLedger) -> Claim | None:
    """A request with a call about to be sent; None if the day has none left."""
    claim = claimed(ledger, Request(f"race-{uuid.uuid4().hex}", "r", "a cat"))
    try:
        return ledger.mark(claim, ASKED)
    except Unavailable as trouble:
        assert trouble.cause == "budget"
        return None


def claimed(ledger: DynamoLedger, request: Request) -> Claim:
    claim = ledger.claim(request, AT)
    assert isinstance(claim, Claim)
    return claim


def test_what_waits_for_the_next_utc_day_goes_through_as_it_begins(doors: Doors, dynamodb: "DynamoDBClient") -> None:
    clock = Clock(NOON.replace(day=2).timestamp())
    mine = ledger(doors, dynamodb, clock)
    assert all(marked(mine) for _ in range(LIMIT))
    late = Request(f"late-{uuid.uuid4().hex}", "r", "a cat")
    receives = 0
    while True:
        claim = claimed(mine, late)
        try:
            claim = mine.mark(claim, ASKED)
        except Unavailable as trouble:
            mine.defer(claim, trouble)
            clock.advance(trouble.retry_after or 0)
            receives += 1
        else:
            break
    assert (claim.call_day, claim.calls) == ("2031-03-03", 1)
    assert 0 <= clock() - NOON.replace(day=3, hour=0).timestamp() < 2
    assert receives == 12
