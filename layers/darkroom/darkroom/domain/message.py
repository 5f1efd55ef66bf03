"""A message of a queue, as a Lambda event carries it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One SQS record. `sent_at` and `first_received_at` are in seconds since the epoch. `receive_count` includes this
    delivery.

    In a queue without order, every message is a group of its own.
    """

    message_id: str
    group: str
    body: str
    receipt_handle: str
    sent_at: float
    receive_count: int
    is_probe: bool = False  # a copy of a message that waits for the provider
    first_received_at: float = 0.0
    behind: tuple[str, ...] = ()  # the receipt handles of the messages that wait behind this one


def from_record(record: Mapping[str, Any], *, is_probe: bool = False) -> Message:
    """The message in a record of an SQS event."""
    attributes = record["attributes"]
    return Message(
        message_id=record["messageId"],
        group=attributes.get("MessageGroupId") or record["messageId"],
        body=record["body"],
        receipt_handle=record["receiptHandle"],
        sent_at=int(attributes["SentTimestamp"]) / 1000,
        receive_count=int(attributes["ApproximateReceiveCount"]),
        is_probe=is_probe,
        first_received_at=int(attributes.get("ApproximateFirstReceiveTimestamp", 0)) / 1000,
    )
