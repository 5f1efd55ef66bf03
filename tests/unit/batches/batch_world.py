"""Batches on the fakes: a file, its state, a small limit of open lines, and the function that answers requests."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from darkroom.aws.s3 import PART_BYTES
from darkroom.batches.batch_file import BatchFile, answer_key, manifest_key, uploaded
from darkroom.batches.handler import BatchEnded, BatchHandler
from darkroom.batches.step import BatchDependencies
from darkroom.domain.keys import sha256
from darkroom.domain.message import Message
from darkroom.domain.ports import QueueSender
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.errors import Unavailable, Unreadable
from darkroom.providers.dialect_table import DIALECTS
from darkroom.turns.handler import TurnDependencies, TurnHandler
from darkroom.turns.paid_call import CallDependencies
from darkroom.turns.publisher import Publisher
from darkroom.turns.spool import Spool
from darkroom.uploads import pairing
from darkroom.uploads.pairing import Stem
from tests.fakes.batch_state import MemoryBatchState
from tests.fakes.breaker import MemoryBreaker
from tests.fakes.edge import Clock, Edge
from tests.fakes.image_api import MemoryFetcher, ScriptedApi
from tests.fakes.ledger import MemoryLedger
from tests.fakes.objects import MemoryObjects, developed
from tests.fakes.queue import MemoryOutbox
from tests.fakes.stack import rules, turn_policy
from tests.fakes.waking import MemoryScout, MemoryWaker
from tests.guarantees.memory.chains import FunctionMapping
from tests.guarantees.memory.fifo import FifoQueue
from tests.guarantees.memory.world import CopiesTo

KEY = "shop/spring.jsonl"


class VersionedObjects(MemoryObjects):
    """The uploads bucket, which keeps replaced objects. The entity tag names a version here."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.versions: dict[tuple[str, str | None], bytes] = {}

    def put(
        self, bucket: str, key: str, data: bytes, metadata: Mapping[str, str] | None = None, parts: int | None = None
    ) -> str:
        etag = super().put(bucket, key, data, metadata, parts)
        self.versions[key, etag] = data
        return etag

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        if (ref.bucket, ref.key) in self.locked:
            raise Unreadable(ref.key)
        data = self.versions.get((ref.key, ref.version_id))
        return None if data is None else data[offset : offset + PART_BYTES]


class Stems:
    """The only stem in these tests."""

    def __init__(self) -> None:
        self.kept = Stem()

    def generation(self, home: str, stem: str, extension: str) -> int | None:
        return self.kept.seen[extension].generation

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a batch has no need of {name}")


@dataclass
class BatchWorld:
    """Everything around a batch. `places` is how many of its requests may be in the queue at once."""

    places: int = 3
    key: str = KEY
    max_turns: int = 200
    keeps_folders_apart: bool = False
    clock: Clock = field(default_factory=Clock)
    api: ScriptedApi = field(default_factory=ScriptedApi)
    batches: MemoryOutbox = field(default_factory=MemoryOutbox)

    def __post_init__(self) -> None:
        self.objects = VersionedObjects(self.clock)
        self.ledger = MemoryLedger(self.clock)
        self.register = MemoryBatchState()
        self.queue = FifoQueue(self.clock)
        self.stems = Stems()
        self._uploads = 0

    def upload(self, content: bytes | str | Sequence[Any]) -> BatchFile:
        """Upload a batch file, given as bytes or as documents, and decide on it as on_upload does."""
        if not isinstance(content, bytes | str):
            content = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in content)
        data = content.encode() if isinstance(content, str) else content
        self._uploads += 1
        etag = self.objects.put("uploads", self.key, data)
        arrived = Upload("uploads", self.key, etag, etag, f"{self._uploads:06X}", len(data), self.clock())
        self.stems.kept = pairing.batch(self.stems.kept, arrived)
        return uploaded(arrived, self.stems.kept.generation)

    def tick(
        self,
        batch: BatchFile,
        edge: Edge | None = None,
        *,
        seconds: float = 60,
        age: float = 0,
        receives: int = 1,
        time_left: Callable[[], float] | None = None,
    ) -> BatchEnded:
        """Deliver its message once. Raises Unavailable while its lines are on their way."""
        message = Message("batch-message", "g", batch.body, "receipt", self.clock() - age, receives)
        return self._handler(self.batches, edge or Edge()).answer(message, time_left or (lambda: seconds))

    def deliver(self, mapping: FunctionMapping) -> list[str]:
        """Deliver once from the batches' queue, as Lambda does. Return the results of messages that need not wait."""
        results = []
        for message in mapping.receive():
            batches = CopiesTo(mapping.queue, mapping.lineage([message]))
            try:
                results.append(self._handler(batches, Edge()).answer(message, lambda: 60).result)
            except Unavailable as trouble:
                mapping.queue.hide(message, trouble.retry_after or 0)
            else:
                mapping.queue.end(message)
        return results

    def _handler(self, batches: QueueSender, edge: Edge) -> BatchHandler:
        around = edge.around
        tools = BatchDependencies(
            objects=around(self.objects),
            state=around(self.register),
            outcomes=around(self.ledger),
            places=self.places,
            requests=around(CopiesTo(self.queue)),
            results_bucket="results",
            rules=rules("uploads", "results")._replace(keeps_folders_apart=self.keeps_folders_apart),
            clock=self.clock,
        )
        publication = Publisher(around(self.objects), "results")
        return BatchHandler(tools, around(self.stems), around(batches), publication)

    def answer_requests(self, most: int = 10) -> int:
        """Let on_request take some messages. Return how many came."""
        received = self.queue.receive(most)
        for message in received:
            self._answering().answer(message, lambda: 900.0)
            self.queue.end(message)
        return len(received)

    def run(self, batch: BatchFile, edge: Edge | None = None) -> BatchEnded:
        """Deliver until the batch has ended."""
        for _ in range(10_000):
            with suppress(Unavailable):
                return self.tick(batch, edge)
            self.answer_requests()
            self.clock.advance(1)
        raise AssertionError("the batch does not end")

    @property
    def out(self) -> list[dict[str, Any]]:
        """The lines of the answer file."""
        return [json.loads(line) for line in self.raw_out.splitlines()]

    @property
    def raw_out(self) -> bytes:
        return self.objects.objects["results", answer_key(self.key)].data

    @property
    def manifest(self) -> dict[str, Any]:
        return self.objects.document("results", manifest_key(self.key))

    @property
    def calls(self) -> list[str]:
        """The words of each call of the image API."""
        return [str(question.context.instruction) for question in self.api.questions]

    def told(self, batch: BatchFile) -> dict[str, Any]:
        """The error for the uploader of a refused file."""
        key = f"rejected/uploads/{batch.key}/{sha256(batch.etag)[:8]}/result.json"
        return dict(self.objects.document("results", key)["error"])

    def _answering(self) -> TurnHandler:
        policy = turn_policy(max_turns=self.max_turns)
        spool = Spool(self.objects, "spool", DIALECTS)
        return TurnHandler(
            policy,
            TurnDependencies(
                CallDependencies(self.ledger, spool, MemoryBreaker(self.clock), self.api, 2),
                Publisher(self.objects, "results"), developed(self.objects), MemoryFetcher(), MemoryOutbox(),
                MemoryOutbox(), lambda: MemoryScout(self.clock), lambda: MemoryWaker(self.clock, self.ledger),
                clock=self.clock, jitter=lambda: 0.0,
            ),
        )  # fmt: skip


def asking(custom_id: str, **more: Any) -> dict[str, Any]:
    """A line with this id."""
    return {"custom_id": custom_id, "instruction": f"paint {custom_id}", **more}
