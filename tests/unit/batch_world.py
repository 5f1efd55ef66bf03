"""Batches on the fakes: a file, its register, a lane with few places, and the function that answers requests."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from darkroom import pairing
from darkroom.answer import Answering, Terms
from darkroom.batch_file import BatchFile, answer_key, manifest_key, uploaded
from darkroom.batches import BatchEnded, Batches
from darkroom.errors import Unavailable
from darkroom.message import Message
from darkroom.naming import sha256
from darkroom.objects import PART_BYTES
from darkroom.pairing import Stem
from darkroom.payment import Till
from darkroom.publication import Publication
from darkroom.request import ImageRef
from darkroom.settings import Price
from darkroom.tick import World as Tools
from darkroom.upload import Upload
from tests.fakes import (
    Clock,
    Edge,
    MemoryBreaker,
    MemoryFetcher,
    MemoryLedger,
    MemoryObjects,
    MemoryOutbox,
    MemoryRegister,
    ScriptedApi,
    developed,
)
from tests.promise.memory.fifo import FifoQueue
from tests.promise.memory.world import CopiesTo

KEY = "shop/spring.jsonl"


class VersionedObjects(MemoryObjects):
    """The uploads bucket keeps what was replaced; here a version is named by its entity tag."""

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
        data = self.versions.get((ref.key, ref.version_id))
        return None if data is None else data[offset : offset + PART_BYTES]


class Stems:
    """The one stem that matters here."""

    def __init__(self) -> None:
        self.kept = Stem()

    def stem(self, home: str, name: str) -> Stem:
        return self.kept

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a batch has no need of {name}")


@dataclass
class BatchWorld:
    """Everything that a batch touches. `places` is how many of its requests may be in the queue at once."""

    places: int = 3
    max_turns: int = 200
    clock: Clock = field(default_factory=Clock)
    api: ScriptedApi = field(default_factory=ScriptedApi)
    batches: MemoryOutbox = field(default_factory=MemoryOutbox)

    def __post_init__(self) -> None:
        self.objects = VersionedObjects(self.clock)
        self.ledger = MemoryLedger(self.clock)
        self.register = MemoryRegister()
        self.queue = FifoQueue(self.clock)
        self.stems = Stems()
        self._uploads = 0

    def upload(self, content: bytes | str | Sequence[Any], key: str = KEY) -> BatchFile:
        """Uploads a batch file, as its bytes or as documents, and decides on it as on_upload does."""
        if not isinstance(content, bytes | str):
            content = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in content)
        data = content.encode() if isinstance(content, str) else content
        self._uploads += 1
        etag = self.objects.put("uploads", key, data)
        arrived = Upload("uploads", key, etag, etag, f"{self._uploads:06X}", len(data), self.clock())
        self.stems.kept = pairing.batch(self.stems.kept, arrived)
        return uploaded(arrived, self.stems.kept.generation)

    def tick(self, batch: BatchFile, edge: Edge | None = None, *, seconds: float = 60, age: float = 0) -> BatchEnded:
        """One delivery of its message. Raises Unavailable while its lines are on their way."""
        around = (edge or Edge()).around
        tools = Tools(
            objects=around(self.objects),
            register=around(self.register),
            outcomes=around(self.ledger),
            places=self.places,
            requests=around(CopiesTo(self.queue)),
            results_bucket="results",
            buckets=("uploads", "results"),
            clock=self.clock,
        )
        publication = Publication(around(self.objects), "results")
        message = Message("batch-message", "g", batch.body, "receipt", self.clock() - age, 1)
        return Batches(tools, around(self.stems), around(self.batches), publication).answer(message, lambda: seconds)

    def answer_requests(self, most: int = 10) -> int:
        """on_request takes some messages. How many came."""
        received = self.queue.receive(most)
        for message in received:
            self._answering().answer(message, lambda: 900.0)
            self.queue.end(message)
        return len(received)

    def run(self, batch: BatchFile, edge: Edge | None = None) -> BatchEnded:
        """Until the batch has ended."""
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
        return self.objects.objects["results", answer_key(KEY)].data

    @property
    def manifest(self) -> dict[str, Any]:
        return self.objects.document("results", manifest_key(KEY))

    @property
    def calls(self) -> list[str]:
        """The words of each call of the image API."""
        return [str(question.context.instruction) for question in self.api.questions]

    def told(self, batch: BatchFile) -> dict[str, Any]:
        """The error that the uploader of a refused file finds."""
        key = f"rejected/uploads/{batch.key}/{sha256(batch.etag)[:8]}/result.json"
        return dict(self.objects.document("results", key)["error"])

    def _answering(self) -> Answering:
        terms = Terms(
            buckets=("uploads", "results"), model="m", max_context_images=3, max_turns=self.max_turns,
            give_up_after=86_400, api_timeout=300, price=Price(),
        )  # fmt: skip
        till = Till(self.ledger, self.objects, MemoryBreaker(self.clock), self.api, "spool", 2)
        publication = Publication(self.objects, "results")
        return Answering(
            terms, till, publication, developed(self.objects), MemoryFetcher(), MemoryOutbox(), MemoryOutbox(),
            clock=self.clock, jitter=lambda: 0.0,
        )  # fmt: skip


def asking(custom_id: str, **more: Any) -> dict[str, Any]:
    """A line."""
    return {"custom_id": custom_id, "instruction": f"paint {custom_id}", **more}
