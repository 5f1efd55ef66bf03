"""Puts the turns of earlier releases into the index: `python -m operations.reindex [--stack NAME | --port PORT]`.

It reads the whole table once, and writes each turn that is not listed under its day. Run it again as you like: what is
listed is left alone.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.dynamodb.items import from_item
from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom.errors import DarkroomError
from operations import stack as stacks
from operations.stack import Stack, Trouble

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
    options = argparse.ArgumentParser(
        prog="python -m operations.reindex", description="Puts the turns of earlier releases into the index."
    )
    where = options.add_mutually_exclusive_group()
    where.add_argument("--stack", help="a stack on AWS, with the shell's own credentials and region")
    where.add_argument("--port", type=int, help="the stack on this port of this machine; default: the one last up")
    given = options.parse_args()
    count = 0
    try:
        found = stacks.on_aws(given.stack) if given.stack else stacks.on_this_machine(given.port)
        for count in reindexed(found):
            if count % SAID_EVERY == 0:
                print(f"{count} turns so far", flush=True)
    except (Trouble, BotoCoreError, ClientError, DarkroomError) as trouble:
        print(f"{trouble}\n{count} turns were listed. Run it again when that is mended.", file=sys.stderr)
        return 1
    print(f"{count} turns were listed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
