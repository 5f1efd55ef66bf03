"""The queues: letting a message wait, ending it, and keeping a copy of what could not be done."""

from typing import TYPE_CHECKING

from darkroom import naming
from darkroom.aws import translated
from darkroom.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MOST_SECONDS = 43_200  # SQS's own bound of a visibility timeout


class Inbox:
    """The queue whose messages a function works on."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def hide(self, message: Message, seconds: float) -> None:
        """The message comes back after so many seconds from now, and not before."""
        with translated():
            self._client.change_message_visibility(
                QueueUrl=self._queue_url,
                ReceiptHandle=message.receipt_handle,
                VisibilityTimeout=min(MOST_SECONDS, max(0, round(seconds))),
            )

    def end(self, message: Message) -> None:
        """Deletes the message."""
        with translated():
            self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message.receipt_handle)


class Outbox:
    """A FIFO queue that messages are put into."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        """See `ports.Outbox`. SQS drops what is sent again within five minutes, the ledger what comes later.

        Another body under the same request's id is another message: it is refused, and its sender has to hear of it.
        """
        with translated():
            sent = self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                MessageGroupId=naming.message_group(thread_id),
                MessageDeduplicationId=naming.sha256(deduplication_id or f"{thread_id}\n{request_id}\n{body}"),
            )
        return sent["MessageId"]
