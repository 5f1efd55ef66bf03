"""One HTTP exchange on its own connection, cut off at a deadline. It records whether the request was sent.

`requests` bounds each read and not the whole exchange, so a server that drips bytes could hold a call for ever. It
raises the same error for a connection that was never made and for one that was lost after the request was sent.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from io import BufferedReader
from typing import Any, cast

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from darkroom import tls
from darkroom.domain.timing import KEEPALIVE_IDLE_SECONDS, KEEPALIVE_INTERVAL_SECONDS
from darkroom.streaming.blob import Blob, chunks

MAX_INTERIM_RESPONSES = 1000  # some servers send one each second
MAX_HEAD_BYTES = 4 << 20
MAX_HEADERS = 90  # `http.client` accepts 99, and a needed header may come last
_NEEDED_HEADERS = frozenset(
    (b"content-length", b"transfer-encoding", b"content-encoding", b"location", b"retry-after", b"date",
     b"x-oneapi-request-id", b"x-request-id")
)  # fmt: skip
_IDLE_OPTION = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))  # Linux, macOS
KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *([(socket.IPPROTO_TCP, _IDLE_OPTION, KEEPALIVE_IDLE_SECONDS)] if _IDLE_OPTION else []),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS),
]


class FinalResponse(HTTPResponse):
    """The final response to a request, however odd its head is.

    `http.client` takes an interim response (1xx) other than 100 for the final one. It fails on a response with too
    many headers, or with a long one.
    """

    def begin(self) -> None:
        """Read the heads of the interim responses, then the head of the final one."""
        self._begin()
        for _ in range(MAX_INTERIM_RESPONSES):
            if not 100 <= self.status < 200 or self.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return
            vars(self).update(headers=None, msg=None)  # as `http.client` leaves them for `begin`
            self._begin()
        raise HTTPException(f"more than {MAX_INTERIM_RESPONSES} interim responses")

    def _begin(self) -> None:
        whole = self.fp
        self.fp = cast("BufferedReader", _Head(whole))
        try:
            super().begin()
        finally:
            self.fp = self.fp and whole


class _Head:
    """The lines of a response's head, without those on which `http.client` fails or stops.

    It leaves out headers that are too long, and lines that are no headers. After MAX_HEADERS, it keeps only the
    headers that Darkroom needs.
    """

    def __init__(self, whole: BufferedReader) -> None:
        self.close = whole.close
        self._whole = whole
        self._lines = self._bytes = 0
        self._is_cut = self._is_left_out = False

    def readline(self, limit: int) -> bytes:
        """The next line that is kept."""
        line = self._whole.readline(limit)
        while line and self._leaves_out(line, limit):
            line = self._whole.readline(limit)
        self._lines = 0 if line in (b"\r\n", b"\n") else self._lines + 1  # another head follows a 100
        return line

    def _leaves_out(self, line: bytes, limit: int) -> bool:
        self._bytes += len(line)
        if self._bytes > MAX_HEAD_BYTES:
            raise HTTPException(f"a head of more than {MAX_HEAD_BYTES} bytes")
        is_rest, self._is_cut = self._is_cut, line[-1:] != b"\n" and len(line) == limit
        if is_rest or not self._lines or line in (b"\r\n", b"\n"):
            return is_rest
        if line[:1] in b" \t":  # it continues the header before it
            return self._is_left_out or self._lines > MAX_HEADERS
        name, colon, _ = line.partition(b":")
        is_none = not colon or b" " in name or len(line) == limit
        self._is_left_out = is_none or (self._lines > MAX_HEADERS and name.lower() not in _NEEDED_HEADERS)
        return self._is_left_out


class Body:
    """A request's body that records whether any of it was sent."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self.was_taken = False  # while False, no byte of the body has been sent

    def __len__(self) -> int:
        return len(self._blob)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks. urllib3 asks for the first one when it has connected and sent the headers."""
        for chunk in chunks(self._blob):
            self.was_taken = True
            yield chunk


class Deadline:
    """Shuts down the watched sockets after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_over = False
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def watch(self, connection: HTTPConnection) -> None:
        """Watch the socket of a connection that has just been made."""
        with self._lock:
            if isinstance(connection.sock, socket.socket):
                self._sockets.append(connection.sock)
        if self._is_over:
            self._shut()

    def _shut(self) -> None:
        with self._lock:
            self._is_over = True
            watched_now = list(self._sockets)
        for watched in watched_now:
            try:
                # Not SSLSocket's own `shutdown`: it would remove the TLS state while another thread reads.
                socket.socket.shutdown(watched, socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


class _Watched(HTTPAdapter):
    """An adapter whose connections a deadline watches."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, socket_options=[*HTTPConnection.default_socket_options, *KEEPALIVE])
        deadline = self._deadline

        class Plain(HTTPConnection):
            response_class = FinalResponse

            def connect(self) -> None:
                super().connect()
                deadline.watch(self)

        class Secure(HTTPSConnection):
            response_class = FinalResponse

            def connect(self) -> None:
                super().connect()
                deadline.watch(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        host, keys = super().build_connection_pool_key_attributes(request, verify, cert)
        bundle = verify if isinstance(verify, str) else certifi.where()
        return host, keys | {"ssl_context": tls.context(bundle)}


class _Session(requests.Session):
    """A session that ignores redirects. `requests` reads their target even if it does not follow them."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - it is ignored
        return None


@contextmanager
def exchange(seconds: float) -> Iterator[requests.Session]:
    """A session for one exchange on a fresh connection, which ends after so many seconds."""
    with Deadline(seconds) as deadline, _Session() as session:
        session.mount("http://", _Watched(deadline))
        session.mount("https://", _Watched(deadline))
        session.headers["Connection"] = "close"
        yield session
