"""An image API on this machine with the provider's own books: the requests that came whole, and its charges."""

import base64
import io
import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random
from typing import Any, Literal

from PIL import Image

Answer = Literal["picture", "address", "refusal", "words", "busy"]
KEY = "sk-of-the-provider-in-the-tests"
PATIENCE_SECONDS = 10  # on a silent connection; a correct client leaves none open


@dataclass(frozen=True, slots=True)
class Received:
    """A request that came whole, and its picture; it has only words if it was refused or turned away."""

    picture: bytes
    answer: Answer

    @property
    def charged(self) -> bool:
        """Whether the provider charges for it."""
        return self.answer in ("picture", "address", "words")

    @property
    def was_free(self) -> bool:
        """Whether the provider did not even look at it."""
        return self.answer == "busy"


class Provider(HTTPServer):
    """Answers one connection after the other. Each of its pictures is different."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.answers: Answer = "picture"
        self.is_busy = False  # for the next request
        self.received: list[Received] = []
        self._over = 0
        self._pictures = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def forget(self) -> None:
        """Open new books."""
        self.received, self._over = [], 0

    def until_over(self, connections: int) -> None:
        """Wait until so many connections have ended and the books are up to date."""
        with self._changed:
            ended = self._changed.wait_for(lambda: self._over >= connections, PATIENCE_SECONDS)
        assert ended, "a connection to the image API was left open"

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._over += 1
            self._changed.notify_all()

    def answer(self) -> tuple[int, dict[str, Any]]:
        """Record a request, and answer it."""
        self._pictures += 1
        call = Received(noise(64, seed=self._pictures), "busy" if self.is_busy else self.answers)
        self.received.append(call)
        self.is_busy = False
        if call.answer == "busy":
            return 429, {"code": 429, "msg": "rate limit reached", "data": None}
        if call.answer == "words":
            return 200, {"data": [{"revised_prompt": "which cat?"}]}
        if call.answer == "refusal":
            return 400, {"error": {"code": "prompt_blocked", "message": "blocked", "type": "new_api_error"}}
        item = {"url": "", "b64_json": base64.b64encode(call.picture).decode(), "revised_prompt": ""}
        if call.answer == "address":
            item |= {"url": f"{self.url}/{len(self.received) - 1}", "b64_json": ""}
        return 200, {"code": 200, "msg": "操作成功", "data": {"data": [item], "created": 1}}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that dies in the middle of an exchange, because that is the test."""

    def __enter__(self) -> "Provider":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Line(BaseHTTPRequestHandler):
    server: Provider
    timeout = PATIENCE_SECONDS

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) == length and self.headers["Authorization"] == f"Bearer {KEY}":
            status, document = self.server.answer()
            self._send(status, json.dumps(document).encode(), "application/json")

    def do_GET(self) -> None:
        self._send(200, self.server.received[int(self.path.removeprefix("/"))].picture, "image/png")

    def _send(self, status: int, content: bytes, media_type: str) -> None:
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""


def noise(edge: int, *, seed: int) -> bytes:
    """A PNG that does not compress: about three bytes a pixel."""
    target = io.BytesIO()
    Image.frombytes("RGB", (edge, edge), Random(seed).randbytes(3 * edge * edge)).save(target, "PNG")  # noqa: S311
    return target.getvalue()
