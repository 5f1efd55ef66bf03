"""The parts of the console, for one stack."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom_client.console.acting.batch_files import BatchFiles
from darkroom_client.console.acting.jobs import Jobs
from darkroom_client.console.acting.sent import Sent
from darkroom_client.console.guard import Door
from darkroom_client.console.media.pictures import Pictures
from darkroom_client.console.media.thumbnails import Thumbnails
from darkroom_client.console.views.spending import Spending
from darkroom_client.console.views.wall import Wall

if TYPE_CHECKING:
    from darkroom_client.room import Darkroom


@dataclass
class Desk:
    """The parts of the console: its stack, the state that it keeps in memory, and its door. `name` is the stack's."""

    room: "Darkroom"
    door: Door
    name: str
    thumbnails: Thumbnails
    wall: Wall
    pictures: Pictures
    spending: Spending
    sent: Sent
    jobs: Jobs = field(default_factory=Jobs)
    batch_files: BatchFiles = field(default_factory=BatchFiles)

    def forget(self, thread_id: str) -> None:
        """Removes everything that the console has kept of an erased thread."""
        for picture in self.pictures.forget(thread_id):
            self.thumbnails.forget(picture.identity)
        self.wall.drop(thread_id)


def opened(room: "Darkroom", door: Door, name: str, folder: Path, clock: Callable[[], float] = time.monotonic) -> Desk:
    """The desk of a stack. It keeps thumbnails in `folder`."""
    stack = room.stack
    return Desk(
        room, door, name, Thumbnails(folder), Wall(stack, clock), Pictures(stack), Spending(stack, clock), Sent(clock)
    )
