"""A consumer's loop over every outcome: EventBridge announces each `result.json` to a queue of the consumer's own."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom_client.errors import Trouble
from darkroom_client.results import Result, of_document
from darkroom_client.stacks.aws_errors import READER, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

LOOK_SECONDS = 20  # SQS's longest
_logger = logging.getLogger(__name__)


class Consumer:
    """The outcomes of the results bucket, as the queue announces them."""

    def __init__(self, sqs: "SQSClient", s3: "S3Client", bucket: str, queue_url: str) -> None:
        self._sqs = sqs
        self._s3 = s3
        self._bucket = bucket
        self._queue_url = queue_url

    def outcomes(self, idle: float | None, clock: Callable[[], float] = time.monotonic) -> Iterator[Result]:
        """Each at least once. A message is deleted when the next outcome is asked for; it is there again at once
        where the loop is left before that. Ends after `idle` seconds without one, None never does.
        """
        heard_at = clock()
        while idle is None or clock() - heard_at < idle:
            for message in self._received(idle):
                if result := self._announced(message):
                    yield from self._handed_over(result, message)
                    heard_at = clock()

    def _handed_over(self, result: Result, message: Any) -> Iterator[Result]:
        try:
            yield result
        except GeneratorExit:
            with suppress(Trouble):  # then it is there again when its time is over
                self._release(message)
            raise
        self._delete(message)

    def _received(self, idle: float | None) -> Any:
        """One at a time: a message that waited here for the one before it would lose its time."""
        seconds = LOOK_SECONDS if idle is None else max(1, min(LOOK_SECONDS, round(idle)))
        with translated(""):
            received = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=1, WaitTimeSeconds=seconds
            )
        return received.get("Messages", [])

    def _announced(self, message: Any) -> Result | None:
        """The outcome that a message announces. The queue's own dead letters take a message that announces none."""
        key = _key(message["Body"], self._bucket)
        if key is None:
            _logger.warning("message %s announces no outcome of %s", message["MessageId"], self._bucket)
            return None
        with translated(READER):
            try:
                found = self._s3.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                    raise
                self._delete(message)  # it was erased since
                return None
            return of_document(json.load(found["Body"]), self._s3)

    def _delete(self, message: Any) -> None:
        with translated(""):
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])

    def _release(self, message: Any) -> None:
        with translated(""):
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )


def _key(body: str, bucket: str) -> str | None:
    """The key of the `result.json` that an event of S3 names; it is there as it is, not form-encoded."""
    try:
        detail = json.loads(body)["detail"]
        key, of_bucket = detail["object"]["key"], detail["bucket"]["name"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(key) if of_bucket == bucket and str(key).endswith("/result.json") else None
