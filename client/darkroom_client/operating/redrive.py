"""Sends dead letters back to their queues.

A request that has its outcome is over, and its copy is removed. Any other is sent to its queue again, under the
thread and the id that it had: so the ledger knows it, and nothing that was paid is paid again. (SQS's own redrive
gives a message a new id, and so makes a new request of it.) Each is sent before it is deleted. An interruption
in between sends it twice, and the second is answered by the outcome of the first.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from darkroom.aws.dynamodb.cancellations import Cancellations
from darkroom.aws.dynamodb.request_status import DynamoRequestStatus
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.s3 import S3Objects
from darkroom.batches import batch_file
from darkroom.domain import keys, outcome, request
from darkroom.domain.outcome import DEFAULT_DIALECT, Outcome
from darkroom.domain.ports import Done, Forgotten
from darkroom.domain.request_schema import ImageRef, RequestRules
from darkroom.errors import Rejected
from darkroom.providers.dialect_table import DIALECTS
from darkroom.turns.publisher import turn_key
from darkroom_client.stacks.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

VISIBLE: "QueueAttributeNameType" = "ApproximateNumberOfMessages"
IN_HAND: "QueueAttributeNameType" = "ApproximateNumberOfMessagesNotVisible"
MAX_AT_ONCE = 10
WAIT_SECONDS = 2  # so that SQS asks all of its servers


class Redrive:
    """Empties a stack's three dead-letter queues. `say` hears a line for each message."""

    def __init__(self, stack: Stack, say: Callable[[str], None]) -> None:
        self._sqs = stack.sqs
        self._requests = stack.outputs["RequestsQueueUrl"]
        self._dead_requests = stack.outputs["RequestsDeadLetterQueueUrl"]
        self._uploads = stack.resources["UploadEventsQueue"]
        self._dead_uploads = stack.outputs["UploadEventsDeadLetterQueueUrl"]
        self._batches = stack.resources["BatchesQueue"]
        self._dead_batches = stack.outputs["BatchesDeadLetterQueueUrl"]
        self._results = stack.outputs["ResultsBucket"]
        self._rules = RequestRules((stack.outputs["UploadsBucket"], self._results), DIALECTS[DEFAULT_DIALECT].options)
        table = Table(stack.dynamodb, stack.outputs["ThreadsTable"])
        self._known = DynamoRequestStatus(table)
        self._marks = Cancellations(table)
        self._objects = S3Objects(stack.s3)
        self._say = say

    def work(self) -> Counter[str]:
        """Brings back what lies there now, in its order. How many messages were `sent`, and how many are `over`."""
        done: Counter[str] = Counter()
        for letter in self._letters(self._dead_requests):
            done[self._request(letter)] += 1
            self._remove(self._dead_requests, letter)
        for letter in self._letters(self._dead_uploads):
            done[self._upload_event(letter)] += 1
            self._remove(self._dead_uploads, letter)
        for letter in self._letters(self._dead_batches):
            done[self._batch(letter)] += 1
            self._remove(self._dead_batches, letter)
        return done

    def left(self) -> int:
        """About how many dead letters there are, with those that a reader holds for half a minute."""
        queues = (self._dead_requests, self._dead_uploads, self._dead_batches)
        return sum(self._count(queue, VISIBLE, IN_HAND) for queue in queues)

    def _request(self, letter: "MessageTypeDef") -> str:
        message_id, group = letter["MessageId"], letter["Attributes"]["MessageGroupId"]
        try:
            asked = request.parse(letter["Body"], group=group, message_id=message_id, rules=self._rules)
        except Rejected:
            sent = self._send(self._requests, letter, letter["Body"])
            where = keys.rejected_message_key(sent)
            self._say(f"sent again  message {message_id}: it is no request, and will be told at {self._uri(where)}")
            return "sent"
        status = self._known.status(asked.thread_id, asked.request_id, asked.fingerprint)
        if isinstance(status, Done) and self._is_announced(ended := status.outcome):
            code = ended.error.code if ended.error else ended.status
            self._say(f"is over     {asked.request_id} of {asked.thread_id}: {code}, {self._uri(turn_key(ended))}")
            return "over"
        if isinstance(status, Forgotten):
            self._say(f"is over     {asked.request_id} of {asked.thread_id}: forgotten")
            return "over"
        asked_at = outcome.timestamp(int(letter["Attributes"]["SentTimestamp"]) / 1000)
        is_cancelled = self._marks.has(asked.thread_id, asked.request_id, asked_at)
        if is_cancelled:  # by a moment: it is asked later from now on, and so is marked by its id
            self._marks.cancel(asked.thread_id, [asked.request_id])
        self._send(self._requests, letter, asked.body)
        self._say(f"sent again  {asked.request_id} of {asked.thread_id}{', to end as cancelled' * is_cancelled}")
        return "sent"

    def _upload_event(self, letter: "MessageTypeDef") -> str:
        """An upload starts by the memory of it, and not by how often it is announced."""
        self._sqs.send_message(QueueUrl=self._uploads, MessageBody=letter["Body"])
        self._say(f"sent again  upload event {letter['MessageId']}")
        return "sent"

    def _batch(self, letter: "MessageTypeDef") -> str:
        """A batch goes on where it stood: the table remembers its progress and the requests of its lines."""
        self._send(self._batches, letter, letter["Body"])
        self._say(f"sent again  batch {batch_file.from_body(letter['Body']).key}")
        return "sent"

    def _send(self, queue: str, letter: "MessageTypeDef", body: str) -> str:
        """Sends to a FIFO queue. SQS drops the second of one dead letter, but not a sender's own repetition."""
        sent = self._sqs.send_message(
            QueueUrl=queue,
            MessageBody=body,
            MessageGroupId=letter["Attributes"]["MessageGroupId"],
            MessageDeduplicationId=f"redrive-{letter['MessageId']}",
        )
        return sent["MessageId"]

    def _is_announced(self, ended: Outcome) -> bool:
        """A deployment may have died between committing a turn and announcing it; then the request is not over."""
        return self._objects.metadata(ImageRef(self._results, turn_key(ended))) is not None

    def _letters(self, queue: str) -> Iterator["MessageTypeDef"]:
        """As many as there are now: what fails again at once and comes back is for the next time."""
        left = self._count(queue, VISIBLE)
        while left > 0:
            received = self._sqs.receive_message(
                QueueUrl=queue,
                MaxNumberOfMessages=min(MAX_AT_ONCE, left),
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["MessageGroupId", "SentTimestamp"],
            ).get("Messages", [])
            yield from received
            left = left - len(received) if received else 0

    def _remove(self, queue: str, letter: "MessageTypeDef") -> None:
        self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])

    def _count(self, queue: str, *kinds: "QueueAttributeNameType") -> int:
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=kinds)
        return sum(int(number) for number in found["Attributes"].values())

    def _uri(self, key: str) -> str:
        return f"s3://{self._results}/{key}"
