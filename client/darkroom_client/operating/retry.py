"""Gives a turn without a picture another chance.

Where its raw answers are kept they are judged again, by the release that is deployed now. That calls nothing and costs
nothing. Or else the image API is asked again, with the same words, pictures, model and options, which is paid. Either
makes a turn of its own, and makes it once, however often it is said.
"""

import uuid
from collections.abc import Callable
from typing import NamedTuple

from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.request_status import DynamoRequestStatus
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.s3 import S3Objects
from darkroom.aws.sqs import SqsSender
from darkroom.domain import keys, request
from darkroom.domain.outcome import DEFAULT_DIALECT, Outcome
from darkroom.domain.ports import Done, Held, Reused
from darkroom.domain.price import parsed
from darkroom.domain.request import Request
from darkroom.domain.request_schema import ImageRef, RequestRules
from darkroom.errors import Code, Rejected
from darkroom.providers.dialect_table import DIALECTS
from darkroom.turns import judging
from darkroom.turns.ports import Claim
from darkroom.turns.publisher import turn_key
from darkroom_client.errors import NotFound, Trouble
from darkroom_client.operating.backfill import bill
from darkroom_client.stacks.stack import Stack

# The sender fixes every other cause in the request.
ASKED_AGAIN: frozenset[Code] = judging.JUDGED | {
    "provider_unavailable", "budget_exhausted", "cancelled", "internal_error",
}  # fmt: skip


class Retried(NamedTuple):
    """The result of a retry: `judged`, `asked`, or neither (None). Its request, and whether that is new.

    `told_at` is the place of the refusal if the answers still hold no picture.
    """

    how: str | None
    request_id: str
    is_new: bool
    told_at: str | None = None


class Retry:
    """Turns of one stack. `say` hears a line for each step."""

    def __init__(self, stack: Stack, say: Callable[[str], None]) -> None:
        table = Table(stack.dynamodb, stack.outputs["ThreadsTable"])
        self._ledger = DynamoLedger(table, daily_call_limit=0)
        self._status = DynamoRequestStatus(table)
        self._objects = S3Objects(stack.s3)
        self._requests = SqsSender(stack.sqs, stack.outputs["RequestsQueueUrl"])
        self._results = stack.outputs["ResultsBucket"]
        buckets = stack.outputs["UploadsBucket"], self._results
        self._rules = RequestRules(buckets, DIALECTS[DEFAULT_DIALECT].options)
        self._bill = bill(
            1, parsed(stack.parameters.get("PricePerImage", "")), int(stack.parameters.get("MaxPaidCalls", 1))
        )
        self._say = say

    def work(self, thread_id: str, turn: int, agrees: Callable[[], bool]) -> Retried:
        """Has it judged again if there is something to judge. Else asks again, if the person `agrees`."""
        if self.costs_nothing(thread_id, turn):
            return self.judge(thread_id, turn)
        return self.ask(thread_id, turn, agrees)

    def costs_nothing(self, thread_id: str, turn: int) -> bool:
        """Whether there are raw answers that may be judged again. Raises Trouble where there is no such turn."""
        old, claim = self._ended(thread_id, turn)
        return judging.why_not(old) is None and claim is not None

    def judge(self, thread_id: str, turn: int) -> Retried:
        """Has the turn judged again. Raises Trouble where there is nothing to judge."""
        old, claim = self._ended(thread_id, turn)
        if why := judging.why_not(old):
            raise Trouble(f"Turn {turn} of {thread_id} {why}. Nothing was sent.")
        if claim is None:
            raise Trouble(f"Turn {turn} of {thread_id} is over 35 days old, and its raw answers are gone.")
        asked = Request(thread_id, judging.request_id(str(old.request_id)), "", repairs=turn)
        if not self._is_new(asked):
            return Retried("judged", asked.request_id, is_new=False)
        told = self._uri(keys.rejected_message_key(self._send(asked)))
        self._say(f"sent  turn {turn} of {thread_id}, to be judged again. Nothing is called or paid.")
        self._say(f"A picture becomes a new turn of the thread. Where there is none, the refusal is at {told}")
        self._say(f"`darkroom retry {thread_id}:{turn} --ask` asks the image API again then, which is paid.")
        return Retried("judged", asked.request_id, is_new=True, told_at=told)

    def ask(self, thread_id: str, turn: int, agrees: Callable[[], bool]) -> Retried:
        """Asks the same again, if the person `agrees`. Raises Trouble where that cannot be known or is no use."""
        old, _ = self._ended(thread_id, turn)
        asked = self._again(old)
        if not self._is_new(asked):
            return Retried("asked", asked.request_id, is_new=False)
        self._say(f"Turn {turn} of {thread_id} is asked again: a new request, in the same words and about the same.")
        for line in self._bill:
            self._say(line)
        if not agrees():
            self._say("Nothing was sent.")
            return Retried(None, asked.request_id, is_new=False)
        self._send(asked)
        self._say(f"sent  {asked.request_id} of {thread_id}")
        return Retried("asked", asked.request_id, is_new=True)

    def _ended(self, thread_id: str, turn: int) -> tuple[Outcome, Claim | None]:
        ended = self._ledger.ended(thread_id, turn)
        if ended is None:
            raise NotFound(f"{thread_id} has no turn {turn}.")
        return ended

    def _again(self, old: Outcome) -> Request:
        """The request that asks for what the turn was asked for."""
        where = f"Turn {old.turn} of {old.thread_id}"
        if old.error is None:
            raise Trouble(f"{where} has its pictures. Nothing was sent.")
        if old.error.code not in ASKED_AGAIN:
            raise Trouble(
                f"{where} ended as {old.error.code}. Nothing was sent.",
                "Its sender fixes the request and sends it again.",
            )
        if not old.sources and self._had_pictures(old):
            raise Trouble(f"{where} ended before its pictures were read, so its sender alone knows them.")
        asked = Request(
            str(old.thread_id),
            f"again-{keys.sha256(str(old.request_id))[:32]}",
            str(old.instruction),
            tuple(ImageRef(source.bucket, source.key) for source in old.sources),
            old.parent_turn or 0,
            old.model,
            old.options,
            old.metadata,
        )
        try:
            return self._parsed(asked)
        except Rejected as rejection:
            raise Trouble(f"{where} cannot be asked again: {rejection.message}. Nothing was sent.") from rejection

    def _had_pictures(self, old: Outcome) -> bool:
        """Its `result.json` leads back to them."""
        origin = self._objects.metadata(ImageRef(self._results, turn_key(old)))
        return origin is None or "source" in origin

    def _is_new(self, asked: Request) -> bool:
        asked = self._parsed(asked)
        status = self._status.status(asked.thread_id, asked.request_id, asked.fingerprint)
        if isinstance(status, Done):
            ended = status.outcome
            self._say(f"is over  it became turn {ended.turn}: {self._uri(turn_key(ended))}")
        elif isinstance(status, Reused):
            raise Trouble(f"The id {asked.request_id!r} stands for another request of {asked.thread_id}.")
        elif isinstance(status, Held):
            self._say(f"is on its way already, as {asked.request_id}")
        return status is None

    def _parsed(self, asked: Request) -> Request:
        """As the stack reads it: two spellings of a number are one request."""
        return request.parse(asked.body, group=keys.message_group(asked.thread_id), message_id="", rules=self._rules)

    def _send(self, asked: Request) -> str:
        """Whatever SQS took within five minutes: what was judged in vain then may have a picture now."""
        return self._requests.send(asked.body, asked.thread_id, asked.request_id, deduplication_id=uuid.uuid4().hex)

    def _uri(self, key: str) -> str:
        return f"s3://{self._results}/{key}"
