"""The upload events' queue, where uploads are announced again in S3's format."""

from typing import TYPE_CHECKING

import pytest

from darkroom.aws.upload_events import SqsUploadEvents
from darkroom.domain.upload import Upload
from darkroom.uploads import s3_notification
from darkroom.uploads.ports import UploadEvents
from tests.fakes.queue import MemoryUploadEvents

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

UPLOADS = [
    Upload("uploads", f"café 夜+{number}.jpg", "etag", "v1" if number else None, "0A", 5, 1_795_348_800.25)
    for number in range(10)
]


@pytest.fixture(params=["sqs", "memory"])
def events(request: pytest.FixtureRequest, sqs: "SQSClient") -> UploadEvents:
    url = sqs.create_queue(QueueName="uploads")["QueueUrl"]
    return MemoryUploadEvents() if request.param == "memory" else SqsUploadEvents(sqs, url)


def announced(events: UploadEvents, sqs: "SQSClient") -> list[Upload]:
    if isinstance(events, MemoryUploadEvents):
        return events.announced
    url = sqs.get_queue_url(QueueName="uploads")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [upload for message in found for upload in s3_notification.announced(message["Body"])]


def test_what_is_announced_again_is_heard_of_as_it_was(events: UploadEvents, sqs: "SQSClient") -> None:
    events.announce(UPLOADS)
    assert sorted(announced(events, sqs), key=lambda upload: upload.key) == UPLOADS
