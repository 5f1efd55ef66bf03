"""The edge of our clients: every attempt at an AWS call and every use of the API's sockets, before and after it.

The hooks are botocore's own events and the socket itself, so they also meet every new call. A `Break` happens at one
of the boundaries. A process that died there does nothing more: each of its later actions raises `Died`.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from tests.fakes.edge import Died

Kind = Literal[
    "dies",  # the process, at this boundary
    "answer lost",  # of an attempt that AWS carried out; botocore tries again by itself
    "no answer",  # to any attempt at this call, though AWS carried all of them out
    "unreachable",  # for every attempt at this call; AWS carried out none
]


@dataclass(frozen=True, slots=True)
class Break:
    """An event at the boundary of this number, counted from 1 over all processes of a run."""

    number: int
    kind: Kind

    def is_possible_at(self, boundary: str) -> bool:
        """A process can die anywhere. An answer can be lost only after an AWS call, and AWS be away only before one."""
        if self.kind == "dies":
            return True
        return not boundary.endswith("socket") and boundary.startswith(
            "before" if self.kind == "unreachable" else "after"
        )


class Edge:
    """The names of the boundaries that a run has passed, and its one break, if it has one."""

    def __init__(self, breaks: Break | None = None) -> None:
        self.seen: list[str] = []
        self.connections = 0
        self.is_dead = False
        self._breaks = breaks
        self._broken_call = ""
        self._lock = threading.Lock()

    def passes(self, boundary: str, call: str = "", address: str = "") -> None:
        """Raise the break, if it is here. `call` is the same for every attempt at one call."""
        with self._lock:
            if self.is_dead:
                raise Died
            self.seen.append(boundary)
            if self._breaks is None or not self._is_broken(boundary, call, self._breaks):
                return
            if self._breaks.kind == "dies":
                self.is_dead = True
                raise Died
        if self._breaks.kind == "unreachable":
            raise EndpointConnectionError(endpoint_url=address)
        raise ConnectionClosedError(endpoint_url=address)

    def _is_broken(self, boundary: str, call: str, breaks: Break) -> bool:
        if len(self.seen) == breaks.number:
            self._broken_call = call
            return True
        goes_on = breaks.kind in ("no answer", "unreachable")
        return goes_on and call == self._broken_call != "" and breaks.is_possible_at(boundary)


@contextmanager
def hooked(session: boto3.Session, port: int, current: Callable[[], Edge]) -> Iterator[None]:
    """Make this session's new clients, and every socket to this port, pass the boundaries of the current edge."""

    def before_send(request: AWSPreparedRequest, event_name: str, **_: Any) -> None:
        current().passes(*_described("before", request, event_name))

    def after_send(request: AWSPreparedRequest, event_name: str, **_: Any) -> None:
        current().passes(*_described("after", request, event_name))

    session.events.register_first("before-send", before_send)
    # moto answers in this event too. The last handler runs after the call was carried out.
    session.events.register_last("before-send", after_send)
    with ExitStack() as patches:
        for name, hook in _socket_hooks(port, current).items():
            patches.enter_context(patch.object(socket.socket, name, hook))
        yield


def _described(when: str, request: AWSPreparedRequest, event_name: str) -> tuple[str, str, str]:
    """The boundary's name (for S3 with its bucket), the call that it is an attempt at, and the call's address."""
    _, service, operation = event_name.split(".")
    bucket = f" {str(urlsplit(request.url).hostname).partition('.')[0]}" if service == "s3" else ""
    invocation = str(request.headers["amz-sdk-invocation-id"])
    return f"{when} {service}.{operation}{bucket}", invocation, request.url


def _socket_hooks(port: int, current: Callable[[], Edge]) -> dict[str, Callable[..., Any]]:
    connect, sendall, recv_into = socket.socket.connect, socket.socket.sendall, socket.socket.recv_into

    def connect_hook(used: socket.socket, address: Any) -> None:
        if address[1] != port:
            connect(used, address)
            return
        with _used("connect", used, current()):
            connect(used, address)
            current().connections += 1

    def sendall_hook(used: socket.socket, data: Any, *flags: int) -> None:
        if not _leads_to(used, port):
            sendall(used, data, *flags)
            return
        with _used("send", used, current()):
            sendall(used, data, *flags)

    def recv_into_hook(used: socket.socket, buffer: Any, *sizes: int) -> int:
        if not _leads_to(used, port):
            return recv_into(used, buffer, *sizes)
        with _used("receive", used, current()):
            return _filled(used, memoryview(buffer), recv_into)

    return {"connect": connect_hook, "sendall": sendall_hook, "recv_into": recv_into_hook}


@contextmanager
def _used(what: str, used: socket.socket, edge: Edge) -> Iterator[None]:
    try:
        edge.passes(f"before {what} on a socket")
        yield
        edge.passes(f"after {what} on a socket")
    except Died:
        used.close()  # as the kernel does
        raise


def _leads_to(used: socket.socket, port: int) -> bool:
    try:
        return bool(used.getpeername()[1] == port)
    except (OSError, IndexError):
        return False


def _filled(used: socket.socket, buffer: memoryview, recv_into: Callable[..., int]) -> int:
    """Read until the buffer is full or the line ends, so that the number of reads does not depend on timing."""
    length = 0
    while length < len(buffer) and (count := recv_into(used, buffer[length:])):
        length += count
    return length
