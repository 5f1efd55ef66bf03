"""Ports of this machine's own address, the only one that the stack listens at."""

import socket

from local.home import Trouble

FIRST = 4566


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A port just left by a server of ours is not taken, though the kernel still remembers it.
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


def next_free(port: int) -> int:
    for candidate in range(port, min(port + 200, 65536)):
        if is_free(candidate):
            return candidate
    raise Trouble(f"No port from {port} on is free. Name one with PORT=….")
