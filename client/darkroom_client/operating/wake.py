"""Wakes what waits.

Requests that wait for the provider or for the daily limit come back now, and not when their time is over. A request
whose cause is still there waits again. Each waking is one more of the thousand times that SQS delivers a message.
"""

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.waker import SqsWaker
from darkroom_client.stacks.stack import Stack

PAGE = 50


def woken(stack: Stack) -> int:
    """Wakes all that waits now, and returns how many requests that are."""
    waker = SqsWaker(Table(stack.dynamodb, stack.outputs["ThreadsTable"]), stack.sqs, stack.outputs["RequestsQueueUrl"])
    total = 0
    while count := waker.wake(PAGE):
        total += count
    return total
