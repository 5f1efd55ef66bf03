"""The stage of the scenario: the functions' own handlers on moto, an image API that follows a script, and everything
that the functions store and send.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from functions.on_picture import app as on_picture
from functions.on_request import app as on_request
from functions.on_upload import app as on_upload
from tests.contract.interface.events import Event, announcing, asking, delivering
from tests.contract.interface.responses import PICTURE
from tests.contract.interface.shapes import Item
from tests.invocation import CONTEXT
from tests.unit.servers import Exchange, http

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

Document = dict[str, Any]
HURRIED: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 1000)
GONE = "https://sqs.us-east-1.amazonaws.com/123456789012/gone.fifo"


@dataclass
class Stage:
    """Runs the scenes. `items`, `messages`, `orders` and `replies` hold what was stored, sent and returned so far.

    The image API and Lambda give the next response of their scripts, or a good one if the script is empty.
    """

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    sqs: "SQSClient"
    api_script: list[bytes] = field(default_factory=list)
    lambda_script: list[bytes] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    messages: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    orders: list[Document] = field(default_factory=list)
    replies: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    uploads: int = 0

    # The world around the functions.

    def image_api(self, exchange: Exchange) -> None:
        """Answer a call. First look at the table, while the call is open."""
        exchange.read()
        self.look()
        exchange.send(self.api_script.pop(0) if self.api_script else PICTURE)

    def picture_function(self, exchange: Exchange) -> None:
        """Answer as Lambda does, with `on_picture` behind it."""
        exchange.read()
        order = json.loads(exchange.body)
        self.orders.append(order)
        said = self.lambda_script.pop(0) if self.lambda_script else http(200, json.dumps(self.order(order)).encode())
        exchange.send(said)

    @contextmanager
    def where(self, **environment: str) -> Iterator[None]:
        """Set variables for a while. `on_request` reads its own once, until `forget_what_was_built`."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            yield

    def put(self, key: str, data: bytes, **metadata: str) -> Document:
        """Put an object into the uploads bucket."""
        named = {name.replace("_", "-"): value for name, value in metadata.items()}
        return dict(self.s3.put_object(Bucket="uploads", Key=key, Body=data, Metadata=named))

    def change(self, thread: str, sk: str, **numbers: int) -> None:
        """Change an item in the way that time would, without waiting."""
        self.dynamodb.update_item(
            TableName="threads",
            Key={"thread_id": {"S": thread}, "sk": {"S": sk}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in numbers),
            ExpressionAttributeValues={f":{name}": {"N": str(number)} for name, number in numbers.items()},
        )

    # The functions, invoked.

    def ask(self, group: str, message_id: str, body: Mapping[str, Any] | str, *, context: Any = CONTEXT) -> None:
        """Send a message with this id to `on_request`."""
        self.request(asking(group, message_id, body), context)

    def upload(self, key: str, data: bytes, *, age: float = 0, versioned: bool = False, **metadata: str) -> None:
        """Upload an object and announce it to `on_upload`, with or without its version id."""
        put = self.put(key, data, **metadata)
        version = {"versionId": put["VersionId"]} if versioned else {}
        self.announce(key, put["ETag"].strip('"'), len(data), age=age, **version)

    def announce(self, key: str, etag: str, size: int, *, age: float = 0, **more: str) -> None:
        """Announce an object to `on_upload`."""
        self.uploads += 1
        described = {"key": key, "eTag": etag, "size": size, "sequencer": f"{self.uploads:018X}", **more}
        self.arrival(announcing(described, age))

    def deliver(self) -> None:
        """Give `on_request` each message in its queue."""
        for given in self.take("requests.fifo"):
            self.request(given)

    def request(self, given: Event, context: Any = CONTEXT) -> None:
        self.replies["on_request"].append(on_request.handler(given, context))
        self.look()

    def arrival(self, given: Event) -> None:
        self.replies["on_upload"].append(on_upload.handler(given, CONTEXT))
        self.look()

    def order(self, order: Document) -> Document:
        self.replies["on_picture"].append(on_picture.handler(order, CONTEXT))
        return self.replies["on_picture"][-1]

    # Stored and sent things.

    def take(self, queue: str) -> list[Event]:
        """Take all messages out of a queue. Return an event for each."""
        url, events = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"], []
        while found := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in found:
                self.messages[queue].append(dict(message))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                events.append(delivering(queue, dict(message)))
        return events

    def look(self) -> None:
        """Record the items in the table. This reads moto's memory, because its scans take seconds."""
        for item in _table().all_items():
            attributes = item.to_json()["Attributes"]
            self.items[json.dumps(attributes)] = attributes

    def clear(self) -> None:
        """Empty the table: moto copies all of it for each transaction."""
        _table().items.clear()


def _table() -> Any:
    return get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"].tables["threads"]
