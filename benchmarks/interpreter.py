"""Finds the Python to measure: the template's runtime if this machine has it, otherwise the running one.

`python -m benchmarks.interpreter` prints its path. A name on the PATH may lead to nothing, so each is tried. Then come
the interpreters beside the running one, where version managers put them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.environment import template


def found() -> str:
    """The path of the interpreter."""
    runtime = str(template()["Globals"]["Function"]["Runtime"])
    return next((path for path in _candidates(runtime) if _works(path)), sys.executable)


def _candidates(name: str) -> Iterator[str]:
    for folder in os.get_exec_path():
        if path := shutil.which(name, path=folder):
            yield path
    version = name.removeprefix("python")
    for beside in sorted(Path(sys.base_prefix).parent.glob(f"*{version}*/bin/{name}")):
        yield str(beside)


def _works(path: str) -> bool:
    return subprocess.run([path, "-c", "import ssl, ctypes"], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    print(found())
