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
# Functions inherit what the emulator has: only what a program needs to find its way on this machine,
# and through its proxies, so that no variable of the shell turns up as a setting of theirs.
_KEPT = {
    "PATH", "HOME", "LANG", "LC_ALL",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
}  # fmt: skip


def start(home: Home, program: str = PROGRAM) -> None:
    """Start it, if it does not run already as it should, and wait until it answers.

    `program` is a path in the repository, of what wraps `PROGRAM` where somebody wants to listen.
    """
    if not processes.is_current(_pid_file(home), _mark(program)):
        _start(home, program)
    if not processes.answers_within(_READY_WITHIN, _pid_file(home), f"{home.endpoint}/_ministack/health"):
        raise Trouble(f"The emulator did not start. Its log: {home.log('ministack')}")


def make_folders(home: Home) -> None:
    """What the emulator writes into, for its owner alone: the secrets lie there, which earlier runs left open."""
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
    # Also takes along what a killed one left running.
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
        # Unless told otherwise it listens on every interface, and with a second listener for MQTT.
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(home.port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home.state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home.state / "s3"),
        # No daemon is asked for containers: there is none to run, and it may be slow to say so.
        "DOCKER_HOST": f"unix://{home.scratch}/no-docker.sock",
    }


def _mark(program: str) -> str:
    return digest(["local/tools/ministack.txt", PROGRAM, program], str(EMULATOR_PYTHON.resolve()))


def _pid_file(home: Home) -> Path:
    return home.folder / "ministack.pid"
