"""Lambda's Runtime API for a function's process: the next invocation, and its result.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_SECONDS = 60.0
_API = "/2018-06-01/runtime/"


@dataclass(frozen=True, slots=True)
class Invocation:
    """An invocation as Lambda describes it."""

    event: Mapping[str, Any]
    trace: str
    request_id: str
    deadline: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A process's report on an invocation, or on its start: `how` is `response`, `error` or `init/error`."""

    how: str
    document: Any


class RuntimeApi(ThreadingHTTPServer):
    """The API of one process, on a port of this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.coming: queue.Queue[Invocation | None] = queue.Queue()
        self.said: queue.Queue[Ended] = queue.Queue()
        self.asks = threading.Event()  # the process waits for its next invocation: then Lambda freezes it

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def invoke(self, event: Mapping[str, Any], *, trace: str = "", seconds: float = 60) -> Ended:
        """Run an invocation to its end."""
        self.asks.wait(PATIENCE_SECONDS)
        self.asks.clear()
        self.coming.put(Invocation(event, trace, str(uuid.uuid4()), time.time() + seconds))
        return self.said.get(timeout=PATIENCE_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert self.path == f"{_API}invocation/next"
        self.server.asks.set()
        if (invocation := self.server.coming.get()) is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(round(invocation.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:tried",
            **({"Lambda-Runtime-Trace-Id": invocation.trace} if invocation.trace else {}),
        }
        self._answer(200, json.dumps(invocation.event).encode(), headers)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else self._chunks()
        name = self.path.removeprefix(_API)
        self._answer(202, b'{"status": "OK"}', {})
        how = name if name == "init/error" else name.rpartition("/")[2]
        self.server.said.put(Ended(how, json.loads(body)))

    def _chunks(self) -> bytes:
        """The body, which libcurl sends in chunks."""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: pytest shows the failures."""


@contextmanager
def serving() -> Iterator[RuntimeApi]:
    """A Runtime API that answers until the block ends."""
    with RuntimeApi() as api:
        thread = threading.Thread(target=api.serve_forever, daemon=True)
        thread.start()
        try:
            yield api
        finally:
            api.coming.put(None)
            api.shutdown()
            thread.join()
