"""The client of Darkroom: a library for services and people, which asks a deployed stack and takes its outcomes.

    room = Darkroom.from_stack("darkroom")
    turn = room.send("campaign/bottle", "make it night", images=["bottle.jpg"], request_id="order-4711")
    turn.wait(timeout=120).images[0].save("night.png")

It raises `Trouble`, or one of its kinds: see `darkroom_client.errors`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom_client.errors import Denied, Failed, Invalid, NotFound, TimedOut, Trouble, Unreachable
    from darkroom_client.pending import PendingTurn
    from darkroom_client.results import Image, Result, Waiting
    from darkroom_client.room import Darkroom
    from darkroom_client.thread import Thread

__all__ = [
    "Darkroom", "Denied", "Failed", "Image", "Invalid", "NotFound", "PendingTurn", "Result", "Thread", "TimedOut",
    "Trouble", "Unreachable", "Waiting",
]  # fmt: skip
_PLACES = {
    **dict.fromkeys(("Denied", "Failed", "Invalid", "NotFound", "TimedOut", "Trouble", "Unreachable"), "errors"),
    **dict.fromkeys(("Image", "Result", "Waiting"), "results"),
    "PendingTurn": "pending", "Darkroom": "room", "Thread": "thread",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Imported when it is first used: the command, which lies in here too, says its help without boto3."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = f"{__name__}.{_PLACES[name]}"
    try:
        return getattr(importlib.import_module(place), name)
    except AttributeError as error:  # Python would replace it with "cannot import name", without its cause
        raise ImportError(f"{place} cannot be imported: {error}") from error
