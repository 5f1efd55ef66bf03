"""The ports in memory, and as nasty as the world: answers get lost, workers die, clocks jump.

The ledger and the object store are held to the same contract tests as the real adapters (`tests/contract`).
"""

import copy
import io
import json
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import md5, sha256
from typing import IO, Any

from PIL import Image

from darkroom import outcome
from darkroom.blob import Blob
from darkroom.breaker import (
    LONGEST_PAUSE_SECONDS,
    OPENS_AT,
    PAUSE_SECONDS,
    PROBE_CALL_SECONDS,
    PROBE_LEASE_SECONDS,
    weight,
)
from darkroom.context import Question
from darkroom.errors import PROVIDER_CAUSES, UNCOUNTED_CAUSES, Cause, Outdated, TooLarge, Unavailable
from darkroom.laboratory import Laboratory
from darkroom.lanes import HELD_SECONDS
from darkroom.ledger import LEASE_SECONDS
from darkroom.message import Message
from darkroom.naming import message_group
from darkroom.objects import PART_BYTES
from darkroom.outcome import Outcome
from darkroom.ports import Asked, Claim, Done, Fetched, Held, ObjectStore, Prepared, Reused, Stored
from darkroom.renditions import Renditions
from darkroom.reply import Reply
from darkroom.request import ImageRef, Request
from darkroom.thread import Past, Thread
from darkroom.upload_ports import Answered, Progress, Sent

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z


class Died(BaseException):
    """The process is killed here."""


class Edge:
    """Every call of a process over a port, before and after it is done. `happens` may raise what breaks it there."""

    def __init__(self, happens: Callable[[int, str], None] = lambda _count, _name: None) -> None:
        self._happens = happens
        self._is_dead = False
        self.count = 0

    def around(self, port: Any) -> Any:
        """The port, with this edge around each of its methods."""
        return _Edged(port, self)

    def passes(self, name: str) -> None:
        """What has died does nothing more, whatever its code still tries."""
        if self._is_dead:
            raise Died
        self.count += 1
        try:
            self._happens(self.count, name)
        except Died:
            self._is_dead = True
            raise


class _Edged:
    def __init__(self, port: Any, edge: Edge) -> None:
        self._port = port
        self._edge = edge

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def edged(*args: Any, **kwargs: Any) -> Any:
            self._edge.passes(f"before {name}")
            result = method(*args, **kwargs)
            self._edge.passes(f"after {name}")
            return result

        return edged


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class MemoryObjects:
    """S3 in memory."""

    def __init__(self, clock: Callable[[], float] = Clock()) -> None:  # noqa: B008 - its time is never advanced
        self._clock = clock
        self.objects: dict[tuple[str, str], Stored] = {}
        self.writes: list[str] = []
        self.overwritten: list[tuple[str, str]] = []
        self.parts_read = 0

    def put(
        self, bucket: str, key: str, data: bytes, metadata: Mapping[str, str] | None = None, parts: int | None = None
    ) -> str:
        """Uploads as a person would, over what is there; in so many parts where it is large."""
        if (bucket, key) in self.objects:
            self.overwritten.append((bucket, key))
        etag = md5(data, usedforsecurity=False).hexdigest()
        if parts:
            etag = f"{md5(b'%d' % parts + data, usedforsecurity=False).hexdigest()}-{parts}"
        self.objects[bucket, key] = Stored(data, etag, metadata or {}, self._clock())
        return etag

    def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Stored | None:
        stored = self.objects.get((ref.bucket, ref.key))
        if stored and most_bytes is not None and len(stored.data) > most_bytes:
            raise TooLarge(ref.key)
        return stored

    def fetch(
        self, ref: ImageRef, *, most_bytes: int | None = None, known: Mapping[str, str] | None = None
    ) -> Fetched | None:
        stored = self.read(ref, most_bytes=most_bytes)
        if stored is None:
            return None
        digest = (known or {}).get(stored.etag) or sha256(stored.data).hexdigest()
        return Fetched(stored.data, stored.etag, digest, stored.metadata)

    def metadata(self, ref: ImageRef) -> Mapping[str, str] | None:
        stored = self.objects.get((ref.bucket, ref.key))
        return stored.metadata if stored else None

    def write_once(
        self, bucket: str, key: str, data: Blob, media_type: str, metadata: Mapping[str, str] | None = None
    ) -> bool:
        if (bucket, key) in self.objects:
            return False
        self.put(bucket, key, data[:], metadata)
        self.writes.append(key)
        return True

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        self.parts_read += 1
        stored = self.objects.get((ref.bucket, ref.key))
        return stored.data[offset : offset + PART_BYTES] if stored else None

    def write(
        self, bucket: str, key: str, data: IO[bytes], media_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        self.put(bucket, key, data.read(), metadata)

    def document(self, bucket: str, key: str) -> dict[str, Any]:
        """A JSON object that lies here."""
        return dict(json.loads(self.objects[bucket, key].data))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return sorted(key for where, key in self.objects if where == bucket and key.startswith(prefix))


def developed(objects: ObjectStore) -> Renditions:
    """Renditions that are made right here, in the spool of this store."""
    return Renditions(objects, Laboratory(objects, "spool"), "spool")


@dataclass
class Entry:
    """A request's item, as the table would hold it."""

    fingerprint: str
    claim: Claim
    lease_until: float
    done: int | None = None


class MemoryLedger:
    """The ledger in memory: the table that all processes share, and the claims in the hands of one."""

    def __init__(self, clock: Clock, *, daily_call_limit: int = 0) -> None:
        self._clock = clock
        self._limit = daily_call_limit
        self.entries: dict[tuple[str, str], Entry] = {}
        self.turns: dict[str, list[Outcome]] = {}
        self.calls: dict[str, int] = {}
        self.marks: list[tuple[int, str]] = []  # number and day of each call that this process marked
        self._held: dict[str, Claim] = {}

    def in_another_process(self) -> "MemoryLedger":
        """Another process's ledger over the same table."""
        other = copy.copy(self)
        other._held = {}
        other.marks = []
        return other

    def claim(self, request: Request, requested_at: str) -> Claim | Done | Held | Reused:
        where = request.thread_id, request.request_id
        entry = self.entries.get(where)
        now = self._clock()
        if entry is None:
            blank = Claim(*where, "", requested_at, outcome.timestamp(now), attempts=0, strikes=0)
            entry = Entry(request.fingerprint, blank, 0)
        if entry.fingerprint != request.fingerprint:
            return Reused()
        if entry.done:
            return Done(self.turns[request.thread_id][entry.done - 1])
        if entry.claim.owner and entry.lease_until >= now:
            return Held(entry.lease_until - now)
        owner = uuid.uuid4().hex
        kept = replace(entry.claim, owner=owner, attempts=entry.claim.attempts + 1, strikes=entry.claim.strikes + 1)
        self.entries[where] = Entry(request.fingerprint, kept, now + LEASE_SECONDS)
        self._held[owner] = kept
        return replace(kept, strikes=kept.strikes - int(kept.open_call is not None))

    def abandoned(self, request: Request) -> bool:
        entry = self.entries.get((request.thread_id, request.request_id))
        return entry is not None and entry.done is None and bool(entry.claim.owner or entry.claim.strikes)

    def standing(self, thread_id: str, request_id: str, fingerprint: str) -> Done | Held | Reused | None:
        entry = self.entries.get((thread_id, request_id))
        if entry and entry.done:
            is_this = entry.fingerprint == fingerprint
            return Done(self.turns[thread_id][entry.done - 1]) if is_this else Reused()
        return Held(0) if entry and entry.fingerprint == fingerprint else None

    def thread(self, thread_id: str, parent_turn: int | None = None) -> Thread:
        return Thread(tuple(self.turns.get(thread_id, ())))

    def mark(self, claim: Claim, asked: Asked) -> Claim:
        self._fence(claim)
        day = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        if self._limit and self.calls.get(day, 0) >= self._limit:
            raise Unavailable("budget", "used up", retry_after=3600)
        self.calls[day] = self.calls.get(day, 0) + 1
        number = claim.calls + 1
        self.marks.append((number, day))
        return self._change(claim, calls=number, open_call=number, call_day=day, asked=asked)

    def settle_free(self, claim: Claim, *, flatten: bool = False) -> Claim:
        self._fence(claim)
        self.calls[str(claim.call_day)] -= 1
        return self._change(claim, open_call=None, flatten=flatten or claim.flatten)

    def settle_ambiguous(self, claim: Claim) -> Claim:
        return self._change(claim, open_call=None, ambiguous=claim.ambiguous + 1)

    def settle_answered(self, claim: Claim, *, charged: bool) -> Claim:
        self._fence(claim)
        if not charged:
            self.calls[str(claim.call_day)] -= 1
        return self._change(claim, open_call=None, answered_by=claim.open_call, charged=charged)

    def settle_late(self, claim: Claim, call: int, *, charged: bool) -> Claim:
        self._fence(claim)
        if not charged and call == claim.calls:
            self.calls[str(claim.call_day)] -= 1
        return self._change(claim, answered_by=call, charged=charged, ambiguous=claim.ambiguous - 1)

    def defer(self, claim: Claim, trouble: Unavailable) -> None:
        now = self._clock()
        self._change(
            claim,
            owner="",
            strikes=claim.strikes - 1,
            deferrals=claim.deferrals + int(trouble.cause not in UNCOUNTED_CAUSES),
            fetches=claim.fetches + int(trouble.cause == "fetch"),
            refused_since=claim.refused_since or (now if trouble.cause in PROVIDER_CAUSES else None),
            waiting_since=claim.waiting_since or (now if trouble.cause == "budget" else None),
        )

    def forget(self, claim: Claim) -> None:
        self._fence(claim)
        del self.entries[claim.thread_id, claim.request_id]

    def commit(self, claim: Claim, outcome: Outcome, past: Past | None = None) -> None:
        turns = self.turns.setdefault(claim.thread_id, [])
        self._fence(claim)
        if outcome.turn != len(turns) + 1:
            raise Unavailable("held", "the thread moved on")
        turns.append(outcome)
        self.entries[claim.thread_id, claim.request_id].done = outcome.turn

    def renew(self) -> None:
        for claim in self._held.values():
            entry = self.entries.get((claim.thread_id, claim.request_id))
            if entry and entry.claim.owner == claim.owner:
                entry.lease_until = self._clock() + LEASE_SECONDS

    def drop(self, claim: Claim) -> None:
        self._held.pop(claim.owner, None)

    def _fence(self, claim: Claim) -> Entry:
        entry = self.entries.get((claim.thread_id, claim.request_id))
        if entry is None or entry.done or entry.claim.owner != claim.owner:
            raise Unavailable("held", "taken over")
        return entry

    def _change(self, claim: Claim, **changes: Any) -> Claim:
        entry = self._fence(claim)
        entry.claim = replace(entry.claim, **changes)
        return replace(claim, **changes)


@dataclass
class Circuit:
    """A model's item, as the table would hold it."""

    failures: int
    cause: Cause
    next_call_at: float
    probed_until: float = 0.0


class MemoryBreaker:
    """The breaker in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.circuits: dict[str, Circuit] = {}

    def admit(self, model: str, *, is_last: bool) -> Cause | None:
        circuit = self.circuits.get(model)
        if circuit is None or circuit.failures < OPENS_AT or is_last:
            return circuit.cause if circuit else None
        if circuit.next_call_at > self._clock():
            raise Unavailable(circuit.cause, "held back")
        circuit.next_call_at = self._clock() + PROBE_CALL_SECONDS
        return circuit.cause

    def failed(self, model: str, trouble: Unavailable, *, is_first: bool) -> None:
        cause: Cause = trouble.cause if trouble.cause in PROVIDER_CAUSES else "unreachable"
        circuit = self.circuits.setdefault(model, Circuit(0, cause, 0))
        pause = max(PAUSE_SECONDS, min(trouble.retry_after or 0, LONGEST_PAUSE_SECONDS))
        circuit.failures += weight(trouble, is_first=is_first)
        circuit.cause, circuit.next_call_at = cause, self._clock() + pause

    def succeeded(self, model: str, known_trouble: Cause | None) -> None:
        circuit = self.circuits.get(model)
        if circuit and (known_trouble or circuit.failures < OPENS_AT):
            del self.circuits[model]

    def wants_probe(self, model: str) -> bool:
        circuit = self.circuits.get(model)
        return circuit is not None and circuit.probed_until < self._clock() and self.keeps_probe(model)

    def keeps_probe(self, model: str) -> bool:
        circuit = self.circuits.get(model)
        if circuit is None or circuit.failures < OPENS_AT:
            return False
        circuit.probed_until = self._clock() + PROBE_LEASE_SECONDS
        return True


class MemoryLanes:
    """The lanes in memory; by default none is ever full."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        places: int = 1000,
        is_over: Callable[[str, str], bool | None] = lambda _thread, _request: None,
    ) -> None:
        self._clock = clock or Clock()
        self._places = places
        self._is_over = is_over
        self.holders: dict[str, dict[tuple[str, str], float]] = {}  # of each lane, since when

    def enter(self, lane: str, thread_id: str, request_id: str) -> bool:
        held = self.holders.setdefault(lane, {})
        for holder, since in list(held.items()):
            is_over = self._is_over(*holder)
            if is_over or (is_over is None and self._clock() >= since + HELD_SECONDS):
                del held[holder]
        if (thread_id, request_id) not in held and len(held) >= self._places:
            return False
        held.setdefault((thread_id, request_id), self._clock())
        return True


class MemoryRegister:
    """The register in memory: what all processes share."""

    def __init__(self) -> None:
        self.batches: dict[str, Progress] = {}
        self.lines: dict[str, dict[int, Sent | Answered]] = {}

    def progress(self, batch: str) -> Progress:
        return self.batches.get(batch, Progress())

    def save(self, batch: str, progress: Progress, line: Sent | Answered | None = None) -> Progress:
        if self.progress(batch).version != progress.version:
            raise Outdated
        self.batches[batch] = replace(progress, version=progress.version + 1)
        if line:
            self.lines.setdefault(batch, {})[line.position] = line
        return self.batches[batch]

    def sent(self, batch: str, position: int) -> Sent:
        line = self.lines[batch][position]
        if isinstance(line, Answered):
            raise Outdated
        return line

    def answers(self, batch: str) -> Iterator[str]:
        for _, line in sorted(self.lines[batch].items()):
            assert isinstance(line, Answered)
            yield line.text


Scripted = Reply | Exception | BaseException | Callable[[Question], Reply]


class ScriptedApi:
    """The image API by a script: a reply or an error a call, the last one for ever. Counts what was sent."""

    def __init__(self, *script: Scripted) -> None:
        self.script: list[Scripted] = list(script) or [made()]
        self.questions: list[Question] = []
        self.distrusted = 0
        self._prepared: list[Question] = []

    def prepare(self, question: Question) -> Prepared:
        self._prepared.append(question)
        return Prepared(str(len(self._prepared) - 1).encode(), "")

    def ask(self, prepared: Prepared) -> Reply:
        question = self._prepared[int(prepared.body[:])]
        self.questions.append(question)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, BaseException):
            raise said
        return said(question) if callable(said) else said

    def distrust_key(self) -> None:
        self.distrusted += 1


class MemoryFetcher:
    """What lies at addresses."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | Exception] = {}

    def fetch(self, url: str) -> bytes:
        page = self.pages.get(url, Unavailable("fetch", "nobody there"))
        if isinstance(page, Exception):
            raise page
        return page


@dataclass
class MemoryOutbox:
    """A queue that is only looked at."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        self.sent.append((body, thread_id, request_id))
        return f"message-{len(self.sent)}"


def png(colour: str = "red", size: tuple[int, int] = (8, 6), kind: str = "PNG") -> bytes:
    """A small picture."""
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, kind)
    return target.getvalue()


def made(*pictures: bytes, text: str = "", seconds: float = 1.5) -> Reply:
    """The documented answer with these pictures."""
    items = [
        {"url": "", "b64_json": b64encode(picture).decode(), "revised_prompt": text} for picture in pictures or (png(),)
    ]
    return stated(200, {"code": 200, "msg": "操作成功", "data": {"data": items, "created": 1}}, seconds=seconds)


def stated(status: int, document: object, *, seconds: float = 0.1, **headers: str) -> Reply:
    """A JSON answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"content-type": "application/json", **named}, json.dumps(document).encode(), seconds)


def sent_message(
    body: Mapping[str, Any] | str,
    *,
    thread: str = "t",
    message_id: str = "m-1",
    receive_count: int = 1,
    is_probe: bool = False,
) -> Message:
    """A message as its sender meant it."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    group, receipt = message_group(thread), f"receipt-{message_id}"
    return Message(message_id, group, text, receipt, NOON - 1, receive_count, is_probe)
