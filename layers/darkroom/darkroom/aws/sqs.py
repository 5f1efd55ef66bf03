"""The queues: letting a message wait, ending it, and keeping a copy of what could not be done."""

from typing import TYPE_CHECKING

from darkroom.aws.errors import translate_aws_errors
from darkroom.domain import keys
from darkroom.domain.message import Message
from darkroom.domain.timing import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueue:
    """The queue whose messages a function works on."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def hide(self, message: Message, seconds: float) -> None:
        """The message comes back after so many seconds from now, and not before."""
        with translate_aws_errors():
            self._client.change_message_visibility(
                QueueUrl=self._queue_url,
                ReceiptHandle=message.receipt_handle,
                VisibilityTimeout=min(MAX_VISIBILITY_SECONDS, max(0, round(seconds))),
            )

    def end(self, message: Message) -> None:
        """Deletes the message."""
        with translate_aws_errors():
            self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message.receipt_handle)


class SqsSender:
    """A FIFO queue that messages are put into."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        """See `domain.ports.QueueSender`. SQS drops a repetition within five minutes, the ledger one that comes later.

        Another body under the same request's id is another message: it is refused, and its sender has to hear of it.
        """
        with translate_aws_errors():
            sent = self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                MessageGroupId=keys.message_group(thread_id),
                MessageDeduplicationId=keys.sha256(deduplication_id or f"{thread_id}\n{request_id}\n{body}"),
            )
        return sent["MessageId"]
