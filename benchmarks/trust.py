"""An authority of the benchmark's own, and a `certifi` that trusts it beside all the others.

A bundle with one authority would hide the cost of loading the real one. Each library finds its bundle as it does on
Lambda, so no variable of the environment names it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import certifi

from tests.unit.servers import tls_context


@dataclass(frozen=True, slots=True)
class Trust:
    """`certificate`: the servers' file. `packages`: the folder of the changed `certifi`. `bundle`: its authorities."""

    certificate: Path
    packages: Path
    bundle: Path


@contextmanager
def made() -> Iterator[Trust]:
    """The trust, until the context ends."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        authority, _ = tls_context(folder, "127.0.0.1", "localhost")
        package = folder / "packages" / "certifi"
        shutil.copytree(Path(certifi.__file__).parent, package)
        bundle = package / "cacert.pem"
        bundle.write_text(bundle.read_text(encoding="utf-8") + Path(authority).read_text(encoding="utf-8"), "utf-8")
        yield Trust(folder / "server.pem", folder / "packages", bundle)
