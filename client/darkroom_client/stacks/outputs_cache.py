"""Keeps a stack's outputs, so that a command need not read them each time."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path


class OutputsCache:
    """A file for one stack, below the user's cache folder. A file that cannot be read or written counts as missing."""

    def __init__(self, *identity: str | None, environ: Mapping[str, str] = os.environ) -> None:
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._path = base / "darkroom" / f"outputs-{digest}.json"

    def read(self) -> dict[str, str] | None:
        """The outputs, or None."""
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return known if isinstance(known, dict) and all(isinstance(each, str) for each in known.values()) else None

    def write(self, outputs: Mapping[str, str]) -> None:
        """Replaces the kept outputs in one step. If that fails, the earlier ones stay."""
        aside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(dict(outputs)), encoding="utf-8")
            aside.replace(self._path)
        except OSError:
            return  # without the file each command makes one call more
