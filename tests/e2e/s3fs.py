"""s3fs, from Debian's server, unpacked without installing; and a bucket mounted with it. Skips where that fails."""

import hashlib
import os
import platform
import shutil
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from local.stack.home import TOOLS

POOL = "http://deb.debian.org/debian/pool/main/"
PACKAGES = {
    "s/s3fs-fuse/s3fs_1.90-1_amd64.deb": "0c1318b96d0e8795373cf2064aadbe2c0da0822d9dcd23ba10f51f93868ff1cf",
    "f/fuse/libfuse2_2.9.9-6+b1_amd64.deb": "df32b8f65d819f854e096896890d6ad632b6e520977bb120bb3143b4c66e2fcd",
    "f/fuse/fuse_2.9.9-6+b1_amd64.deb": "94862fb7c5a72e92d1d4158d1b16d3afae5b7bd89f1295b23eed4780303aa6a6",
}
WANTED = {
    "./usr/bin/s3fs": "lib/s3fs",
    "./lib/x86_64-linux-gnu/libfuse.so.2.9.9": "lib/libfuse.so.2",
    "./bin/fusermount": "bin/fusermount",
}
LAUNCHER = """#!/bin/sh
LD_LIBRARY_PATH="{lib}" exec "{lib}/s3fs" "$@"
"""
MOUNTED_WITHIN = 30.0


def programs() -> Path:
    """The folder with `s3fs` and `fusermount`. Skips if they cannot be had, or would not work."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("s3fs is taken from Debian's packages for Linux on x86_64")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("s3fs needs a /dev/fuse that may be opened")
    if os.geteuid() and not (shutil.which("fusermount") or shutil.which("fusermount3")):
        pytest.skip("s3fs needs root or fusermount")
    folder = TOOLS / "s3fs"
    if not (folder / "bin" / "s3fs").exists():
        _install(folder)
    launched = subprocess.run([folder / "bin" / "s3fs", "--version"], capture_output=True, text=True, check=False)
    if launched.returncode:
        pytest.skip(f"s3fs does not start here: {launched.stderr.strip()}")
    return folder / "bin"


@contextmanager
def mounted(bucket: str, at: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """The bucket as a folder, until the context ends."""
    at.mkdir()
    own = {name: value for name, value in env.items() if name != "AWS_SESSION_TOKEN"}  # s3fs refuses an empty one
    options = f"url={env['AWS_ENDPOINT_URL']},use_path_request_style"
    command: list[str | Path] = [programs() / "s3fs", bucket, at, "-f", "-o", options]
    with (at.parent / f"{at.name}.log").open("w+") as log:
        process = subprocess.Popen(command, env=own, stdout=log, stderr=log)
        try:
            _wait_until_mounted(at, process, Path(log.name))
            yield at
        finally:
            process.terminate()  # this unmounts
            process.wait(60)


def _wait_until_mounted(at: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + MOUNTED_WITHIN
    while not at.is_mount():
        if process.poll() is not None or time.monotonic() > until:
            said = log.read_text(errors="replace").strip()
            if "fuse:" in said:
                pytest.skip(f"nothing may be mounted here: {said}")
            pytest.fail(f"s3fs did not mount the bucket: {said}")
        time.sleep(0.1)


def _install(folder: Path) -> None:
    try:
        fetched = [_fetched(POOL + path, digest) for path, digest in PACKAGES.items()]
    except urllib.error.URLError as trouble:
        pytest.skip(f"s3fs is not here, and Debian's server is out of reach: {trouble}")
    for data in fetched:
        with tarfile.open(fileobj=BytesIO(_member(data, b"data.tar.xz")), mode="r:xz") as archive:
            for name in set(WANTED) & set(archive.getnames()):
                if found := archive.extractfile(name):
                    _write(folder / WANTED[name], found.read())
    _write(folder / "bin" / "s3fs", LAUNCHER.format(lib=folder / "lib").encode())


def _fetched(address: str, digest: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - the address is ours
        data: bytes = answer.read()
    if hashlib.sha256(data).hexdigest() != digest:
        pytest.fail(f"{address} is not what it was")
    return data


def _member(archive: bytes, name: bytes) -> bytes:
    """A file in an `ar` archive, such as Debian's packages: headers of 60 bytes, files at even places."""
    place = len(b"!<arch>\n")
    while place < len(archive):
        size = int(archive[place + 48 : place + 58])
        if archive[place : place + 16].strip().rstrip(b"/") == name:
            return archive[place + 60 : place + 60 + size]
        place += 60 + size + size % 2
    raise LookupError(f"{name!r} is not in the package")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755)
