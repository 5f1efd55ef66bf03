"""The image API: hashes the pictures of a call, and answers in due time with the picture that the words name.

It reads calls and writes answers with the stand-in's dialects, each at the real API's path.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers.front import IDLE_SECONDS, Front, Request, Response
from local.image_api.dialect import Call as Received
from local.image_api.dialect import Dialect, Made
from local.image_api.dialects.gemini import GEMINI
from local.image_api.dialects.nebula import NEBULA
from local.image_api.dialects.openai import OPENAI
from local.image_api.generation import Generation

# In this order, because `openai` has the path of `nebula` for words alone, which no measured turn of it is.
DIALECTS = {"nebula": NEBULA, "gemini": GEMINI, "openai": OPENAI}
UNKNOWN = Response(400, b'{"error":{"message":"nobody said what to answer","type":"bench","code":"invalid_request"}}')


@dataclass(frozen=True, slots=True)
class Call:
    """A call. Its times are epoch seconds: its last byte arrived, its answer began."""

    instruction: str
    pictures: tuple[str, ...]  # the SHA-256 of each
    received: float
    answered: float


class ImageApi(Front):
    """A call's path names its dialect, and its last words choose the answer that was prepared in it."""

    def __init__(self, certificate: Path | None, idle_seconds: float = IDLE_SECONDS) -> None:
        self._answers: dict[tuple[str, str], tuple[bytes, float]] = {}
        self._bodies: dict[tuple[str, Path], bytes] = {}
        self._calls: list[Call] = []
        super().__init__(certificate, idle_seconds)

    def will_answer(self, instruction: str, picture: Path, seconds: float, dialect: str = "nebula") -> None:
        """Answer a call with these words with this picture, so many seconds after the call's last byte."""
        if (dialect, picture) not in self._bodies:
            self._bodies[dialect, picture] = _written(DIALECTS[dialect], picture.read_bytes())
        self._answers[dialect, instruction] = self._bodies[dialect, picture], seconds

    def calls(self) -> list[Call]:
        """The calls since the last time."""
        told, self._calls = self._calls, []
        return told

    def answer(self, request: Request) -> tuple[str, Response]:
        """See `Front`. The server's own time is part of the wait."""
        call = Received(
            request.path, {name.lower(): value for name, value in request.headers.items()}, request.body.read()
        )
        received = time.time()
        dialect = next((name for name, each in DIALECTS.items() if each.path.fullmatch(call.path)), "")
        words, pictures = _asked(DIALECTS[dialect].described(call)) if dialect else ("", ())
        if (dialect, words) not in self._answers:
            return "api:Generate", UNKNOWN
        answer, seconds = self._answers[dialect, words]
        time.sleep(max(0.0, received + seconds - time.time()))
        self._calls.append(Call(words, pictures, received, time.time()))
        return "api:Generate", Response(200, answer, {"Content-Type": "application/json"})


def _written(dialect: Dialect, picture: bytes) -> bytes:
    """The answer with this picture, as the dialect writes it."""
    generation = Generation("gemini-3.1-flash-image", "", (), (), "b64_json", {})
    return dialect.answer(generation, Made((picture,)), lambda *_: "").body


def _asked(described: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The last words of a call, and the SHA-256 of each picture, in order."""
    parts = [part for content in described.get("contents") or [] for part in content["parts"]]
    words = [part["text"] for part in parts if "text" in part] or [described.get("prompt") or ""]
    images = [*(part["image"] for part in parts if "image" in part), *described.get("images", [])]
    return words[-1], tuple(image["sha256"] for image in images)
