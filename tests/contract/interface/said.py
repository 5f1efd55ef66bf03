"""Everything that is sent or logged: the messages of the queues, the lines of the log and the metrics in it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from tests.contract.interface.shapes import masked


def messages(found: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """The bodies of a queue's messages, and the names of their attributes, by group and deduplication id.

    A body that differs between two runs makes an id that does, too.
    """
    groups: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for message in found:
        about, body = message["Attributes"], masked(message["Body"])
        deduplication = about["MessageDeduplicationId"] if body == message["Body"] else "<sha256>"
        groups[about["MessageGroupId"]][deduplication] = [body, *message.get("MessageAttributes", {})]
    return groups


def log_lines(output: str) -> dict[str, set[str]]:
    """The names of the fields of each log line, by its level and its message."""
    lines: defaultdict[str, set[str]] = defaultdict(set)
    for line in _written(output):
        if "_aws" not in line:
            lines[f"{line['level']} {line['message']}"] |= set(line)
    return lines


def metrics(output: str) -> dict[str, set[str]]:
    """The namespace, the unit and the dimensions of each metric. The service's value is that of the tests."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in _written(output):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            dimensions = chain.from_iterable(directive["Dimensions"])
            told = {f"{name} = {line[name] if name != 'service' else '…'}" for name in dimensions}
            for metric in directive["Metrics"]:
                found[f"{directive['Namespace']} {metric['Name']} {metric['Unit']}"] |= told
    return found


def _written(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]
