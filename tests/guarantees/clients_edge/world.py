"""The state that outlives a process (the cloud, and the image API with its books), and the start of a process."""

import base64
import functools
import json
import os
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import quote_plus

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.responses import DynamoHandler
from requests.adapters import HTTPAdapter

from darkroom.aws import clients
from functions.on_request import app as on_request
from functions.on_upload import app as on_upload
from tests.fakes.edge import Died
from tests.guarantees.clients_edge.cloud import REGION, TEMPLATE, Cloud, Snapshot
from tests.guarantees.clients_edge.edge import Edge, hooked
from tests.guarantees.clients_edge.provider import KEY, Provider, noise
from tests.invocation import CONTEXT, forget_what_was_built

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

HANDLERS = {"OnUploadFunction": on_upload.handler, "OnRequestFunction": on_request.handler}
UPLOADS, REQUESTS = "UploadEventsQueue", "RequestsQueue"
PHOTO = noise(100, seed=-1)  # sent as base64 in three pieces
UNDERSTOOD = noise(64, seed=-2)
GRACE_SECONDS = str(TEMPLATE["Parameters"]["PairingGraceSeconds"]["Default"])
THREAD_SECONDS = 5  # in which a thread of execution must notice its end


@dataclass(frozen=True, slots=True)
class Upload:
    """An object to put, announced `age` seconds ago, so that its grace may be over."""

    key: str
    data: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)
    age: float = 3600


class World:
    """The cloud, the provider, and the functions. `edge` belongs to the functions' clients in the current run."""

    def __init__(self, cloud: Cloud, provider: Provider) -> None:
        self.cloud = cloud
        self.provider = provider
        self.edge = Edge()
        self._s3: S3Client = boto3.client("s3")
        self._sqs: SQSClient = boto3.client("sqs")
        self.later: list[Upload] = []  # put as soon as time passes
        self._handles: dict[str, str] = {}
        self._s3.put_object(Bucket="uploads", Key="pictures/photo.png", Body=PHOTO)
        self.empty = cloud.snapshot()

    def ask(self, thread: str, body: Mapping[str, Any]) -> str:
        """Send a message to the requests queue, and return its id."""
        return self._sqs.send_message(
            QueueUrl=self.cloud.queues[REQUESTS],
            MessageBody=json.dumps(body),
            MessageGroupId=thread,
            MessageDeduplicationId=uuid.uuid4().hex,
        )["MessageId"]

    def upload(self, upload: Upload) -> str:
        """Put an object, announce it as S3 does, and return the message's id."""
        stored = self._s3.put_object(Bucket="uploads", Key=upload.key, Body=upload.data, Metadata=upload.metadata)
        announced = {
            "key": quote_plus(upload.key), "size": len(upload.data), "eTag": stored["ETag"].strip('"'),
            "versionId": stored["VersionId"], "sequencer": "0065A1B2C3D4E5F601",
        }  # fmt: skip
        at = datetime.now(UTC) - timedelta(seconds=upload.age)
        record = {
            "eventName": "ObjectCreated:Put",
            "eventTime": at.isoformat(timespec="milliseconds"),
            "s3": {"bucket": {"name": "uploads"}, "object": announced},
        }
        body = json.dumps({"Records": [record]})
        return self._sqs.send_message(QueueUrl=self.cloud.queues[UPLOADS], MessageBody=body)["MessageId"]

    def understand(self) -> None:
        """Change the spooled answers as if a later release found a picture in each."""
        said = {"data": [{"b64_json": base64.b64encode(UNDERSTOOD).decode()}]}
        for key in self.cloud.writes("spool"):
            head = self._s3.head_object(Bucket="spool", Key=key)["Metadata"]
            self._s3.put_object(Bucket="spool", Key=key, Body=json.dumps(said).encode(), Metadata=head)

    def deliver(self) -> None:
        """Give the next message to a new process of its function. Delete the message if the function says so."""
        queue, function = next(iter(self.cloud.waiting().items()))
        record = self._received(queue)
        forget_what_was_built()
        self.edge.is_dead = False
        before = set(threading.enumerate())
        with suppress(Died):
            left = HANDLERS[function]({"Records": [record]}, CONTEXT)["batchItemFailures"]
            if not left and not self.edge.is_dead:
                self._delete(queue)
        self.edge.is_dead = True
        for thread in set(threading.enumerate()) - before:
            thread.join(THREAD_SECONDS)
            assert not thread.is_alive(), f"{thread.name} goes on after its process"

    def _received(self, queue: str) -> dict[str, Any]:
        url = self.cloud.queues[queue]
        (message,) = self._sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
        self._handles[queue] = message["ReceiptHandle"]
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{url.split('/')[-2]}:{url.split('/')[-1]}",
        }

    def _delete(self, queue: str) -> None:
        with suppress(ClientError):  # the function may have deleted it already
            self._sqs.delete_message(QueueUrl=self.cloud.queues[queue], ReceiptHandle=self._handles[queue])

    def time_passes(self) -> None:
        """Let ten minutes pass: messages come back, leases end, a breaker lets a call through.

        The test cannot set the handlers' clock, so it moves the moments that they wrote back instead.
        """
        for queue, handle in self._handles.items():
            with suppress(ClientError):  # the message is deleted
                url = self.cloud.queues[queue]
                self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        self.cloud.grow_older(600)
        os.environ["PAIRING_GRACE_SECONDS"] = "0"
        while self.later:
            self.upload(self.later.pop(0))

    def restore(self, snapshot: Snapshot) -> None:
        """Restore everything, with nothing on its way."""
        self.cloud.restore(snapshot)
        self.later = []
        os.environ["PAIRING_GRACE_SECONDS"] = GRACE_SECONDS


@contextmanager
def world() -> Iterator[World]:
    """A new world, with the functions' environment and the hooks of the edge."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
    send = HTTPAdapter.send
    with (
        patch.dict(os.environ, own | keys, clear=True),
        patch.object(DynamoHandler, "transact_write_items", _once_a_token(DynamoHandler.transact_write_items)),
        patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None)),  # between botocore's own tries
        mock_aws(),
        patch.object(HTTPAdapter, "send", send),  # moto's own would read a body before there is a connection
        Provider() as provider,
    ):
        made = World(Cloud(), provider)
        os.environ.update(made.cloud.environment(provider.url, KEY))
        session = boto3.Session()
        # Clients take long to build and keep no state. Everything else of a process dies with it.
        session.client = functools.cache(session.client)  # type: ignore[method-assign]
        with (
            patch.object(clients, "session", lambda: session),
            hooked(session, provider.server_port, lambda: made.edge),
        ):
            yield made
        forget_what_was_built()


def _once_a_token(transact: Any) -> Any:
    """Run each transaction token once, as DynamoDB does. moto would run it again."""
    done: dict[str, Any] = {}

    def transact_once(handler: DynamoHandler) -> Any:
        token = handler.body["ClientRequestToken"]
        if token not in done:
            done[token] = transact(handler)
        return done[token]

    return transact_once
