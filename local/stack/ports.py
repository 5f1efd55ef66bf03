"""Ports on 127.0.0.1, the only address that the stack listens on: which are free, and the one for a stack."""

import socket
from collections.abc import Callable
from pathlib import Path

from local.stack import emulator, env_file
from local.stack.home import Home, Trouble

_FIRST = 4566


def choose(homes: Path, asked: int | None, say: Callable[[str], None]) -> Home:
    """The port asked for, the one of the stack last brought up, or a free one."""
    if asked is not None:
        return _exactly(Home(homes, asked))
    home = Home(homes, _last(homes) or _FIRST)
    if _is_ours(home):
        return home
    other = Home(homes, _next_free(home.port + 1))
    say(f"Port {home.port} is taken by another program. Using {other.port}.")
    return other


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # The kernel remembers a port for a while after its server has ended; such a port is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _exactly(home: Home) -> Home:
    if not _is_ours(home):
        raise Trouble(f"Port {home.port} is taken by another program. Name another one with PORT=….")
    return home


def _is_ours(home: Home) -> bool:
    return emulator.running(home) or is_free(home.port)


def _last(homes: Path) -> int | None:
    try:
        return env_file.port_of(env_file.read(homes))
    except Trouble:
        return None


def _next_free(port: int) -> int:
    for candidate in range(port, min(port + 200, 65536)):
        if is_free(candidate):
            return candidate
    raise Trouble(f"No port from {port} on is free. Name one with PORT=….")
