"""Where pictures are saved: beside their source, in a folder, or in the file that was named."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom_client.errors import Trouble

if TYPE_CHECKING:
    from darkroom_client.results import Result

_NAME_BYTES = 200  # of a file's name, before the turn and the ending


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Raises Trouble for what the disk refuses."""
    try:
        yield
    except OSError as error:
        raise Trouble(f"{error.filename or path} cannot be written: {error.strerror or error}.") from error


class Target:
    """A folder, and a file's name where one was given; further pictures are `night-2.png`, `night-3.png` then.

    Without a name, pictures are called after the thread's last part and the turn, and what is there already stays.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        self._folder = folder
        self._name = name
        self._named = 0

    @classmethod
    def of(cls, output: str | None, beside: Path) -> "Target":
        """What `-o` says: a folder that is there, or ends in a slash; else a file. It is made ready before anything is
        sent. Raises Trouble.
        """
        path = Path(output) if output else beside
        is_folder = not output or path.is_dir() or output.endswith(("/", os.sep))
        folder = path if is_folder else path.parent
        with on_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise Trouble(f"The folder {folder} cannot be written to, so nothing was sent.", "-o names another one.")
        return cls(folder, None if is_folder else path.name)

    def save(self, result: "Result") -> list[Path]:
        """The files of a turn's pictures, the newest look of each. Raises Trouble."""
        saved = []
        for number, image in enumerate(result.images, start=1):
            path = self._place(result, image.name, number)
            with on_disk(path):
                saved.append(image.save(path))
        return saved

    def _place(self, result: "Result", name: str, number: int) -> Path:
        if self._name:
            self._named += 1
            stem, ending = os.path.splitext(self._name)  # noqa: PTH122 - `.png` alone is a name
            return self._folder / (self._name if self._named == 1 else f"{stem}-{self._named}{ending}")
        last = (result.thread_id or "").rpartition("/")[2].encode()[:_NAME_BYTES].decode(errors="ignore")
        which = f"-{number}" if len(result.images) > 1 else ""
        return _free(self._folder / f"{last}-{result.turn}{which}{Path(name).suffix}")


def _free(path: Path) -> Path:
    """The path, or the first of `mug-1 (2).png`, `mug-1 (3).png` … that is not there."""
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return free
