"""The servers, each in its own process, with one authority's certificate."""

import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import cast

from benchmarks.servers.front import IDLE_SECONDS, Exchange, Front
from benchmarks.servers.image_api import ImageApi
from benchmarks.servers.s3 import S3
from benchmarks.servers.small_calls import SmallCalls


class _Process(BaseManager):
    """A process that holds one server."""


for _kind in (S3, ImageApi, SmallCalls):
    _Process.register(_kind.__name__, _kind)


@dataclass(frozen=True, slots=True)
class Servers:
    """Proxies of the servers: each call goes to the server's process."""

    s3: S3
    api: ImageApi
    small: SmallCalls

    def exchanges(self) -> list[Exchange]:
        """The exchanges of all servers since the last call."""
        fronts: tuple[Front, ...] = (self.s3, self.api, self.small)
        return [exchange for front in fronts for exchange in front.exchanges()]


@contextmanager
def running(certificate: Path | None, idle_seconds: float = IDLE_SECONDS) -> Iterator[Servers]:
    """The servers, until the context ends."""
    with ExitStack() as stack:
        s3, api, small = (_started(kind, certificate, idle_seconds, stack) for kind in (S3, ImageApi, SmallCalls))
        yield Servers(cast("S3", s3), cast("ImageApi", api), cast("SmallCalls", small))


def _started(kind: type[Front], certificate: Path | None, idle_seconds: float, stack: ExitStack) -> object:
    process = stack.enter_context(_Process(ctx=multiprocessing.get_context("spawn")))
    return getattr(process, kind.__name__)(certificate, idle_seconds)
