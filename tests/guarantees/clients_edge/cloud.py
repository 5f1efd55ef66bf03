"""moto's AWS with the template's resources. Tests read and restore it directly, which makes no calls.

Reading moto's state through its services would take most of a sweep's time.
"""

import copy
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from local.stack.parameters import read_template

TEMPLATE = read_template(Path(__file__).parents[3] / "template.yaml")
REGION = "us-east-1"
BUCKETS = ("uploads", "results", "spool")
FIRST_MOMENT = 10**9  # no other number in the table is as large
BUCKET_NAME = "${AWS::StackName}-%s-${AWS::AccountId}-${AWS::Region}"  # in the template

_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The table's items, and each bucket's keys with the versions of each."""

    items: Any
    keys: Mapping[str, Mapping[str, tuple[Any, ...]]]


class Cloud:
    """The table `threads`; the buckets `uploads`, `results`, `spool`; the queues' urls by the template's names."""

    def __init__(self) -> None:
        table = TEMPLATE["Resources"]["ThreadsTable"]["Properties"]
        boto3.client("dynamodb").create_table(
            TableName="threads",
            **{
                name: table[name]
                for name in ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
            },
        )
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        for name in BUCKETS:
            s3.create_bucket(Bucket=name)
            # Each successful write leaves a version, so that a second write shows, whatever it wrote.
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.queues = {name: sqs.create_queue(**_queue_of(name))["QueueUrl"] for name in _named("AWS::SQS::Queue")}

    def environment(self, api_url: str, api_key: str) -> dict[str, str]:
        """The functions' environment from the template, with default parameters and this address of the API."""
        secret = boto3.client("secretsmanager").create_secret(Name="key", SecretString=api_key)["ARN"]
        known = {name: str(parameter["Default"]) for name, parameter in TEMPLATE["Parameters"].items()} | {
            "ImageApiUrl": api_url,
            "ImageApiKeySecret.Id": secret,
            "ThreadsTable": "threads",
            **self.queues,
            **{BUCKET_NAME % name: name for name in BUCKETS},
        }
        variables: dict[str, str] = {}
        for told in (TEMPLATE["Globals"]["Function"], *_named("AWS::Serverless::Function").values()):
            variables |= told["Environment"]["Variables"]
        # A logger keeps the output of its first use, so each environment has a new name.
        variables["POWERTOOLS_SERVICE_NAME"] = uuid.uuid4().hex
        return {name: known.get(value, str(value)) for name, value in variables.items()}

    def snapshot(self) -> Snapshot:
        """The present content of the table and the buckets."""
        keys = {name: {key: tuple(_keys(name).getlist(key)) for key in _keys(name)} for name in BUCKETS}
        return Snapshot(copy.deepcopy(_table().items), keys)

    def restore(self, snapshot: Snapshot) -> None:
        """Put the table and the buckets back, and empty the queues."""
        _table().items = copy.deepcopy(snapshot.items)
        for name in BUCKETS:
            store = type(_keys(name))()
            for key, versions in snapshot.keys[name].items():
                store.setlist(key, list(versions))
            _s3().buckets[name].keys = store
        for name in self.queues:
            _queue(name)._messages = []
            _queue(name)._pending_messages = set()

    def items(self, partition: str, prefix: str = "") -> list[dict[str, Any]]:
        """The items of a partition of the table, in order."""
        found = [_plain(item) for item in _partition(partition).values()]
        return sorted((item for item in found if item["sk"].startswith(prefix)), key=lambda item: str(item["sk"]))

    def grow_older(self, seconds: int) -> None:
        """Move every moment in the table's items back by so many seconds."""
        for items in _table().items.values():
            for value in (value for item in items.values() for value in item.attrs.values()):
                if value.type == "N" and Decimal(value.value) > FIRST_MOMENT:
                    value.value = str(Decimal(value.value) - seconds)

    def writes(self, bucket: str) -> Counter[str]:
        """The number of successful writes of each key."""
        return Counter({key: len(_keys(bucket).getlist(key)) for key in _keys(bucket)})

    def content(self, bucket: str, key: str) -> bytes | None:
        """The content of the object, None if it does not exist."""
        found = _keys(bucket).get(key)
        return None if found is None else bytes(found.value)

    def waiting(self) -> dict[str, str]:
        """The queues with a message, hidden or not, and the function of each. Dead letters have none."""
        return {name: SOURCES.get(name, "") for name in self.queues if _queue(name)._messages}


def _named(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the template's resources of this kind."""
    resources = TEMPLATE["Resources"].items()
    return {name: resource["Properties"] for name, resource in resources if resource["Type"] == kind}


def _sources() -> dict[str, str]:
    """The queues that functions get messages from, with their functions."""
    events = {
        name: function.get("Events", {}).values() for name, function in _named("AWS::Serverless::Function").items()
    }
    sources = [(event["Properties"]["Queue"], name) for name, listed in events.items() for event in listed]
    return {queue.removesuffix(".Arn"): name for queue, name in sources}


SOURCES = _sources()


def _queue_of(name: str) -> Any:
    if not _named("AWS::SQS::Queue")[name].get("FifoQueue"):
        return {"QueueName": name}
    return {"QueueName": f"{name}.fifo", "Attributes": {"FifoQueue": "true"}}


def _s3() -> Any:
    return get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]


def _keys(bucket: str) -> Any:
    return _s3().buckets[bucket].keys


def _table() -> Any:
    return get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION].tables["threads"]


def _partition(name: str) -> Mapping[str, Any]:
    return next((items for key, items in _table().items.items() if key.value == name), {})


def _plain(item: Any) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in item.to_json()["Attributes"].items()}


def _queue(name: str) -> Any:
    return get_backend("sqs")[DEFAULT_ACCOUNT_ID][REGION].queues[_queue_of(name)["QueueName"]]
