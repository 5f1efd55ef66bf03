"""Brings up the stack of the release before this one, from its own tree in the repository's history.

`old_stack` and `old_work` know how `RELEASE` lays out its table, so read them again when you change `RELEASE`.
"""

import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from local.stack import aws, env_file
from local.stack.home import REPOSITORY, TOOLS, Home
from tests.e2e.conftest import Stack
from tests.e2e.provider import Provider

RELEASE = "0.1.1"


class NoHistoryError(Exception):
    """Raised if the release's tree is not in the history. The text says why."""


def unpack(folder: Path) -> None:
    """Write the release's tree into an empty folder, with links to the tools that are installed here.

    Raises NoHistoryError.
    """
    with zipfile.ZipFile(BytesIO(_git("archive", "--format=zip", _commit()))) as archive:
        archive.extractall(folder)
    homes(folder).mkdir()
    (homes(folder) / "tools").symlink_to(TOOLS)


def homes(tree: Path) -> Path:
    """Return the folder that the tree keeps its stacks in."""
    return tree / ".local"


def bring_up(tree: Path, port: int, api: Provider, parameters: Mapping[str, str]) -> Stack:
    """Run the release's own `make up`, which installs no tools here."""
    given = {
        "PORT": str(port),
        "IMAGE_API_URL": api.url,
        "IMAGE_API_KEY": api.key,
        "PARAMETERS": " ".join(f"{name}={value}" for name, value in parameters.items()),
    }
    command = [sys.executable, "-m", "local.stack", "up"]
    done = subprocess.run(command, cwd=tree, env={**os.environ, **given}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    home = Home(homes(tree), port)
    return Stack(home, env_file.read(homes(tree), port), aws.clients(home.endpoint))


def _commit() -> str:
    """Return the newest commit whose subject begins with the release's name."""
    subject = f"Release {RELEASE}:"
    listed = _git("log", "--format=%H %s", f"--grep=^{subject}").decode().splitlines()
    commits = (line.partition(" ") for line in listed)
    found = next((commit for commit, _, said in commits if said.startswith(subject)), None)
    if found is None:
        raise NoHistoryError(f"No commit of this clone's history is called {subject!r}. Is the clone shallow?")
    return found


def _git(*words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", REPOSITORY, *words], capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError as missing:
        raise NoHistoryError("There is no git here.") from missing
    if done.returncode:
        raise NoHistoryError(f"git says: {done.stderr.decode().strip()}")
    return done.stdout
