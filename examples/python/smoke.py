"""Checks for free that a deployment works: `python smoke.py darkroom-staging v0.2.0`.

It sends a message without an instruction, and waits for the refusal. That shows that the queue is read, the function
starts with its layer, and outcomes are written. It makes no call and takes no turn. Without a release, it accepts any.
"""

import json
import sys
import time
import uuid
from typing import Any

from darkroom_client import Darkroom
from darkroom_client.stacks.stack import Stack

WAITS_SECONDS = 120.0
EXPECTED = "invalid_request"


def main(name: str, release: str = "") -> int:
    stack = Darkroom.from_stack(name).stack
    deployed = stack.fresh_outputs()["StackVersion"]  # the cached outputs date from before the deployment
    if release and release.removeprefix("v") != deployed:
        print(f"{name} is {deployed}, and not {release}.", file=sys.stderr)
        return 1
    outcome = refusal(stack, sent(stack))
    if outcome is None:
        print(f"{name} has no outcome after {WAITS_SECONDS:.0f} s. Is it paused?", file=sys.stderr)
        return 1
    code = outcome["error"]["code"]
    print(f"{name} {deployed}: {code}")
    return int(code != EXPECTED)


def sent(stack: Stack) -> str:
    """Send a message without an instruction. Return its id."""
    once = f"smoke-{uuid.uuid4().hex}"
    message = stack.sqs.send_message(
        QueueUrl=stack.outputs["RequestsQueueUrl"],
        MessageBody=json.dumps({"request_id": once, "instruction": ""}),
        MessageGroupId="smoke",
        MessageDeduplicationId=once,
    )
    return message["MessageId"]


def refusal(stack: Stack, message_id: str) -> dict[str, Any] | None:
    """The outcome for the message's sender, at the key that docs/contract.md gives."""
    bucket, key = stack.outputs["ResultsBucket"], f"rejected/messages/{message_id}/result.json"
    until = time.monotonic() + WAITS_SECONDS
    while time.monotonic() < until:
        try:
            return dict(json.loads(stack.s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        except stack.s3.exceptions.NoSuchKey:
            time.sleep(1)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
