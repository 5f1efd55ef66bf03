"""Saves pictures: beside their source, in a folder, or in the file that the caller names.

A name without folders stands for a whole thread id, so that pictures of `a/mug` and of `b/mug` lie side by side.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom_client.errors import Trouble

if TYPE_CHECKING:
    from darkroom_client.results import Image, Result

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

    Without a name, pictures are called after the thread and the turn, and a file that is there already stays.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        self._folder = folder
        self._name = name
        self._named = 0

    @classmethod
    def of(cls, output: str | None, beside: Path) -> "Target":
        """Reads `-o`: a folder that exists, or ends in a slash; else a file. It is made ready before anything is
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
        """Saves a turn's pictures, and returns their files. Raises Trouble."""
        return [self._save(result, image, number) for number, image in enumerate(result.images, start=1)]

    def _save(self, result: "Result", image: "Image", number: int) -> Path:
        if self._name:
            with on_disk(path := self._named_path(self._name)):
                return image.save(path)
        with on_disk(self._folder), _claimed(self._folder / _own_name(result, image.name, number)) as path:
            return image.save(path)

    def _named_path(self, name: str) -> Path:
        """The name that was given, or for further pictures one that follows from it."""
        self._named += 1
        stem, ending = os.path.splitext(name)  # noqa: PTH122 - `.png` alone is a name
        return self._folder / (name if self._named == 1 else f"{stem}-{self._named}{ending}")


def _own_name(result: "Result", name: str, number: int) -> str:
    """`shop-mug-3.png` is of turn 3 of `shop/mug`. The end of a very long name tells more than its beginning."""
    thread = (result.thread_id or "").replace("/", "-").encode()[-_NAME_BYTES:].decode(errors="ignore")
    which = f"-{number}" if len(result.images) > 1 else ""
    return f"{thread}-{result.turn}{which}{Path(name).suffix}"


@contextmanager
def _claimed(path: Path) -> Iterator[Path]:
    """The path, or the first of `mug-1 (2).png`, `mug-1 (3).png` … that is not there.

    The empty file that this makes keeps a second command from the same name. It goes where the block raises.
    """
    number, free = 1, path
    while not _is_new(free):
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
    try:
        yield free
    except BaseException:  # Ctrl-C too: no empty file stays behind
        free.unlink(missing_ok=True)
        raise


def _is_new(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
