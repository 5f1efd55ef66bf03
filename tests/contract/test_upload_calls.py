"""An upload's calls do not grow with the content of the buckets and the table. It lists at most `MAX_KEYS` keys of a
folder, once each time that the upload is looked at, and once for the formats of a photo that starts.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from darkroom.aws.dynamodb.lanes import DynamoLanes
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.aws.s3 import S3Objects
from darkroom.aws.sqs import SqsSender
from darkroom.domain.upload import Upload
from darkroom.errors import Unavailable
from darkroom.uploads.intake import Intake
from tests.fakes.edge import Clock
from tests.fakes.image_api import png
from tests.fakes.stack import intake

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

GRACE = 120
DOZENS, THOUSANDS = 60, 3000
LISTED = 3  # when it is announced, before it starts with a text's words, and after it has waited
# Each upload, with the objects and items of the uploads before it.
UPLOADS = [
    ("photos/a.jpg", png(), {"instruction": "at night"}),
    ("photos/a.txt", b"in snow", {}),
    ("photos/2026/b.jpg", png(), {}),
    ("photos/2026/b.txt", b"at night", {}),
    ("photos/2026/b.jpg", png("blue"), {}),
    ("threads/trip/a.jpg", png(), {}),
    ("threads/trip/b.jpg", png("blue"), {}),
    ("threads/trip/1.txt", b"a postcard", {}),
    ("dreams/dream.txt", b"a castle", {}),
    ("photos/notes.txt", b"a stray text", {}),
    ("photos/2026/d.jpg.txt", b"in snow", {}),
    ("photos/2026/d.jpg", png(), {}),
    ("photos/2026/e.txt", b"in snow", {}),
    ("photos/2026/e.jpg", png(), {}),
    ("photos/2026/e.png", png(), {}),
    ("photos/report.pdf", b"no picture", {}),
    ("photos/_instruction.txt", b"at night", {}),
    ("photos/c.jpg", png(), {}),
]


@contextmanager
def counted(*clients: Any) -> Iterator[Counter[str]]:
    """The calls of these clients by operation."""
    calls = Counter[str]()

    def count(event_name: str, **_: Any) -> None:
        calls[event_name.partition(".")[2]] += 1

    for client in clients:
        client.meta.events.register("before-call", count)
    yield calls
    for client in clients:
        client.meta.events.unregister("before-call", count)


def costs(s3: "S3Client", dynamodb: "DynamoDBClient", table: str) -> list[Counter[str]]:
    """The calls of each upload, including those that wait and come back."""
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="requests.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    clock, objects, remembered = Clock(), S3Objects(s3), Table(dynamodb, table)
    taking = intake(
        objects,
        DynamoUploadState(remembered),
        DynamoLanes(remembered, places=100, is_over=lambda *_: False, clock=clock),
        SqsSender(sqs, queue),
        SqsSender(sqs, queue),
        clock,
        grace=GRACE,
    )
    each = []
    for number, (key, data, metadata) in enumerate(UPLOADS):
        put = s3.put_object(Bucket="uploads", Key=key, Body=data, Metadata=metadata)
        etag, version = put["ETag"].strip('"'), put["VersionId"]
        upload = Upload("uploads", key, etag, version, f"{number:06X}", len(data), clock())
        with counted(s3, dynamodb, sqs) as calls:
            _taken(taking, upload)
            clock.advance(GRACE)
            _taken(taking, upload)
        each.append(calls)
    return each


def _taken(intake: Intake, upload: Upload) -> None:
    try:
        intake.take(upload)
    except Unavailable as trouble:
        assert trouble.retry_after, trouble


def fill(table: str, most: int) -> None:
    """Add so many of everything directly to moto's memory: its services would take minutes. Remove everything else."""
    for bucket in ("uploads", "results"):
        get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys.clear()
    get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[table].items.clear()
    stored = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
    items = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[table]
    photo = stored.put_object("uploads", "photos/0.jpg", b"photo")
    for number in range(most):
        for folder in ("photos", "photos/2026", "threads/trip", "threads/other"):
            stored.buckets["uploads"].keys.setlist(f"{folder}/{number}.jpg", [photo])
            stored.buckets["results"].keys.setlist(f"rejected/uploads/{folder}/{number}.jpg/0/result.json", [photo])
        items.put_item({"thread_id": {"S": f"/uploads/photos/{number}"}, "sk": {"S": "STEM#0"}})


@pytest.fixture
def _buckets_are_there(buckets: tuple[str, str, str]) -> None:
    pass


@pytest.mark.usefixtures("_buckets_are_there")
def test_an_upload_costs_as_many_calls_among_thousands_as_among_dozens(
    s3: "S3Client", dynamodb: "DynamoDBClient", threads_table: str
) -> None:
    alone = costs(s3, dynamodb, threads_table)
    fill(threads_table, DOZENS)
    few = costs(s3, dynamodb, threads_table)
    fill(threads_table, THOUSANDS)
    assert costs(s3, dynamodb, threads_table) == few
    operations = set[str]().union(*alone, *few)
    assert not [name for name in operations if "Scan" in name]
    assert [name for name in operations if "List" in name] == ["s3.ListObjectsV2"]
    assert max(calls["s3.ListObjectsV2"] for calls in (*alone, *few)) == LISTED
    assert operations >= {"s3.HeadObject", "s3.GetObject", "dynamodb.TransactWriteItems", "sqs.SendMessage"}
    assert max(calls.total() for calls in (*alone, *few)) <= 24
