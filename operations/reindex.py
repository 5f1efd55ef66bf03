"""Puts the turns of earlier releases into the index: `python -m operations.reindex [--stack NAME | --port PORT]`.

It reads the whole table once, and writes each turn that is not listed under its day. Run it again as you like: what is
listed is left alone.
"""

import sys
from collections.abc import Iterator
from typing import Any

from darkroom.aws.dynamodb.items import from_item
from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom_client.stacks.stack import Stack
from operations import command

SAID_EVERY = 1000


def reindexed(stack: Stack) -> Iterator[int]:
    """Lists each turn that is not listed, and tells how many they are by then."""
    table = Table(stack.dynamodb, stack.outputs["ThreadsTable"])
    is_unlisted = Condition("attribute_exists(sk) AND attribute_not_exists(listed_in)")
    count = 0
    for turn in _unlisted(stack):
        at = turn["timing"]["finished_at"]
        listed = table.update(turn["thread_id"], turn["sk"], {"listed_in": at[:10], "listed_at": at}, is_unlisted)
        try:
            table.updated(listed)
        except ConditionFailed:
            continue  # somebody else has listed it, or erased it
        count += 1
        yield count


def _unlisted(stack: Stack) -> Iterator[dict[str, Any]]:
    pages = stack.dynamodb.get_paginator("scan").paginate(
        TableName=stack.outputs["ThreadsTable"],
        FilterExpression="begins_with(sk, :turn) AND attribute_not_exists(listed_in)",
        ProjectionExpression="thread_id, sk, timing",
        ExpressionAttributeValues={":turn": {"S": "TURN#"}},
    )
    for page in pages:
        yield from map(from_item, page["Items"])


def main() -> int:
    given = command.options("reindex", "Puts the turns of earlier releases into the index.").parse_args()

    def work(stack: Stack) -> None:
        count = 0
        for count in reindexed(stack):
            if count % SAID_EVERY == 0:
                command.say(f"Turns listed so far: {count}")
        command.say(f"Turns listed: {count}")

    return command.run(given, work, advice="Run it again when that is mended: what is listed is left alone.")


if __name__ == "__main__":
    sys.exit(main())
