"""The queues: hiding a message, deleting it, and sending a new one."""

from typing import TYPE_CHECKING

from darkroom.aws.errors import translate_aws_errors
from darkroom.domain import keys
from darkroom.domain.message import Message
from darkroom.domain.timing import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueue:
    """The queue of a function's messages."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def hide(self, message: Message, seconds: float) -> None:
        """Make the message come back after so many seconds, and not earlier."""
        with translate_aws_errors():
            self._client.change_message_visibility(
                QueueUrl=self._queue_url,
                ReceiptHandle=message.receipt_handle,
                VisibilityTimeout=min(MAX_VISIBILITY_SECONDS, max(0, round(seconds))),
            )

    def end(self, message: Message) -> None:
        """Delete the message."""
        with translate_aws_errors():
            self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message.receipt_handle)


class SqsSender:
    """Sends messages to a FIFO queue."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        """See `domain.ports.QueueSender`. SQS drops a repetition within five minutes, the ledger a later one.

        Another body under the same request's id is another message: it is refused, and its sender must get the error.
        """
        with translate_aws_errors():
            sent = self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                MessageGroupId=keys.message_group(thread_id),
                MessageDeduplicationId=keys.sha256(deduplication_id or f"{thread_id}\n{request_id}\n{body}"),
            )
        return sent["MessageId"]
