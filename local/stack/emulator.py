"""ministack, the emulator of AWS: started, watched and stopped. It runs the functions as its own children."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from local.stack import aws, processes
from local.stack.digests import digest
from local.stack.home import EMULATOR_PYTHON, REPOSITORY, Home, Trouble

PROGRAM = "local/stack/autosaving_ministack.py"
_READY_WITHIN = 60.0
# Functions inherit the emulator's environment. It has only the variables that a program needs on this machine and
# for its proxies, so that no other variable of the shell becomes a setting of theirs.
_KEPT = {
    "PATH", "HOME", "LANG", "LC_ALL",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
}  # fmt: skip


def start(home: Home, program: str = PROGRAM) -> None:
    """Start it, unless it already runs from the same sources, and wait until it answers.

    `program` is a path in the repository. It wraps `PROGRAM` for a caller that wants to listen to the calls.
    """
    if not processes.is_current(_pid_file(home), _mark(program)):
        _start(home, program)
    if not processes.answers_within(_READY_WITHIN, _pid_file(home), f"{home.endpoint}/_ministack/health"):
        raise Trouble(f"The emulator did not start. Its log: {home.log('ministack')}")


def make_folders(home: Home) -> None:
    """Make the emulator's folders, readable for their owner only: they hold secrets. Earlier runs left them open."""
    services = home.state / "services"
    for folder in (home.folder, home.state, services, home.state / "s3", home.scratch):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    for file in services.iterdir():
        file.chmod(0o700 if file.is_dir() else 0o600)


def stop(home: Home) -> bool:
    return processes.stop(_pid_file(home))


def running(home: Home) -> bool:
    return processes.running(_pid_file(home))


def _start(home: Home, program: str) -> None:
    # Also stops the processes that a killed emulator left running.
    processes.stop(_pid_file(home))
    shutil.rmtree(home.scratch, ignore_errors=True)
    make_folders(home)
    command: list[str | Path] = [EMULATOR_PYTHON, "-P", REPOSITORY / program]
    processes.start(
        command, _pid_file(home), home.log("ministack"), _environment(home, os.environ), home.folder, _mark(program)
    )


def _environment(home: Home, ours: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in ours.items() if name.upper() in _KEPT}
    return {
        **kept,
        **aws.unproxied(kept),
        "TZ": "UTC",
        "TMPDIR": str(home.scratch),
        "PYTHONUNBUFFERED": "1",
        "AUTH": "true",
        # By default it listens on every interface, and with a second listener for MQTT.
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(home.port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home.state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home.state / "s3"),
        # No container daemon is asked: no container is needed, and the answer may be slow.
        "DOCKER_HOST": f"unix://{home.scratch}/no-docker.sock",
    }


def _mark(program: str) -> str:
    return digest(["local/tools/ministack.txt", PROGRAM, program], str(EMULATOR_PYTHON.resolve()))


def _pid_file(home: Home) -> Path:
    return home.folder / "ministack.pid"
