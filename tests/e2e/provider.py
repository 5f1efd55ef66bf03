"""An image API for the tests, in every dialect: quick, in any mood that a test wants, and an exact record of its calls.

A mood is the treatment of one call. `FREE` ones do nothing; after a `BROKEN` one, the outcome cannot be known.
"""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from PIL import Image

from local.image_api.answers import GATEWAY_PAGE, Answer, Rejected, as_json
from local.image_api.dialect import Call as Received
from local.image_api.dialect import Dialect, Made, Problem
from local.image_api.dialects import dialect_of
from local.image_api.dialects.nebula import NEBULA, refusal
from local.image_api.generation import Generation
from local.image_api.studio import GARBAGE

FREE: Mapping[str, Problem | Answer] = {
    "throttled": Answer(429, b"", "text/plain"),
    "throttled 2 s": Problem("429", 429, "rate limit reached, please slow down", "2"),
    "unavailable": refusal(503, "service temporarily unavailable"),  # a gateway's own, in every dialect
    "bad key": Problem("401", 401, "无效的令牌 (invalid token)"),
    "empty account": Problem("402", 402, "用户额度不足"),
}
# As gateways of this dialect say it. The stand-in says what its document does.
_EMPTY_IN_NEBULA = as_json(403, {"error": {"message": "用户额度不足", "code": "insufficient_user_quota"}})
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
        self.write: Callable[[str, bytes], Made | Answer] = lambda _words, picture: Made((picture,))
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

    def received(self, asked: Generation, *, is_authorised: bool) -> tuple[Call, Mood]:
        """Record the call and its mood."""
        words = _words(asked)
        mood = self.mood(words) if is_authorised else Mood("bad key")
        call = Call(words, _pictures(asked), time.time(), mood.name)
        with self._lock:
            self._calls.append(call)
        return call, mood


def _well(words: str) -> Mood:
    return Mood()


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
        received = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        dialect = dialect_of(received)
        try:
            asked = dialect.read(received, lambda _: None)
        except Rejected as rejected:
            self._send(dialect.problem(Problem("invalid", rejected.status, rejected.message), "r-1"))
            return
        is_authorised = dialect.is_authorised(received.headers, self.server.provider.key)
        call, mood = self.server.provider.received(asked, is_authorised=is_authorised)
        time.sleep(mood.seconds)
        try:
            if answer := self._answer(call, dialect, asked):
                self._send(answer)
                call.is_answered = answer.sent_share == 1
        finally:
            call.ended = time.time()

    def _answer(self, call: Call, dialect: Dialect, asked: Generation) -> Answer | None:
        """The answer; None cuts the connection."""
        if call.mood in FREE:
            return _nothing(call.mood, dialect)
        if call.mood == "gateway":
            return Answer(504, GATEWAY_PAGE, "text/html")
        if call.mood == "page":
            return Answer(200, b"<html><body>Welcome!</body></html>", "text/html")
        if call.mood == "junk":
            return _told(dialect, asked, GARBAGE)
        if call.mood == "dropped":
            return None
        if call.mood == "hang":
            self._wait_until_the_caller_leaves()
            return None
        return self._made(call, dialect, asked)

    def _made(self, call: Call, dialect: Dialect, asked: Generation) -> Answer:
        picture = _picture(f"{call.words} {call.began}")
        call.picture = hashlib.sha256(picture).hexdigest()
        answer = _told(dialect, asked, self.server.provider.write(call.words, picture))
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


def _words(asked: Generation) -> str:
    """The last words of a call."""
    words = [part for turn in asked.turns for part in turn.parts if isinstance(part, str)]
    return words[-1] if words else asked.prompt


def _pictures(asked: Generation) -> tuple[bytes, ...]:
    """The pictures of a call, in order."""
    shown = [picture for turn in asked.turns for picture in turn.pictures]
    return tuple(picture.content for picture in (*shown, *asked.images))


def _nothing(mood: str, dialect: Dialect) -> Answer:
    """The answer to a call for which nothing is done."""
    told = _EMPTY_IN_NEBULA if (mood, dialect) == ("empty account", NEBULA) else FREE[mood]
    return told if isinstance(told, Answer) else dialect.problem(told, "r-1")


def _told(dialect: Dialect, asked: Generation, made: Made | Answer) -> Answer:
    return made if isinstance(made, Answer) else dialect.answer(asked, made, lambda *_: "")


def _picture(words: str) -> bytes:
    """A small picture that is different for all words."""
    target = BytesIO()
    Image.frombytes("RGB", (16, 16), hashlib.shake_256(words.encode()).digest(16 * 16 * 3)).save(target, "PNG")
    return target.getvalue()
