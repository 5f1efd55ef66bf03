"""DynamoDB, SQS and Secrets Manager: the calls with small bodies."""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.servers.front import IDLE_SECONDS, Front, Request, Response
from benchmarks.servers.table import Table
from benchmarks.servers.units import Meter, Units

REGION = "us-east-1"
TEMPLATE = Path(__file__).parents[2] / "template.yaml"
JSON = {"Content-Type": "application/x-amz-json-1.0"}
SERVICES = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager", "floor": "floor"}
KEY = "sk-" + "benchmark" * 5  # as long as real keys, because answers are searched for it


class SmallCalls(Front):
    """The three services. The target header of a request selects one."""

    def __init__(self, certificate: Path | None, idle_seconds: float = IDLE_SECONDS) -> None:
        self.new_table([])
        super().__init__(certificate, idle_seconds)

    def new_table(self, items: list[dict[str, Any]]) -> None:
        """Start a new table with these items in DynamoDB's JSON. The former one is dropped."""
        table = Table()
        self._meter = Meter(lambda _, key: table.item(key), table.page)
        self._table = table
        for item in items:
            table.answer("PutItem", {"Item": item})

    def answer(self, request: Request) -> tuple[str, Response]:
        """See `Front`."""
        target, _, action = request.headers["X-Amz-Target"].partition(".")
        service, body = SERVICES[target], request.body.read()
        if service == "dynamodb":
            response = self._dynamodb(action, json.loads(body))
        elif service == "floor":
            response = Response(200, b"{%s}" % (b" " * max(0, int(action) - 2)), JSON)
        else:
            response = Response(200, json.dumps(CANNED[action](json.loads(body))).encode(), JSON)
        return f"{service}:{action}", response

    def _dynamodb(self, action: str, asked: Mapping[str, Any]) -> Response:
        read = self._meter.read(action, asked)
        status, document = self._table.answer(action, asked)
        written = self._meter.written(action, asked) if status == 200 else 0.0
        told = json.dumps(document).encode()
        return Response(status, told, {**JSON, "X-Amz-Crc32": str(zlib.crc32(told))}, Units(read, written))


def _sent(asked: Mapping[str, Any]) -> dict[str, Any]:
    digest = hashlib.md5(asked["MessageBody"].encode(), usedforsecurity=False).hexdigest()
    return {"MessageId": "00000000-0000-0000-0000-000000000000", "MD5OfMessageBody": digest, "SequenceNumber": "1"}


CANNED: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "DeleteMessage": lambda _: {},
    "ChangeMessageVisibility": lambda _: {},
    "DeleteMessageBatch": lambda asked: {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]]},
    "ChangeMessageVisibilityBatch": lambda asked: {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]]},
    "SendMessage": _sent,
    "GetSecretValue": lambda asked: {
        "ARN": asked["SecretId"], "Name": "key", "VersionId": "0" * 32, "SecretString": KEY, "CreatedDate": 1.7e9,
    },
}  # fmt: skip
