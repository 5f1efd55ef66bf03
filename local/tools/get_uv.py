"""Gets the pinned uv: `python3 local/tools/get_uv.py FOLDER VERSION`. It needs only the standard library.

A Python without pip or ensurepip (Debian's, without the package python3-venv) gets pip's own wheel from the package
index, which runs as it is.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import venv
from pathlib import Path

_LOCK = Path(__file__).parents[2] / "uv.lock"
_PIP = "pip-26.3-py3-none-any.whl"
_PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
_REMEDY = """
uv could not be installed into {folder}. What helps: a connection to the package index (or PIP_INDEX_URL
naming one that can be reached), or on Debian and Ubuntu: apt install python3-venv
"""


def main(folder: Path, version: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the user's Python may well be older
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Name another: make PYTHON=…")
    try:
        _install(folder, version)
    except (subprocess.CalledProcessError, urllib.error.URLError, LookupError, OSError) as problem:
        sys.exit(f"{problem}\n{_REMEDY.format(folder=folder)}")


def _install(folder: Path, version: str) -> None:
    venv.create(folder, clear=True, with_pip=False)
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            *_pip(folder, Path(scratch)),
            "install",
            "-qq",
            "--disable-pip-version-check",
            f"uv=={version}",
        ]
        subprocess.run(command, check=True)  # noqa: S603 - our own command, no shell


def _pip(folder: Path, scratch: Path) -> list[str]:
    """The command that runs pip for the environment in `folder`."""
    python = str(folder / "bin" / "python")
    given = subprocess.run([python, "-Im", "ensurepip", "--default-pip"], capture_output=True, check=False)  # noqa: S603
    if given.returncode == 0:
        return [python, "-m", "pip"]
    return [python, str(_fetch_pip(scratch) / "pip")]


def _fetch_pip(scratch: Path) -> Path:
    page = f"{_index().rstrip('/')}/pip/"
    links = re.findall(r'href="([^"]+)"', _read(page).decode())
    wheel = next((link for link in links if link.partition("#")[0].endswith(f"/{_PIP}")), None)
    if wheel is None:
        raise LookupError(f"{page} has no {_PIP}.")
    content = _read(urllib.parse.urljoin(page, wheel.partition("#")[0]))
    if hashlib.sha256(content).hexdigest() != _PIP_SHA256:
        raise LookupError(f"{page} has another {_PIP} than the one that is expected.")
    path = scratch / _PIP
    path.write_bytes(content)
    return path


def _index() -> str:
    """The index in the environment, or the index of the project's own packages."""
    locked = re.search(r'registry = "([^"]+)"', _LOCK.read_text(encoding="utf-8"))
    index = os.environ.get("PIP_INDEX_URL") or (locked and locked[1])
    if not index:
        raise LookupError(f"{_LOCK} names no package index.")
    return index


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - https, unless the user says otherwise
        content: bytes = answer.read()
        return content


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
