"""Wakes what waits: `python -m operations.wake [--stack NAME | --port PORT]`.

Requests that wait for the provider or for the daily limit come back now, and not when their time is over. A request
whose cause is still there waits again. Each waking is one more of the thousand times that SQS delivers a message.
"""

import argparse
import sys

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.waker import SqsWaker
from darkroom.errors import DarkroomError
from operations import stack as stacks
from operations.stack import Stack, Trouble

PAGE = 50


def woken(stack: Stack) -> int:
    """Wakes all that waits now, and returns how many requests that are."""
    waker = SqsWaker(Table(stack.dynamodb, stack.outputs["ThreadsTable"]), stack.sqs, stack.outputs["RequestsQueueUrl"])
    total = 0
    while count := waker.wake(PAGE):
        total += count
    return total


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m operations.wake", description="Wakes what waits.")
    where = options.add_mutually_exclusive_group()
    where.add_argument("--stack", help="a stack on AWS, with the shell's own credentials and region")
    where.add_argument("--port", type=int, help="the stack on this port of this machine; default: the one last up")
    given = options.parse_args()
    try:
        found = stacks.on_aws(given.stack) if given.stack else stacks.on_this_machine(given.port)
        print(f"{woken(found)} woken.")
    except (Trouble, BotoCoreError, ClientError, DarkroomError) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
