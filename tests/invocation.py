"""The surroundings of an invocation: its context, and nothing that another invocation built."""

from types import SimpleNamespace
from typing import Any

from darkroom.aws import clients
from darkroom.bootstrap import on_request, on_upload

CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)


def forget_what_was_built() -> None:
    """Start as in a new process, which may have another environment."""
    for module in (clients, on_request, on_upload):
        for built in vars(module).values():
            if hasattr(built, "cache_clear"):
                built.cache_clear()
