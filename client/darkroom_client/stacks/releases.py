"""The releases of client and stack, and the remedy if they differ."""

import importlib.metadata
import re
from typing import NamedTuple

UPDATE_CLIENT = "Install the client of {}: `uv tool install --force .`."
UPDATE_STACK = "Deploy the same release: `sam build && sam deploy`."


class Difference(NamedTuple):
    """The message for two releases that differ. An older client may not know all that the stack does."""

    said: str
    way_out: str
    is_client_older: bool


def own() -> str:
    """The release of this client."""
    return importlib.metadata.version("darkroom")


def difference(client: str, stack: str) -> Difference | None:
    """The difference of the two releases, or None. A stack with an empty release is older than all others."""
    said = f"The client is {client}, the stack {stack or 'of an unknown release'}."
    if _numbers(client) < _numbers(stack):
        return Difference(said, UPDATE_CLIENT.format(stack), is_client_older=True)
    if _numbers(client) > _numbers(stack):
        return Difference(said, UPDATE_STACK, is_client_older=False)
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
