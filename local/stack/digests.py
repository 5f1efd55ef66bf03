"""Hashes that show whether sources have changed."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from local.stack.home import REPOSITORY


def digest(names: Sequence[str], rest: object = None) -> str:
    """A hash of the content of these files and folders of the repository, and of the rest."""
    found = hashlib.sha256(json.dumps(rest).encode())
    for path in _files(names):
        content = path.read_bytes()
        found.update(f"{path.relative_to(REPOSITORY)}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def _files(names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = REPOSITORY / name
        below = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (each for each in below if each.is_file() and "__pycache__" not in each.parts)
