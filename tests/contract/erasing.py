"""A stack on moto with threads from every kind of request, and everything that it stores, to the byte."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.aws.s3 import S3Objects
from darkroom.batches.line_reader import Place
from darkroom.batches.ports import Answered, Progress, Sent
from darkroom.domain.keys import message_group
from darkroom.domain.message import Message
from darkroom.domain.outcome import Outcome
from darkroom.domain.upload import Upload
from darkroom.errors import Unavailable
from darkroom.providers.dialect_table import DIALECTS
from darkroom.turns.handler import TurnDependencies, TurnHandler
from darkroom.turns.paid_call import CallDependencies
from darkroom.turns.publisher import Publisher, turn_key
from darkroom.turns.spool import Spool
from darkroom.uploads.intake import Intake, IntakeDependencies, IntakePolicy
from darkroom_client.operating.erasing.forget import Forget
from darkroom_client.operating.erasing.objects import Versions
from darkroom_client.stacks.stack import Stack
from tests.fakes.breaker import MemoryBreaker
from tests.fakes.edge import Clock
from tests.fakes.image_api import MemoryFetcher, ScriptedApi, made, png, stated
from tests.fakes.lanes import MemoryLanes
from tests.fakes.objects import developed
from tests.fakes.queue import MemoryOutbox, MemoryUploadEvents
from tests.fakes.stack import deployed, rules, turn_policy
from tests.fakes.waking import MemoryScout, MemoryWaker

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BUCKETS = ("uploads", "results", "spool")
GRACE = 120
THREAD = "shop/mug"


@dataclass
class Stage:
    """A stack with queues and an image API in memory, and a clock set by the test. `said` is the output of `forget`."""

    stack: Stack
    clock: Clock
    api: ScriptedApi = field(default_factory=ScriptedApi)
    queue: MemoryOutbox = field(default_factory=MemoryOutbox)
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = Table(self.stack.dynamodb, self.stack.outputs["ThreadsTable"])
        self.objects = S3Objects(self.stack.s3)
        self.ledger = DynamoLedger(self.table, daily_call_limit=0, clock=self.clock)
        self.uploads = DynamoUploadState(self.table)
        self.batches = DynamoBatchState(self.table, clock=self.clock)
        self.publisher = Publisher(self.objects, "results", Refusals(self.table, clock=self.clock).note)
        self._sequence = 0
        self._delivered = 0

    # The actions of people.

    def put(self, key: str, data: bytes | str, **metadata: str) -> Upload:
        """Upload an object. Return the announcement of S3."""
        raw = data.encode() if isinstance(data, str) else data
        named = {name.replace("_", "-"): value for name, value in metadata.items()}
        put = self.stack.s3.put_object(Bucket="uploads", Key=key, Body=raw, Metadata=named)
        self._sequence += 1
        sequencer = f"{self._sequence:016X}"
        return Upload("uploads", key, put["ETag"].strip('"'), put["VersionId"], sequencer, len(raw), self.clock())

    def announce(self, upload: Upload) -> str:
        """Take the upload in, and return its result. Its request is in the queue."""
        policy = IntakePolicy(rules("uploads", "results"), "", GRACE)
        taking = IntakeDependencies(
            self.objects, self.uploads, MemoryLanes(), self.queue, MemoryOutbox(), MemoryUploadEvents(),
            self.publisher, self.clock, lambda: f"{self._sequence:016x}",
        )  # fmt: skip
        with suppress(Unavailable):
            return Intake(policy, taking).take(upload)
        return "waits"

    def upload(self, key: str, data: bytes | str, **metadata: str) -> str:
        return self.announce(self.put(key, data, **metadata))

    def send(self, thread: str, instruction: str, request_id: str, **more: Any) -> Message:
        """A message as its sender sends it, ready to be delivered."""
        body = json.dumps({"instruction": instruction, "request_id": request_id, "thread_id": thread, **more})
        return Message(f"m-{request_id}", message_group(thread), body, "receipt", self.clock(), 1)

    def deliver(self, message: Message) -> Outcome:
        return self.answering.answer(message, lambda: 900)

    def ask(self, thread: str, instruction: str, request_id: str, **more: Any) -> Outcome:
        return self.deliver(self.send(thread, instruction, request_id, **more))

    def deliver_uploads(self) -> list[Outcome]:
        """Deliver the uploads' requests that were not delivered yet."""
        sent, self._delivered = self.queue.sent[self._delivered :], len(self.queue.sent)
        return [
            self.deliver(Message(f"m-{request_id}", message_group(thread), body, "receipt", self.clock(), 1))
            for body, thread, request_id in sent
        ]

    @property
    def answering(self) -> TurnHandler:
        memory = MemoryWaker(self.clock, self.ledger)  # type: ignore[arg-type]
        return TurnHandler(
            turn_policy(),
            TurnDependencies(
                CallDependencies(
                    self.ledger, Spool(self.objects, "spool", DIALECTS), MemoryBreaker(self.clock), self.api, 2
                ),
                self.publisher, developed(self.objects), MemoryFetcher(), MemoryOutbox(), MemoryOutbox(),
                lambda: MemoryScout(self.clock), lambda: memory, clock=self.clock, jitter=lambda: 0.0,
            ),
        )  # fmt: skip

    # The actions of the operator, and the state after them.

    def forget(
        self, thread: str = THREAD, *, since: int | None = None, meanwhile: Callable[[float], object] | None = None
    ) -> None:
        """Erase the thread later than the uploads by S3's clock. `since` stops our clock; `meanwhile` runs in waits."""
        self.clock.advance(10)

        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.clock.advance(0 if since else seconds)
            if meanwhile:
                meanwhile(seconds)

        def now() -> int:
            return since or int(self.clock())

        Forget(self.stack, thread, self.said.append, now=now, sleep=sleep).work()

    def looks(self, thread: str = THREAD) -> None:
        self.clock.advance(10)
        Forget(self.stack, thread, self.said.append, now=lambda: int(self.clock())).looks()

    def stored(self) -> dict[str, str]:
        """Everything by its place: items, and objects with their versions, with bytes that can be searched."""
        pages = self.stack.dynamodb.get_paginator("scan").paginate(TableName=self.stack.outputs["ThreadsTable"])
        items = (item for page in pages for item in page["Items"])
        stored = {f"{item['thread_id']['S']} {item['sk']['S']}": json.dumps(item, sort_keys=True) for item in items}
        for bucket in BUCKETS:
            stored |= {f"s3://{bucket}/{key}": data for key, data in self._versions(bucket)}
        return stored

    def _versions(self, bucket: str) -> Iterator[tuple[str, str]]:
        found, older = self.stack.s3.list_object_versions(Bucket=bucket), Counter[str]()
        for marker in found.get("DeleteMarkers", []):
            yield f"{marker['Key']} deleted", ""
        for version in found.get("Versions", []):
            stored = self.stack.s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
            older[version["Key"]] += 1
            yield (
                f"{version['Key']} {older[version['Key']]}",
                f"{stored['Body'].read().decode('latin-1')} {stored['Metadata']}",
            )

    def snapshot(self) -> "Snapshot":
        """Everything that is stored, for `restore`."""
        pages = self.stack.dynamodb.get_paginator("scan").paginate(TableName=self.stack.outputs["ThreadsTable"])
        objects = [
            (bucket, each["Key"], found["Body"].read(), found["Metadata"])
            for bucket in BUCKETS
            for each in reversed(self.stack.s3.list_object_versions(Bucket=bucket).get("Versions", []))
            for found in [self.stack.s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])]
        ]
        return Snapshot([item for page in pages for item in page["Items"]], objects)

    def restore(self, snapshot: "Snapshot") -> None:
        """Remove everything that is stored, and put the snapshot back."""
        table = self.stack.outputs["ThreadsTable"]
        for item in self.snapshot().items:
            named = {name: item[name] for name in ("thread_id", "sk")}
            self.stack.dynamodb.delete_item(TableName=table, Key=named)
        versions = Versions(self.stack.s3)
        for bucket in BUCKETS:
            versions.erase(bucket, list(versions.below(bucket, "")))
        for item in snapshot.items:
            self.stack.dynamodb.put_item(TableName=table, Item=item)
        for bucket, key, data, metadata in snapshot.objects:
            self.stack.s3.put_object(Bucket=bucket, Key=key, Body=data, Metadata=metadata)

    def places(self) -> set[str]:
        return {place.rsplit(" ", 1)[0] if place.startswith("s3:") else place for place in self.stored()}

    def where(self, *pieces: str) -> set[str]:
        """The places of these words, in stored data or in its names."""
        stored = self.stored().items()
        return {place for place, data in stored for piece in pieces if piece in place or piece in data}


class Snapshot(NamedTuple):
    """Items, and objects with their versions, oldest first."""

    items: list[dict[str, Any]]
    objects: list[tuple[str, str, bytes, dict[str, str]]]


def conversation(stage: Stage) -> list[Outcome]:
    """A thread from every kind of request, beside others that share parts of it. All its words hold `secret`."""
    stage.api.script[:] = [made(png(colour)) for colour in ("teal", "navy", "olive", "gold", "pink", "plum", "gray")]
    stage.put("shop/mug.jpg", png("red"))
    stage.upload("shop/mug.jpg", png("lime", kind="JPEG"), note="secret photo")
    stage.upload("shop/mug.txt", "secret words of a text")
    turns = stage.deliver_uploads()
    stage.put("shared/logo.png", png("cyan"))
    stage.put("stock/mug-only.png", png("maroon", size=(5000, 3)))
    images = ["s3://uploads/shared/logo.png", "s3://uploads/stock/mug-only.png"]
    turns.append(stage.ask(THREAD, "secret words of a message", "r-2", images=images, metadata={"order": "secret"}))
    stage.upload("else/cup.jpg", png("coral"), thread_id=THREAD)
    stage.upload("else/cup.txt", "secret words beside")
    turns += stage.deliver_uploads()
    stage.api.script.insert(0, stated(400, {"error": {"code": "prompt_blocked", "message": "secret refusal"}}))
    turns.append(stage.ask(THREAD, "secret and refused", "r-4"))
    stage.upload("threads/shop/mug/more.txt", "secret words in its folder")
    turns += stage.deliver_uploads()
    stage.upload("shop/mug.pdf", "secret paper")
    stage.ask(THREAD, "secret fault", "r-3", model=7)
    made_here = [f"s3://results/{turns[0].images[0].key}"]
    stage.ask("shop/mug/handle", "a handle", "r-1", images=["s3://uploads/shared/logo.png"])
    stage.ask("posters", "a poster", "r-1", images=made_here)
    batch(stage, turns[1])
    stage.upload("shop/mugs.jpg", png("black"), instruction="mugs")
    stage.deliver_uploads()
    return turns


def short_conversation(stage: Stage) -> None:
    """A thread with one thing of every kind."""
    stage.api.script[:] = [
        made(png("teal")),
        made(png("navy")),
        stated(400, {"error": {"code": "prompt_blocked", "message": "secret refusal"}}),
    ]
    stage.put("else/cup.png", png("coral", size=(5000, 3)), thread_id=THREAD)
    stage.upload("else/cup.png", png("red", size=(5000, 3)), thread_id=THREAD)
    stage.upload("else/cup.txt", "secret words")
    (turn,) = stage.deliver_uploads()
    stage.put("shared/logo.png", png("cyan"))
    stage.ask("other", "a poster", "r-1", images=["s3://uploads/shared/logo.png"])
    stage.ask(THREAD, "secret and refused", "r-2", images=["s3://uploads/shared/logo.png"])
    stage.ask(THREAD, "secret fault", "r-3", model=7)
    stage.upload("shop/mug.pdf", "secret paper")
    batch(stage, turn)


def batch(stage: Stage, turn: Outcome) -> None:
    """Two lines of a batch that has ended. One of them is the thread's."""
    stage.put("spring.jsonl", '{"custom_id": "line-1", "instruction": "secret line"}\n')
    answer = {"status": "succeeded", "error": None}
    progress = Progress()
    for position, result in enumerate((f"s3://results/{turn_key(turn)}", "s3://results/threads/a/result.json"), 1):
        text = json.dumps({"custom_id": f"line-{position}", "result": result, **answer})
        progress = stage.batches.save("batch:spring.jsonl#1", progress, Answered(position, text))


def open_line(stage: Stage) -> None:
    """A line of a batch on its way in the thread."""
    line = Sent(1, "line-1", THREAD, "f", Place())
    stage.batches.save("batch:open.jsonl#1", Progress(), line)


def stage(client: "DynamoDBClient", clients: dict[str, Any], table: str) -> Stage:
    """A new stage. Its clock begins at the real time, which S3 stores with objects."""
    import time

    outputs = {"ThreadsTable": table, "UploadsBucket": "uploads", "ResultsBucket": "results", "SpoolBucket": "spool"}
    made_of = deployed(outputs, {}, {}, client, clients["s3"], clients["sqs"], clients["functions"])
    return Stage(made_of, Clock(float(int(time.time()))))
