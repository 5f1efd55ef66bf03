"""An edge around a port, where a test lets a call fail or the process die; and the clock."""

from collections.abc import Callable
from typing import Any

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z


class Died(BaseException):
    """The process is killed here."""


class Edge:
    """Runs around each call of a process over a port, before and after it. `happens` may raise an error there."""

    def __init__(self, happens: Callable[[int, str], None] = lambda _count, _name: None) -> None:
        self._happens = happens
        self._is_dead = False
        self.count = 0

    def around(self, port: Any) -> Any:
        """The port, with this edge around each of its methods."""
        return _Edged(port, self)

    def passes(self, name: str) -> None:
        """Raise again in a dead process, whatever its code still tries."""
        if self._is_dead:
            raise Died
        self.count += 1
        try:
            self._happens(self.count, name)
        except Died:
            self._is_dead = True
            raise


class _Edged:
    def __init__(self, port: Any, edge: Edge) -> None:
        self._port = port
        self._edge = edge

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def edged(*args: Any, **kwargs: Any) -> Any:
            self._edge.passes(f"before {name}")
            result = method(*args, **kwargs)
            self._edge.passes(f"after {name}")
            return result

        return edged


class Clock:
    """A clock that the test sets."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
