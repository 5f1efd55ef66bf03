"""A conversation, and a turn of it, as a person names them: `mug`, `mug:3`."""

from typing import TYPE_CHECKING

from darkroom_client.errors import Trouble

if TYPE_CHECKING:
    from darkroom_client.room import Darkroom
    from darkroom_client.thread import Thread


def existing(room: "Darkroom", name: str) -> "Thread":
    """The thread of this name. Raises Trouble where there is none."""
    thread = room.thread(name)
    if not thread.exists():
        raise Trouble(
            f"There is no conversation {name}, or nothing has taken up its first request yet. "
            "`darkroom threads` has those that there are."
        )
    return thread


def turn_of(room: "Darkroom", name: str) -> tuple["Thread", int | None]:
    """The thread, and the number behind the last colon, if one stands there. Raises Trouble where it is not there.

    A thread whose own name ends so is meant before a turn of another.
    """
    outer, colon, number = name.rpartition(":")
    is_turn = bool(colon and outer) and number.isascii() and number.isdigit() and len(number) <= 5
    if is_turn and not room.thread(name).exists():
        return existing(room, outer), int(number)
    return existing(room, name), None
