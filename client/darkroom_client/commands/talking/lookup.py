"""A conversation, and a turn of it, as a person names them: `mug`, `mug:3`."""

from typing import TYPE_CHECKING

from darkroom_client.errors import Invalid, NotFound

if TYPE_CHECKING:
    from darkroom_client.room import Darkroom
    from darkroom_client.thread import Thread


def existing(room: "Darkroom", name: str) -> "Thread":
    """The thread of this name. Raises Trouble where there is none."""
    thread = room.thread(name)
    if thread.exists():
        return thread
    if room.stack.seems_paused():
        said = f"There is no conversation {name}, or its first request lies in the queue: the stack is paused."
        raise NotFound(said, "`darkroom resume` lets it go on.")
    raise not_found(name)


def not_found(name: str) -> NotFound:
    """That there is no such thread."""
    said = f"There is no conversation {name}, or nothing has taken up its first request yet."
    return NotFound(said, "`darkroom threads` has those that there are.")


def turn_of(room: "Darkroom", name: str) -> tuple["Thread", int | None]:
    """The thread, and the number behind the last colon, if one stands there. Raises Trouble where it is not there.

    A thread whose own name ends so is meant before a turn of another. Raises Invalid where what stands behind the colon
    of a thread that is there is no number.
    """
    outer, colon, number = name.rpartition(":")
    if not (colon and outer) or room.thread(name).exists():
        return existing(room, name), None
    if number.isascii() and number.isdigit() and len(number) <= 5:
        return existing(room, outer), int(number)
    if room.thread(outer).exists():
        raise Invalid(f"{number or 'Nothing'} is no turn", f"Write its number: {outer}:1")
    return existing(room, name), None
