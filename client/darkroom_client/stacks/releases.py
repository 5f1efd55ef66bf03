"""The releases of client and stack, and the way out where they differ."""

import importlib.metadata
import re
from typing import NamedTuple

UPDATE_CLIENT = "Install the client of {}: `uv tool install --force .`."
UPDATE_STACK = "Deploy the same release: `sam build && sam deploy`."


class Difference(NamedTuple):
    """What is said of two releases that differ. `is_client_older`: it may not know all that the stack does."""

    said: str
    way_out: str
    is_client_older: bool


def own() -> str:
    """The release of this client."""
    return importlib.metadata.version("darkroom")


def difference(client: str, stack: str) -> Difference | None:
    """How the two releases differ, None where they do not. A stack whose release is empty is older than any that says
    it.
    """
    said = f"The client is {client}, the stack {stack or 'of an unknown release'}."
    if _numbers(client) < _numbers(stack):
        return Difference(said, UPDATE_CLIENT.format(stack), is_client_older=True)
    if _numbers(client) > _numbers(stack):
        return Difference(said, UPDATE_STACK, is_client_older=False)
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
