"""Which port a stack gets: the one asked for, that of the stack last brought up, or one that is free."""

from collections.abc import Callable
from pathlib import Path

from local import emulator, env_file, ports
from local.home import Home, Trouble


def choose(homes: Path, asked: int | None, say: Callable[[str], None]) -> Home:
    if asked is not None:
        return _exactly(Home(homes, asked))
    home = Home(homes, _last(homes) or ports.FIRST)
    if _is_ours(home):
        return home
    other = Home(homes, ports.next_free(home.port + 1))
    say(f"Port {home.port} is taken by another program. Using {other.port}.")
    return other


def _exactly(home: Home) -> Home:
    if not _is_ours(home):
        raise Trouble(f"Port {home.port} is taken by another program. Name another one with PORT=….")
    return home


def _is_ours(home: Home) -> bool:
    return emulator.running(home) or ports.is_free(home.port)


def _last(homes: Path) -> int | None:
    try:
        return env_file.port_of(env_file.read(homes))
    except Trouble:
        return None
