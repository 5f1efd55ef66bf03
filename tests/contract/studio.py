"""A deployed stack on moto. The test plays the functions: it looks at the requests, and answers them."""

from dataclasses import dataclass, replace
from typing import Any

from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.domain import keys, outcome
from darkroom.domain.outcome import Cost, Outcome, Picture, Timing
from darkroom.domain.request import Request
from darkroom.errors import Code, Rejected
from darkroom.turns.ports import Claim
from darkroom_client.room import Darkroom
from darkroom_client.stacks.stack import Stack

NOON = 1_795_348_800.0
AT = "2026-11-22T12:00:00.000Z"
PNG = b"\x89PNG and so on"


@dataclass
class Studio:
    """A stack whose functions the test plays."""

    room: Darkroom
    stack: Stack
    ledger: DynamoLedger
    slept: list[float]

    def received(self) -> list[Any]:
        return self.stack.sqs.receive_message(
            QueueUrl=self.stack.outputs["RequestsQueueUrl"], MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["MessageGroupId", "MessageDeduplicationId"],
        ).get("Messages", [])  # fmt: skip

    def claims(self, asked: Request, at: str = AT) -> Claim:
        claim = self.ledger.claim(asked, at)
        assert isinstance(claim, Claim)
        return claim

    def answers(
        self, asked: Request, *, turn: int = 1, code: Code | None = None, at: str = AT, parent: int | None = None,
        data: bytes = PNG,
    ) -> Outcome:  # fmt: skip
        """End a request as `on_request` does, with its picture first."""
        key = f"{keys.turn_prefix(asked.thread_id, turn, asked.request_id)}image.png"
        self.stack.s3.put_object(Bucket="results", Key=key, Body=data)
        blank = outcome.refusal(
            Rejected(code or "refused", "no, never", hint="Ask nicely."), timing=timing(at), attempts=1
        )
        named = replace(
            blank, thread_id=asked.thread_id, request_id=asked.request_id, turn=turn, instruction=asked.instruction,
            parent_turn=parent,
        )  # fmt: skip
        made = [Picture("results", key, "image/png", len(data), 4, 3, "0" * 64, primary=True)]
        ended = (
            named if code else replace(named, status="succeeded", error=None, images=made, cost=Cost(1, 0.04, "USD"))
        )
        self.ledger.commit(self.claims(asked, at), ended)
        return ended


def timing(at: str = AT) -> Timing:
    return Timing(at, at, at, 1.0)
