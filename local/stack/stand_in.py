"""The stand-in for the image API as a process of the stack: starts it, finds it and stops it."""

from pathlib import Path

from local.stack import aws, ports, processes
from local.stack.digests import digest
from local.stack.home import PYTHON, REPOSITORY, Home, Trouble

KEY = "of-the-stand-in"
_READY_WITHIN = 30.0


def start(home: Home) -> str:
    """Start it, unless it runs already. If possible, its address stays the same from run to run."""
    port = _port(home)
    if not processes.is_current(_pid_file(home), _mark()):
        stop(home)
        port = port if port and ports.is_free(port) else ports.any_free()
        _start(home, port)
    if not processes.answers_within(_READY_WITHIN, _pid_file(home), f"{_url(port)}/_stand-in/health"):
        raise Trouble(f"The stand-in for the image API did not start. Its log: {home.log('image-api')}")
    return _url(port)


def stop(home: Home) -> bool:
    return processes.stop(_pid_file(home))


def address(home: Home) -> str | None:
    """The address of the stack's stand-in, now or in its last run."""
    port = _port(home)
    return _url(port) if port else None


def _start(home: Home, port: int) -> None:
    (home.folder / "image-api.port").write_text(str(port))
    command: list[str | Path] = [PYTHON, "-m", "local.image_api", "--port", str(port), "--key", KEY]
    environment = aws.environment(home.endpoint)
    processes.start(command, _pid_file(home), home.log("image-api"), environment, REPOSITORY, _mark())


def _mark() -> str:
    return digest(["local/image_api", "client/darkroom_client/sheets", "uv.lock"])


def _pid_file(home: Home) -> Path:
    return home.folder / "image-api.pid"


def _port(home: Home) -> int:
    try:
        return int((home.folder / "image-api.port").read_text())
    except (OSError, ValueError):
        return 0


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
