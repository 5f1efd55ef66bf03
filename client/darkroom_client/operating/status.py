"""The state of a stack: the requests that wait and why, those under way, and all that holds them back."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from darkroom.aws.dynamodb import breaker, daily_calls, listing
from darkroom.aws.dynamodb.items import from_item, to_item
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import outcome
from darkroom.domain.timing import BREAKER_OPENS_AT
from darkroom_client.errors import Denied
from darkroom_client.operating.ended import ended
from darkroom_client.stacks.aws_errors import OPERATOR, translated
from darkroom_client.stacks.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

QUEUED = "queued"  # a cause of its own: nothing has taken the request up yet
HOLDS_BACK = {
    "unreachable": "the image API does not answer for it",
    "throttled": "the image API asks for patience",
    "credentials": "the image API refuses the key",
    "account": "the account at the provider is empty",
    "model": "the image API has no such model",
    "configuration": "the image API's address is wrong",
}
_VISIBLE: "QueueAttributeNameType" = "ApproximateNumberOfMessages"
_HIDDEN: "QueueAttributeNameType" = "ApproximateNumberOfMessagesNotVisible"
_UNTOLD = ("sleepers", "image_model")


class Sleeper(NamedTuple):
    """A request that waits, and what for; `until` is when it looks again by itself."""

    cause: str
    until: str
    attempts: int
    thread_id: str
    request_id: str
    instruction: str


class ModelTrouble(NamedTuple):
    """The state of a model's breaker. While it is open, only a probe goes out now and then."""

    cause: str
    failures: int
    is_open: bool
    next_call_at: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """How a stack stands, as far as SQS counts at all: `waiting` and `in_flight` are requests, about.

    `daily_limit` 0 is none. `image_model` is the stack's own. `alarms` are the names of those that ring, None where the
    caller may not see them.
    """

    waiting: int
    in_flight: int
    dead_letters: int
    paused: bool
    calls_today: int
    daily_limit: int
    causes: dict[str, int]
    breaker: dict[str, ModelTrouble]
    alarms: list[str] | None
    sleepers: list[Sleeper]
    image_model: str = ""

    @property
    def is_held_back(self) -> bool:
        """Whether calls are held back in general, and not those for a model that few requests name."""
        return any(each.is_open and is_own(model, self.image_model) for model, each in self.breaker.items())

    def document(self) -> dict[str, Any]:
        """As `--json` tells it."""
        told = {name: getattr(self, name) for name in self.__slots__ if name not in _UNTOLD}
        return told | {"breaker": {model: trouble._asdict() for model, trouble in self.breaker.items()}}


def status(stack: Stack) -> Status:
    """How the stack stands now. Raises Trouble."""
    with translated(OPERATOR):
        now, table = stack.now(), _table(stack)
        items = list(listing.waiting(table))
        hidden = sum(item["waits_until"] > now for item in items)
        visible, in_hand = _counted(stack, stack.outputs["RequestsQueueUrl"])
        queued = max(0, visible - (len(items) - hidden))
        limit = int(stack.parameters.get("DailyCallLimit") or 0)
        return Status(
            waiting=len(items) + queued,
            in_flight=max(0, in_hand - hidden),
            dead_letters=dead_letters(stack),
            paused=stack.is_paused(),
            calls_today=calls_today(stack, limit, now),
            daily_limit=limit,
            causes=dict((Counter(item["cause"] for item in items) + Counter({QUEUED: queued})).most_common()),
            breaker=troubles(stack),
            alarms=ringing(stack),
            sleepers=[_sleeper(item) for item in items],
            image_model=stack.image_model,
        )


def dead_letters(stack: Stack) -> int:
    """About how many requests, upload events and batch files are dead letters."""
    queues = ("RequestsDeadLetterQueueUrl", "UploadEventsDeadLetterQueueUrl", "BatchesDeadLetterQueueUrl")
    return sum(sum(_counted(stack, stack.outputs[name])) for name in queues)


def calls_today(stack: Stack, limit: int, now: float) -> int:
    """The calls of this UTC day. Without a limit none is counted, and those of what has ended are added up."""
    day, table = datetime.fromtimestamp(now, UTC).date().isoformat(), _table(stack)
    if limit:
        return int(table.item(daily_calls.COUNTERS, day).get("calls", 0))
    return sum(each.paid_calls for each in ended(table, day))


def troubles(stack: Stack) -> dict[str, ModelTrouble]:
    """The models in trouble, by their names."""
    pages = stack.dynamodb.get_paginator("query").paginate(
        TableName=stack.outputs["ThreadsTable"],
        KeyConditionExpression="thread_id = :breaker",
        ExpressionAttributeValues=to_item({":breaker": breaker.PARTITION}),
    )
    items = [from_item(item) for page in pages for item in page["Items"]]
    return {item["sk"]: _trouble(item) for item in items if item.get("failures")}


def is_own(model: str, image_model: str) -> bool:
    """Whether a model is the one that requests get which name none."""
    return model == image_model or not image_model


def one_held_back(model: str, trouble: ModelTrouble) -> str:
    """The sentence about a model that is held back while the stack's own is not."""
    why = HOLDS_BACK.get(trouble.cause, "it is in trouble")
    return f"only requests for the model {model} are held back ({trouble.cause}): {why}."


def way_out_of_one(trouble: ModelTrouble) -> str:
    """The way out for requests that wait for such a model."""
    if trouble.cause == "model":
        return "Ask again with a model that exists; `darkroom cancel THREAD` ends requests that wait for this one."
    return "They go on by themselves once the cause is gone; `darkroom cancel THREAD` ends them."


def ringing(stack: Stack) -> list[str] | None:
    """The names of the stack's alarms that ring. None where the caller may not see them."""
    topic = stack.outputs["AlarmsTopicArn"]
    try:
        with translated(OPERATOR):
            pages = stack.client("cloudwatch").get_paginator("describe_alarms").paginate(StateValue="ALARM")
            alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    except Denied:
        return None
    return sorted(alarm["AlarmName"] for alarm in alarms if topic in alarm["AlarmActions"])


def _table(stack: Stack) -> Table:
    return Table(stack.dynamodb, stack.outputs["ThreadsTable"])


def _counted(stack: Stack, queue: str) -> tuple[int, int]:
    """The messages that may be received, and those that are hidden."""
    found = stack.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[_VISIBLE, _HIDDEN])["Attributes"]
    return int(found[_VISIBLE]), int(found[_HIDDEN])


def _sleeper(item: dict[str, Any]) -> Sleeper:
    words = " ".join(str(item.get("instruction") or "").split())
    return Sleeper(
        item["cause"], outcome.timestamp(item["waits_until"]), item["attempts"], item["thread_id"], item["request_id"],
        words,
    )  # fmt: skip


def _trouble(item: dict[str, Any]) -> ModelTrouble:
    next_call = item.get("next_call_at")
    at = outcome.timestamp(next_call) if next_call else None
    return ModelTrouble(item.get("cause", "unreachable"), item["failures"], item["failures"] >= BREAKER_OPENS_AT, at)
