"""DynamoDB (moto's, for the handler needs real conditions), SQS and Secrets Manager: the calls with small bodies."""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.backends import get_backend
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID

from benchmarks.servers.front import Front, Request, Response
from benchmarks.servers.units import Asked, Item, Meter, Units
from local.stack.parameters import read_template

REGION = "us-east-1"
ADDRESS = f"https://dynamodb.{REGION}.amazonaws.com/"
TEMPLATE = Path(__file__).parents[2] / "template.yaml"
JSON = {"Content-Type": "application/x-amz-json-1.0"}
SERVICES = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager", "floor": "floor"}
KEY = "sk-benchmark"


class SmallCalls(Front):
    """The three services, told apart by the target that each request names."""

    def __init__(self, certificate: Path | None) -> None:
        mock_aws().start()
        self._lock = threading.Lock()  # moto loses updates without
        self._stub = BotocoreStubber()
        self._meter = Meter(_item, self._query)
        super().__init__(certificate)

    def new_table(self, name: str, items: list[dict[str, Any]]) -> None:
        """A table with the template's keys, that holds these items in DynamoDB's JSON; the others go."""
        client = boto3.client("dynamodb", region_name=REGION)
        for old in client.list_tables()["TableNames"]:
            client.delete_table(TableName=old)
        declared = read_template(TEMPLATE)["Resources"]["ThreadsTable"]["Properties"]
        keys: Any = {part: declared[part] for part in ("KeySchema", "AttributeDefinitions", "BillingMode")}
        client.create_table(TableName=name, **keys)
        for item in items:
            client.put_item(TableName=name, Item=item)

    def answer(self, request: Request) -> tuple[str, Response]:
        """See `Front`."""
        target, _, action = request.headers["X-Amz-Target"].partition(".")
        service, body = SERVICES[target], request.body.read()
        if service == "dynamodb":
            with self._lock:
                response = self._dynamodb(action, body)
        elif service == "floor":
            response = Response(200, b" " * int(action), JSON)
        else:
            response = _canned(action, json.loads(body))
        return f"{service}:{action}", response

    def _dynamodb(self, action: str, body: bytes) -> Response:
        asked = json.loads(body)
        read = self._meter.read(action, asked)
        status, headers, told = self._ask(action, body)
        written = self._meter.written(action, asked) if status == 200 else 0.0
        return Response(status, told, {**JSON, **_kept(headers)}, Units(read, written))

    def _query(self, asked: Asked) -> list[Item]:
        return list(json.loads(self._ask("Query", json.dumps(asked).encode())[2]).get("Items", []))

    def _ask(self, action: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        headers = HTTPHeaders()
        headers["X-Amz-Target"] = f"DynamoDB_20120810.{action}"
        headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential=bench/20260101/{REGION}/dynamodb/aws4_request"
        found = self._stub.process_request(AWSPreparedRequest("POST", ADDRESS, headers, body, stream_output=False))
        assert found is not None  # noqa: S101 - moto answers its own address
        status, told, text = found
        return status, told, text.encode() if isinstance(text, str) else text


def _item(table: str, key: Item) -> Item:
    """From behind, for the meter: asking moto as a client does would take as long as what is metered."""
    found = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION].get_item(table, dict(key))
    return dict(found.to_json()["Attributes"]) if found else {}


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: str(value) for name, value in headers.items() if name.lower().startswith("x-amzn-")}


def _canned(action: str, asked: Mapping[str, Any]) -> Response:
    told = CANNED[action](asked)
    return Response(200, json.dumps(told).encode(), JSON)


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
