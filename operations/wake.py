"""Wakes what waits: `python -m operations.wake [--stack NAME | --port PORT]`.

Requests that wait for the provider or for the daily limit come back now, and not when their time is over. A request
whose cause is still there waits again. Each waking is one more of the thousand times that SQS delivers a message.
"""

import sys

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.waker import SqsWaker
from darkroom_client.stacks.stack import Stack
from operations import command

PAGE = 50


def woken(stack: Stack) -> int:
    """Wakes all that waits now, and returns how many requests that are."""
    waker = SqsWaker(Table(stack.dynamodb, stack.outputs["ThreadsTable"]), stack.sqs, stack.outputs["RequestsQueueUrl"])
    total = 0
    while count := waker.wake(PAGE):
        total += count
    return total


def main() -> int:
    given = command.options("wake", "Wakes what waits.").parse_args()
    return command.run(given, lambda stack: command.say(f"{woken(stack)} woken."))


if __name__ == "__main__":
    sys.exit(main())
