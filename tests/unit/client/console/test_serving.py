"""The console listens on this machine only, and prints its address."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from darkroom_client.console import serving
from darkroom_client.errors import Unreachable


def room() -> Any:
    """A client whose stack cannot be reached."""

    def ask(_: object) -> None:
        raise Unreachable("AWS cannot be reached.")

    return SimpleNamespace(stack=SimpleNamespace(up_to_date=ask))


def test_a_port_that_is_taken_is_told_and_any_other_is_found() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Unreachable, match="is taken"):
            serving._listening(other.getsockname()[1])
    with serving._listening(0) as found:
        assert found.getsockname()[0] == "127.0.0.1"
        assert found.getsockname()[1] > 0


def test_it_answers_at_the_address_that_it_tells(tmp_path: Path) -> None:
    told, is_told = list[str](), threading.Event()

    def begin(address: str) -> None:
        told.append(address)
        is_told.set()

    def serve() -> None:
        serving.serve(
            room(), "darkroom", port=0, is_read_only=True, begin=begin, environ={"XDG_CACHE_HOME": str(tmp_path)}
        )

    threading.Thread(target=serve, daemon=True).start()
    assert is_told.wait(10)
    assert told[0].startswith("http://127.0.0.1:")
    address, _, token = told[0].partition("/?token=")
    cookie = f"darkroom-{address.rpartition(':')[2]}={token}"
    asked = urllib.request.Request(f"{address}/static/console.css", headers={"Cookie": cookie})  # noqa: S310 - http
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
        assert "server" not in {name.lower() for name in answer.headers}


def test_ctrl_c_is_its_end(tmp_path: Path) -> None:
    for name in ("template.yaml", "local/stack/lifecycle.py", ".local/env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    variables = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a",
        "AWS_REGION": "us-east-1",
    }  # fmt: skip
    (tmp_path / ".local/env").write_text("".join(f"export {name}={value}\n" for name, value in variables.items()))
    command = [sys.executable, "-m", "darkroom_client.command", "console", "--no-browser", "--stack", "local"]
    own = {"DARKROOM_REPO": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout
        address = running.stdout.readline().decode().strip()
        with contextlib.suppress(urllib.error.HTTPError):  # any answer means that it handles signals by now
            urllib.request.urlopen(address, timeout=30).close()  # noqa: S310 - our own http
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (0, b"")
