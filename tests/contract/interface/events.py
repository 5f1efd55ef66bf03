"""Events as Lambda makes them, for messages that were sent now, or so many seconds ago."""

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.contract.conftest import event

Event = dict[str, Any]


def asking(group: str, message_id: str, body: Mapping[str, Any] | str) -> Event:
    """A message of the requests' queue."""
    asked = event("request")
    (record,) = asked["Records"]
    record |= {"messageId": message_id, "body": body if isinstance(body, str) else json.dumps(body)}
    record["attributes"] |= {"MessageGroupId": group, "SentTimestamp": _milliseconds(time.time())}
    return asked


def announcing(described: Mapping[str, Any], age: float = 0) -> Event:
    """A message of the upload events' queue, about one object."""
    announced, at = event("upload"), time.time() - age
    (record,) = announced["Records"]
    notification = json.loads(record["body"])
    (created,) = notification["Records"]
    created["eventTime"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
    created["s3"]["object"] = dict(described)
    record["body"] = json.dumps(notification)
    record["attributes"] |= dict.fromkeys(("SentTimestamp", "ApproximateFirstReceiveTimestamp"), _milliseconds(at))
    return announced


def delivering(queue: str, message: Mapping[str, Any]) -> Event:
    """A message that lay in a queue."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
    }
    return {"Records": [record]}


def aged(delivered: Event, seconds: float, message_id: str) -> Event:
    """The same message, sent so long ago, under another id."""
    (record,) = delivered["Records"]
    sent = {"SentTimestamp": _milliseconds(time.time() - seconds)}
    return {"Records": [record | {"messageId": message_id, "attributes": record["attributes"] | sent}]}


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
