"""An image API for the tests: quick, in any mood that a test wants, and an exact record of its calls.

A mood is the treatment of one call. `FREE` ones do nothing; after a `BROKEN` one, the outcome cannot be known.
"""

import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from PIL import Image

from local.image_api.answers import GATEWAY_PAGE, Answer, as_json
from local.image_api.dialects.nebula import envelope, refusal
from local.image_api.studio import GARBAGE

FREE = {
    "throttled": Answer(429, b"", "text/plain"),
    "throttled 2 s": refusal(429, "rate limit reached, please slow down", **{"Retry-After": "2"}),
    "unavailable": refusal(503, "service temporarily unavailable"),
    "bad key": refusal(401, "无效的令牌 (invalid token)"),
    "empty account": as_json(403, {"error": {"message": "用户额度不足", "code": "insufficient_user_quota"}}),
}
BROKEN = ("gateway", "page", "cut", "dropped", "hang")
HANG_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Mood:
    """The treatment of a call, after so many seconds."""

    name: str = "fine"
    seconds: float = 0.0


@dataclass(slots=True)
class Call:
    """A call whose body was received whole. Times are epoch seconds; `picture` is the SHA-256 of the one made."""

    words: str
    pictures: tuple[bytes, ...]
    began: float
    mood: str = "fine"
    ended: float | None = None
    is_answered: bool = False
    picture: str | None = None

    @property
    def context(self) -> tuple[str, ...]:
        """The SHA-256 of each picture."""
        return tuple(hashlib.sha256(picture).hexdigest() for picture in self.pictures)

    @property
    def is_paid(self) -> bool:
        return self.mood not in FREE

    @property
    def is_lost(self) -> bool:
        """Whether its answer cannot have arrived, or says nothing."""
        return self.mood in BROKEN or not self.is_answered


class Provider:
    """Listens on a port of its own from the start. `mood` gives the mood of each call from its words."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.mood: Callable[[str], Mood] = _well
        self.write: Callable[[str, bytes], Answer] = _documented
        self._calls: list[Call] = []
        self._lock = threading.Lock()
        self._server = _Server(self, 0)
        self.port = int(self._server.server_address[1])
        self.come_back()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def calls(self, words: str = "") -> list[Call]:
        """The calls with these words, oldest first."""
        with self._lock:
            return [call for call in self._calls if words in call.words]

    def come_back(self) -> None:
        self._server.server_activate()
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._serving.start()

    def go_away(self) -> None:
        """Cut connections and refuse new ones. The port stays bound, and is deaf."""
        self.close()
        self._server = _Server(self, self.port)

    def close(self) -> None:
        if self._serving.is_alive():
            self._server.shutdown()
            self._serving.join()
        self._server.server_close()
        self._server.cut_lines()

    def received(self, body: bytes, key: str) -> tuple[Call, Mood]:
        """Record the call and its mood."""
        words, pictures = _read(json.loads(body))
        mood = self.mood(words) if key == self.key else Mood("bad key")
        call = Call(words, pictures, time.time(), mood.name)
        with self._lock:
            self._calls.append(call)
        return call, mood


def _well(words: str) -> Mood:
    return Mood()


def _documented(words: str, picture: bytes) -> Answer:
    """The answer to these words, which made this picture."""
    entry = {"url": "", "b64_json": base64.b64encode(picture).decode(), "revised_prompt": ""}
    return as_json(200, envelope([entry]))


@contextmanager
def provider(key: str) -> Iterator[Provider]:
    """A provider that is closed at the end."""
    started = Provider(key)
    try:
        yield started
    finally:
        started.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, provider: Provider, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler, bind_and_activate=False)
        self.provider = provider
        self.lines: set[socket.socket] = set()
        self.server_bind()

    def cut_lines(self) -> None:
        for line in self.lines.copy():
            with suppress(OSError):  # it may just have ended by itself
                line.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: connections break here all the time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.lines.add(self.connection)

    def finish(self) -> None:
        self.server.lines.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        self.close_connection = True
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return
        call, mood = self.server.provider.received(body, self.headers.get("Authorization", "").removeprefix("Bearer "))
        time.sleep(mood.seconds)
        try:
            if answer := self._answer(call):
                self._send(answer)
                call.is_answered = answer.sent_share == 1
        finally:
            call.ended = time.time()

    def _answer(self, call: Call) -> Answer | None:
        """The answer; None cuts the connection."""
        if call.mood in FREE:
            return FREE[call.mood]
        if call.mood == "gateway":
            return Answer(504, GATEWAY_PAGE, "text/html")
        if call.mood == "page":
            return Answer(200, b"<html><body>Welcome!</body></html>", "text/html")
        if call.mood == "junk":
            return _documented(call.words, GARBAGE.pictures[0])
        if call.mood == "dropped":
            return None
        if call.mood == "hang":
            self._wait_until_the_caller_leaves()
            return None
        return self._made(call)

    def _made(self, call: Call) -> Answer:
        picture = _picture(f"{call.words} {call.began}")
        call.picture = hashlib.sha256(picture).hexdigest()
        answer = self.server.provider.write(call.words, picture)
        answer.sent_share = 0.5 if call.mood == "cut" else 1
        return answer

    def _wait_until_the_caller_leaves(self) -> None:
        self.connection.settimeout(HANG_SECONDS)
        self.connection.recv(1)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.content_type, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: int(len(answer.body) * answer.sent_share)])

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the calls are recorded."""


def _read(document: dict[str, Any]) -> tuple[str, tuple[bytes, ...]]:
    """The last words of a call, and its pictures in order."""
    parts = [part for content in document.get("contents") or [] for part in content["parts"]]
    words = [part["text"] for part in parts if "text" in part] or [document["prompt"]]
    uris = [part["image"] for part in parts if "image" in part]
    return words[-1], tuple(base64.b64decode(uri.partition(",")[2]) for uri in uris)


def _picture(words: str) -> bytes:
    """A small picture that is different for all words."""
    target = BytesIO()
    Image.frombytes("RGB", (16, 16), hashlib.shake_256(words.encode()).digest(16 * 16 * 3)).save(target, "PNG")
    return target.getvalue()
