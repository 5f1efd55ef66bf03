"""An HTTP/1.1 server over TLS that drops idle connections. Its subclasses make the answers."""

import io
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from requests.structures import CaseInsensitiveDict

from benchmarks.servers.units import Units

IDLE_SECONDS = 0.5  # less than the time of any call of the image API
EXCHANGE_SECONDS = 60.0
CHUNK_BYTES = 1 << 18
NONE = Units()


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `body` is at its first byte; the server that answers reads it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: "Body"


@dataclass(frozen=True, slots=True)
class Response:
    """A response. The body of a HEAD is only counted."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    units: Units = NONE


@dataclass(frozen=True, slots=True)
class Exchange:
    """The record of an exchange: the operation's name, its start in epoch seconds, the bytes of the two bodies, the
    server's time, and DynamoDB's units.
    """

    operation: str
    began: float
    sent: int
    received: int
    seconds: float
    units: Units


class Body:
    """A request's body, with a length or in chunks. S3's clients may send chunks inside chunks, in the same syntax."""

    def __init__(self, stream: io.BufferedIOBase, headers: Mapping[str, str]) -> None:
        self._stream = stream
        self._length = int(headers.get("Content-Length") or 0)
        self._is_chunked = "chunked" in headers.get("Transfer-Encoding", "")
        self._is_chunked_within = "aws-chunked" in headers.get("Content-Encoding", "")
        self.taken = 0  # bytes of content

    def read(self) -> bytes:
        """The whole body."""
        content = _unchunked(self._stream) if self._is_chunked else _exactly(self._stream, self._length)
        if self._is_chunked_within:
            content = _unchunked(io.BytesIO(content))
        self.taken = len(content)
        return content


def _unchunked(stream: io.BufferedIOBase) -> bytes:
    content = bytearray()
    while size := int(_line(stream).partition(b";")[0], 16):
        content += _exactly(stream, size)
        _line(stream)
    while _line(stream).strip():
        """The trailer: checksums, which TLS has made needless here."""
    return bytes(content)


def _line(stream: io.BufferedIOBase) -> bytes:
    if line := stream.readline():
        return line
    raise ConnectionError("the client broke off")


def _exactly(stream: io.BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ConnectionError("the client broke off")
    return data


class Front:
    """A server on a free port of 127.0.0.1. `certificate` is a file with certificate and key; without it, the server
    speaks http. It drops connections after `idle_seconds`.
    """

    def __init__(self, certificate: Path | None, idle_seconds: float = IDLE_SECONDS) -> None:
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []
        self._server = _Server(self, certificate, idle_seconds)
        self._scheme = "https" if certificate else "http"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self) -> str:
        """The server's address."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def exchanges(self) -> list[Exchange]:
        """The exchanges since the last call."""
        with self._lock:
            told, self._exchanges = self._exchanges, []
        return told

    def answer(self, request: Request) -> tuple[str, Response]:
        """The operation's name, and the answer."""
        raise NotImplementedError

    def note(self, exchange: Exchange) -> None:
        with self._lock:
            self._exchanges.append(exchange)


def counted(exchanges: list[Exchange]) -> Counter[str]:
    """The number of exchanges of each operation."""
    return Counter(exchange.operation for exchange in exchanges)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, front: Front, certificate: Path | None, idle_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.front = front
        self.idle_seconds = idle_seconds
        self.tls: ssl.SSLContext | None = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that goes away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    wbufsize = 1 << 16  # head and small body leave in one piece

    def setup(self) -> None:
        self.request.settimeout(EXCHANGE_SECONDS)
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        self.close_connection = False
        while not self.close_connection:  # a new connection is not idle, however busy the machine is
            self.handle_one_request()
            self.connection.settimeout(self.server.idle_seconds)

    def parse_request(self) -> bool:
        self.connection.settimeout(EXCHANGE_SECONDS)
        return super().parse_request()

    def handle_expect_100(self) -> bool:
        is_welcome = super().handle_expect_100()
        self.wfile.flush()
        return is_welcome

    def _exchange(self) -> None:
        path, _, query = self.path.partition("?")
        headers = CaseInsensitiveDict(self.headers.items())
        body = Body(self.rfile, headers)
        began = time.time()
        operation, response = self.server.front.answer(Request(self.command, path, query, headers, body))
        seconds = time.time() - began
        self.server.front.note(Exchange(operation, began, body.taken, len(response.body), seconds, response.units))
        self._send(response)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in (response.headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            for start in range(0, len(response.body), CHUNK_BYTES):
                self.wfile.write(response.body[start : start + CHUNK_BYTES])

    do_GET = do_HEAD = do_PUT = do_POST = _exchange  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_: Any) -> None:
        """Log nothing: exchanges are recorded."""
