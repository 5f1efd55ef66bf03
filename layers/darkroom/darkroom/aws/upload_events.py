"""The upload events' queue as what it is to `on_upload` beside its messages: uploads can be announced again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from darkroom.aws.errors import translate_aws_errors
from darkroom.domain.upload import Upload
from darkroom.errors import Unavailable
from darkroom.uploads import s3_notification

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef


class SqsUploadEvents:
    """The upload events' queue of `uploads.ports`."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def announce(self, uploads: Sequence[Upload]) -> None:
        """See `uploads.ports.UploadEvents`. One that was sent twice starts nothing a second time."""
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": s3_notification.notification(upload)}
            for number, upload in enumerate(uploads)
        ]
        with translate_aws_errors():
            done = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        if failed := done.get("Failed"):
            raise Unavailable("aws", f"{len(failed)} of {len(entries)} uploads were not announced again")
