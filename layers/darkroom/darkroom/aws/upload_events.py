"""Announces uploads again in the upload events' queue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from darkroom.aws.errors import translate_aws_errors
from darkroom.domain.upload import Upload
from darkroom.uploads import s3_notification

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsUploadEvents:
    """The upload events' queue of `uploads.ports`."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def announce(self, uploads: Sequence[Upload]) -> None:
        """See `uploads.ports.UploadEvents`. An upload that is announced twice starts nothing a second time."""
        with translate_aws_errors():
            # One by one: the emulator checks SendMessageBatch against a permission that IAM does not have.
            for upload in uploads:
                self._client.send_message(QueueUrl=self._queue_url, MessageBody=s3_notification.notification(upload))
