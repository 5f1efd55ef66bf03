"""The console's server. It listens on 127.0.0.1 only, until Ctrl-C."""

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
GRACE_SECONDS = 1  # the server must close the streams, which do not end by themselves


def serve(
    room: "Darkroom", name: str, *, port: int, is_read_only: bool, begin: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
) -> None:  # fmt: skip
    """Serves the stack's console until it is stopped. Calls `begin` with the first address, once it can be opened.

    With `port` 0 it takes any free port. Raises Unreachable if the port is taken.
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
    """Reads the wall before the first page is opened, and starts to make the thumbnails of its first page."""
    try:
        threads = desk.wall.threads()[: recent.PAGE]
        for shown in desk.pictures.newest(threads).values():
            at = stored(shown.picture)
            desk.thumbnails.prepare(at.identity, SMALL, partial(desk.pictures.read, at))
    except Trouble:
        return  # the page shows the same error


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
