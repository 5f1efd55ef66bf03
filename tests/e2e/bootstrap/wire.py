"""The connection between a function's process and the emulator of AWS. It passes everything on, and records it."""

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to AWS."""

    operation: str
    headers: Mapping[str, str]
    body: bytes


class Wire(ThreadingHTTPServer):
    """A server that a function takes for AWS."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.emulator = port
        self.asked: list[Asked] = []
        self._open: set[socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of(self, operation: str) -> list[Asked]:
        """The requests of one operation, such as `SendMessage`."""
        return [each for each in self.asked if each.operation == operation]

    def opened(self, connection: socket) -> None:
        self._open.add(connection)

    def cut(self) -> int:
        """End all connections, as AWS does to a process that was frozen for long. Return their number."""
        cut = [connection for connection in self._open if connection.fileno() >= 0]
        for connection in cut:
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)
        self._open.clear()
        return len(cut)


class _Handler(BaseHTTPRequestHandler):
    server: Wire
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", f".{self.command}").rpartition(".")[2]
        self.server.asked.append(Asked(operation, dict(self.headers), body))
        line = http.client.HTTPConnection("127.0.0.1", self.server.emulator)
        line.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                line.putheader(name, value)
        line.endheaders(body)
        answer = line.getresponse()
        told = answer.read()
        line.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(told))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - the names that the base class calls

    def log_message(self, *_: object) -> None:
        """Log nothing: `asked` has the requests."""


@contextmanager
def to_emulator(port: int) -> Iterator[Wire]:
    """A connection to the emulator on a port, until the block ends."""
    with Wire(port) as wire:
        thread = threading.Thread(target=wire.serve_forever, daemon=True)
        thread.start()
        try:
            yield wire
        finally:
            wire.shutdown()
            wire.cut()
            thread.join()
