"""The image API: hashes the pictures of a call, and answers in due time with the picture that the words name."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers.front import IDLE_SECONDS, Front, Request, Response
from local.image_api.answers import envelope

UNKNOWN = Response(400, b'{"error":{"message":"nobody said what to answer","type":"bench","code":"invalid_request"}}')


@dataclass(frozen=True, slots=True)
class Call:
    """A call. Its times are epoch seconds: its last byte arrived, its answer began."""

    instruction: str
    pictures: tuple[str, ...]  # the SHA-256 of each
    received: float
    answered: float


class ImageApi(Front):
    """`POST /v1/images/generations`. A call's last words choose the answer that was prepared."""

    def __init__(self, certificate: Path | None, idle_seconds: float = IDLE_SECONDS) -> None:
        self._answers: dict[str, tuple[bytes, float]] = {}
        self._bodies: dict[Path, bytes] = {}
        self._calls: list[Call] = []
        super().__init__(certificate, idle_seconds)

    def will_answer(self, instruction: str, picture: Path, seconds: float) -> None:
        """Answer a call with these words with this picture, so many seconds after the call's last byte."""
        if picture not in self._bodies:
            entry = {"url": "", "b64_json": base64.b64encode(picture.read_bytes()).decode(), "revised_prompt": ""}
            self._bodies[picture] = json.dumps(envelope([entry]), ensure_ascii=False).encode()
        self._answers[instruction] = self._bodies[picture], seconds

    def calls(self) -> list[Call]:
        """The calls since the last time."""
        told, self._calls = self._calls, []
        return told

    def answer(self, request: Request) -> tuple[str, Response]:
        """See `Front`. The server's own time is part of the wait."""
        body = request.body.read()
        received = time.time()
        words, pictures = _asked(json.loads(body))
        if words not in self._answers:
            return "api:Generate", UNKNOWN
        answer, seconds = self._answers[words]
        time.sleep(max(0.0, received + seconds - time.time()))
        self._calls.append(Call(words, pictures, received, time.time()))
        return "api:Generate", Response(200, answer, {"Content-Type": "application/json"})


def _asked(document: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The last words, and the SHA-256 of each picture, in order."""
    parts = [part for content in document.get("contents") or [] for part in content["parts"]]
    words = [part["text"] for part in parts if "text" in part] or [document["prompt"]]
    uris = [part["image"] for part in parts if "image" in part]
    return words[-1], tuple(hashlib.sha256(base64.b64decode(uri.partition(",")[2])).hexdigest() for uri in uris)
