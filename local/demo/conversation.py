"""A thread from its user's side: uploads and messages go in, outcomes come out."""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.stack import aws

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

GROUP_ID = re.compile(r"[!-~]{1,128}")
POLL_SECONDS = 0.5

Outcome = dict[str, Any]
Tell = Callable[[float], None]
"""Called again and again during the wait for an outcome, with the seconds so far."""


class NoOutcomeError(Exception):
    """The request did not end within the time limit."""


@dataclass
class Conversation:
    """One thread and its places in AWS. `thread_id` is the photo's key without its extension."""

    s3: "S3Client"
    sqs: "SQSClient"
    uploads: str
    results: str
    queue_url: str
    thread_id: str
    limit_seconds: float = 180.0

    @classmethod
    def connect(cls, env: Mapping[str, str], thread_id: str) -> "Conversation":
        """Connect with the variables that `make up` wrote to `.local/env`."""
        known = aws.clients(env["AWS_ENDPOINT_URL"])
        places = (env["UPLOADS_BUCKET"], env["RESULTS_BUCKET"], env["REQUESTS_QUEUE_URL"])
        return cls(known.s3, known.sqs, *places, thread_id)

    def upload(self, extension: str, content: bytes, **metadata: str) -> str:
        """Upload `<thread id><extension>`. Return the place of its outcome in case it is rejected."""
        key = f"{self.thread_id}{extension}"
        self.s3.put_object(Bucket=self.uploads, Key=key, Body=content, Metadata=metadata)
        return f"rejected/uploads/{key}/"

    def ask(self, **request: object) -> str:
        """Send a message to the thread. Return the place of its outcome in case it is rejected."""
        sent = self.sqs.send_message(
            QueueUrl=self.queue_url,
            MessageBody=json.dumps({"thread_id": self.thread_id, **request}, ensure_ascii=False),
            MessageGroupId=message_group(self.thread_id),
            MessageDeduplicationId=uuid.uuid4().hex,
        )
        return f"rejected/messages/{sent['MessageId']}/"

    def outcome(self, turn: int, rejected: str, tell: Tell) -> Outcome:
        """Wait for the turn's `result.json`. Raises `NoOutcomeError` after `limit_seconds`."""
        started = time.monotonic()
        while (waited := time.monotonic() - started) < self.limit_seconds:
            found = self._result(f"threads/{self.thread_id}/{turn:05d}-") or self._result(rejected)
            if found:
                return found
            tell(waited)
            time.sleep(POLL_SECONDS)
        raise NoOutcomeError(f"turn {turn} has no outcome after {self.limit_seconds:.0f} seconds")

    def _result(self, prefix: str) -> Outcome | None:
        listed = self.s3.list_objects_v2(Bucket=self.results, Prefix=prefix).get("Contents", [])
        keys = [entry["Key"] for entry in listed if entry["Key"].endswith("/result.json")]
        return json.loads(self._read(self.results, keys[-1])) if keys else None

    def pictures(self, outcome: Outcome) -> list[tuple[str, bytes]]:
        """The primary picture's extension and bytes; empty if there is no picture."""
        primary = [(image["bucket"], image["key"]) for image in outcome["images"] if image["primary"]]
        return [(f".{key.rpartition('.')[2]}", self._read(bucket, key)) for bucket, key in primary]

    def _read(self, bucket: str, key: str) -> bytes:
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def message_group(thread_id: str) -> str:
    """The thread id itself, or its hash if SQS does not allow its characters or its length."""
    return thread_id if GROUP_ID.fullmatch(thread_id) else hashlib.sha256(thread_id.encode()).hexdigest()
