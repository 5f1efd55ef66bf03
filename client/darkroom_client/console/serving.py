"""The server: on 127.0.0.1 alone, until Ctrl-C."""

import importlib.metadata
import os
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from darkroom_client.console import desk as desks
from darkroom_client.console.app import Console
from darkroom_client.console.guard import Door, new_token
from darkroom_client.console.media.answers import SMALL
from darkroom_client.console.media.pictures import stored
from darkroom_client.console.views import recent
from darkroom_client.errors import Trouble, Unreachable

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk
    from darkroom_client.room import Darkroom

HOST = "127.0.0.1"
GRACE_SECONDS = 1  # streams never end by themselves


def serve(
    room: "Darkroom", name: str, *, port: int, is_read_only: bool, begin: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
) -> None:  # fmt: skip
    """Serves the stack's console, and returns when it is stopped. `begin` is told the first address, once it is there.

    `port` 0 is any that is free. Raises Unreachable where the port is taken.
    """
    listening = _listening(port)
    door = Door(listening.getsockname()[1], new_token(), is_read_only)
    desk = desks.opened(room, door, name, _cache(environ) / "thumbnails")
    app = Console(desk, importlib.metadata.version("darkroom")).app()
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    threading.Thread(target=_prepare, args=(desk,), daemon=True, name="prepare").start()
    begin(door.address)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        desk.thumbnails.close()


def _prepare(desk: "Desk") -> None:
    """Reads the wall before anybody asks for it, and has the thumbnails of its beginning made."""
    try:
        threads = desk.wall.threads()[: recent.PAGE]
        for shown in desk.pictures.newest(threads).values():
            at = stored(shown.picture)
            desk.thumbnails.prepare(at.identity, SMALL, partial(desk.pictures.read, at))
    except Trouble:
        return  # the page tells it


def _listening(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise Unreachable(f"Port {port} is taken.", "Name another one, or 0 for any: --port 0.") from error
    listening.listen(128)
    return listening


def _cache(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darkroom"
