"""The request of a measured turn, and the state around it: pictures, and earlier turns."""

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from benchmarks.environment import HOME
from benchmarks.photographs import FIRST_SOURCE, NEWEST_RESULT, SMALL, SMALL_ANSWER, Photograph, made
from benchmarks.servers.processes import Servers

PICTURES = HOME / "pictures"
SPOOL = "/spool/"
NOW = "2026-11-22T12:00:00.000Z"
WORDS = "Make it a winter's night: snow on the roofs, warm light in the windows, and leave all else as it is."
SENT_TURNS = 20  # a longer thread keeps its first source beside its newest turn
SAID = "Here is the same place on a winter's night. " * 8

_serialize = TypeSerializer().serialize


@dataclass(frozen=True, slots=True)
class Scenario:
    """One turn in each of `requests` threads. A thread with `turns` has a first source and a newest result.

    `answers` gives a picture for each request, and `attached` as many for one as for another. `seconds` is the API's
    time.
    """

    name: str
    attached: tuple[Photograph, ...]
    answers: tuple[Photograph, ...]
    seconds: float
    turns: int = 0
    first_source: Photograph = FIRST_SOURCE
    newest_result: Photograph = NEWEST_RESULT
    dialect: str = "nebula"

    @property
    def requests(self) -> int:
        return len(self.answers)


WARM_UP = Scenario("warm-up", (SMALL,), (SMALL_ANSWER,), 0.0, 2, SMALL, SMALL)


@dataclass(frozen=True, slots=True)
class Request:
    """A request, the pictures that the API must get for it, and the objects that must be in S3 at the end."""

    thread: str
    words: str
    images: tuple[str, ...]
    sent: tuple[str, ...]  # SHA-256
    made: str  # SHA-256

    @property
    def results(self) -> str:
        """The prefix of its objects in the results bucket."""
        return f"/results/threads/{self.thread}/"

    def record(self) -> dict[str, Any]:
        """Its record in the function's event."""
        now = str(int(time.time() * 1000))
        body = {"thread_id": self.thread, "request_id": "measured", "instruction": self.words, "images": self.images}
        return {
            "messageId": str(uuid.uuid4()),
            "receiptHandle": "receipt",
            "body": json.dumps(body),
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:RequestsQueue.fifo",
            "attributes": {
                "MessageGroupId": self.thread,
                "SentTimestamp": now,
                "ApproximateReceiveCount": "1",
                "ApproximateFirstReceiveTimestamp": now,
            },
        }


class Stage:
    """Sets the scene of a turn on the servers."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._etags: dict[str, str] = {}

    def set(self, *scenarios: Scenario) -> list[list[Request]]:
        """Make a new table with the threads' turns, put the pictures in place, and prepare the API's answers."""
        items: list[dict[str, Any]] = []
        asked = [self._requests(scenario, items) for scenario in scenarios]
        self._servers.small.new_table(items)
        return asked

    def clear(self, requests: list[Request]) -> None:
        """Remove the results of these requests, and the whole spool."""
        self._servers.s3.forget(SPOOL, *(request.results for request in requests))

    def path(self, photograph: Photograph, bucket: str) -> tuple[str, str]:
        """The picture's path, `/bucket/key`, and its entity tag. Puts the picture there once."""
        path = f"/{bucket}/kept/{photograph.name}"
        if path not in self._etags:
            data, media_type = made(PICTURES, photograph).read_bytes(), f"image/{photograph.kind.lower()}"
            self._etags[path] = self._servers.s3.put(path, data, media_type, with_checksum=bucket == "results")
        return path, self._etags[path]

    def _requests(self, scenario: Scenario, items: list[dict[str, Any]]) -> list[Request]:
        return [self._request(scenario, number, items) for number in range(scenario.requests)]

    def _request(self, scenario: Scenario, number: int, items: list[dict[str, Any]]) -> Request:
        thread = f"{scenario.name}/{uuid.uuid4().hex[:12]}"
        words, answer = f"{WORDS} {thread}", made(PICTURES, scenario.answers[number])
        self._servers.api.will_answer(words, answer, scenario.seconds, scenario.dialect)
        attached = scenario.attached[number :: scenario.requests]
        older = (scenario.first_source, scenario.newest_result) if scenario.turns else ()
        sent = dict.fromkeys(sha256(made(PICTURES, photograph)) for photograph in (*older, *attached))
        items += [_item(thread, sk, document) for sk, document in self._history(scenario)]
        images = tuple(f"s3:/{self.path(photograph, 'uploads')[0]}" for photograph in attached)
        return Request(thread, words, images, tuple(sent), sha256(answer))

    def _history(self, scenario: Scenario) -> list[tuple[str, dict[str, Any]]]:
        """The thread's items: Darkroom's, and the naive handler's."""
        if not scenario.turns:
            return []
        turns = [self._turn(scenario, number) for number in range(1, scenario.turns + 1)]
        source, newest = (f"s3:/{self.path(*place)[0]}" for place in self._pictures(scenario))
        naive = {"turns": [{"instruction": WORDS, "images": [source], "result": newest}]}
        head = {"latest_turn": scenario.turns, "created_at": NOW, "updated_at": NOW}
        # The summary beside a branch's newest turn, which saves reading all of it.
        place = _source(*self.path(scenario.first_source, "uploads"), scenario.first_source)
        past = {"succeeded": scenario.turns, "first_source": place, "left_over": []}
        kept = [(f"PAST#{scenario.turns:05d}", past)] if scenario.turns > SENT_TURNS else []
        return [("THREAD", head), ("NAIVE", naive), *kept, *((f"TURN#{turn['turn']:05d}", turn) for turn in turns)]

    def _pictures(self, scenario: Scenario) -> tuple[tuple[Photograph, str], tuple[Photograph, str]]:
        return (scenario.first_source, "uploads"), (scenario.newest_result, "results")

    def _turn(self, scenario: Scenario, number: int) -> dict[str, Any]:
        """The `result.json` of an earlier turn."""
        (source, uploads), (newest, results) = self._pictures(scenario)
        return {
            "schema_version": 1, "status": "succeeded", "turn": number, "parent_turn": number - 1 or None,
            "request_id": f"earlier-{number}", "instruction": WORDS, "model": "gemini-3.1-flash-image", "options": {},
            "mode": "conversation" if number > 1 else "image_to_image", "text": SAID, "error": None, "attempts": 1,
            "sources": [_source(*self.path(source, uploads), source)] if number == 1 else [],
            "images": [_picture(self.path(newest, results)[0], newest)],
            "cost": {"paid_calls": 1, "amount": None, "currency": None}, "provider_request_id": f"earlier-{number}",
            "timing": {"requested_at": NOW, "started_at": NOW, "finished_at": NOW, "api_seconds": Decimal("9.8")},
            "metadata": {},
        }  # fmt: skip


def _source(path: str, etag: str, photograph: Photograph) -> dict[str, Any]:
    bucket, key = path[1:].split("/", 1)
    return {"bucket": bucket, "key": key, "etag": etag, "sha256": sha256(made(PICTURES, photograph))}


def _picture(path: str, photograph: Photograph) -> dict[str, Any]:
    bucket, key = path[1:].split("/", 1)
    file = made(PICTURES, photograph)
    width, height = photograph.pixels
    return {
        "bucket": bucket, "key": key, "media_type": f"image/{photograph.kind.lower()}", "bytes": file.stat().st_size,
        "width": width, "height": height, "sha256": sha256(file), "primary": True,
    }  # fmt: skip


def _item(thread: str, sk: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serialize(value) for name, value in {"thread_id": thread, "sk": sk, **document}.items()}


_digests: dict[Path, str] = {}


def sha256(file: Path) -> str:
    """The hash of the file's bytes. Each file is read once."""
    if file not in _digests:
        _digests[file] = hashlib.sha256(file.read_bytes()).hexdigest()
    return _digests[file]
