"""LocalStack, an SQS and an S3 that share no code with moto. It is installed when a test first needs it."""

import fcntl
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from benchmarks import interpreter
from local.stack import ports
from local.stack.digests import digest
from local.stack.home import REPOSITORY, TOOLS, UV

PINS = "local/tools/localstack/localstack.txt"
INSTALLED_WITHIN = 90.0
READY_WITHIN = 60.0
_HOME = TOOLS / "localstack"
_PYTHON = _HOME / "bin" / "python"


@contextmanager
def running(scratch: Path) -> Iterator[str]:
    """Its address, until the block ends. Skips with the reason if it cannot be installed or started."""
    _install()
    port, log = ports.any_free(), scratch / "localstack.log"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        # On a machine that is a container itself it would write into /etc, /usr and /var.
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(scratch),
        "SERVICES": "sqs,s3,sts",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "DNS_ADDRESS": "0",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
    }
    with log.open("wb") as output:
        command = [str(_PYTHON), "-m", "localstack.runtime.main"]
        process = subprocess.Popen(command, env=environment, cwd=scratch, stdout=output, stderr=output)
    try:
        _wait(process, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()  # it ends slowly by itself, and keeps nothing
        process.wait()


def emptied() -> None:
    """Delete every queue, and every bucket with its objects."""
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    for url in sqs.list_queues().get("QueueUrls", []):
        sqs.delete_queue(QueueUrl=url)
    for name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        listed = s3.list_object_versions(Bucket=name)
        for version in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
        s3.delete_bucket(Bucket=name)


def _install() -> None:
    """Install it, one process at a time on this machine, because test files run side by side."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    stamp, mark = _HOME / "stamp", digest([PINS])
    with (TOOLS / "localstack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == mark:
            return
        python = _python()
        _uv("venv", "--quiet", "--clear", "--no-project", "--python", python, str(_HOME))
        # The pinned versions are newer than its own requirements, which only --no-deps accepts.
        pins = ("--require-hashes", "--no-deps", "--requirement", PINS)
        _uv("pip", "install", "--quiet", "--python", str(_PYTHON), *pins)
        stamp.write_text(mark)


def _python() -> str:
    python = interpreter.found()
    asked = [python, "-c", "import sys; print(sys.version_info[:2] == (3, 13))"]
    if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() != "True":
        pytest.skip("LocalStack needs Python 3.13, and this machine has none")
    return python


def _uv(*words: str) -> None:
    if not UV.exists():
        pytest.skip("LocalStack is installed by uv, which make tools gets")
    command = [str(UV), *words]
    try:
        ended = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=INSTALLED_WITHIN
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"LocalStack was not installed within {INSTALLED_WITHIN:.0f} s")
    if ended.returncode:
        pytest.skip(f"LocalStack cannot be installed: {ended.stderr.strip()[-300:]}")


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_localstack/health", timeout=5):  # noqa: S310 - on this machine
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.skip(f"LocalStack does not start here: {log.read_text(errors='replace').strip()[-300:]}")
