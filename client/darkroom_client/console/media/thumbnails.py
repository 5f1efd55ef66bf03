"""Thumbnails. Workers in the background make each once, and a folder of bounded size keeps them.

Their names follow from the picture's bytes, so that a thumbnail is never out of date.
"""

import contextlib
import hashlib
import io
import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageOps

MAX_BYTES = 400_000_000
KEPT_OF_FULL = 0.8  # of `max_bytes`, after the oldest were removed
WORKERS = 2  # each may hold MAX_PIXELS in memory
MAX_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
QUALITY = 82


class NoThumbnail(Exception):
    """The bytes are no picture that this machine can open."""


class Thumbnails:
    """The thumbnails in a folder. `max_bytes` bounds their sum."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._making: dict[Path, Future[Path]] = {}
        Image.init()  # otherwise Pillow loads its formats at the first picture, and a second worker misses some
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="thumbnails")
        self._bytes: int | None = None

    def of(self, identity: str, edge: int, read: Callable[[], bytes]) -> Path:
        """The file with a picture of at most `edge` pixels a side. Raises NoThumbnail, and what `read` raises."""
        path = self._path(identity, edge)
        with contextlib.suppress(OSError):
            os.utime(path)  # the ones used last are kept longest
            return path
        return self._made(path, edge, read).result()

    def prepare(self, identity: str, edge: int, read: Callable[[], bytes]) -> None:
        """Starts to make a thumbnail in the background, unless it exists."""
        path = self._path(identity, edge)
        if not path.exists():
            self._made(path, edge, read)

    def forget(self, identity: str) -> None:
        """Removes the thumbnails of an erased picture."""
        for path in self._folder.glob(f"{_name(identity)}-*.webp"):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Stops the workers. Those at work finish their thumbnail."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _path(self, identity: str, edge: int) -> Path:
        return self._folder / f"{_name(identity)}-{edge}.webp"

    def _made(self, path: Path, edge: int, read: Callable[[], bytes]) -> "Future[Path]":
        """The future of a thumbnail. Concurrent calls for the same one share it."""
        with self._lock:
            making = self._making.get(path)
            if making is None:
                making = self._making[path] = self._workers.submit(self._make, path, edge, read)
                making.add_done_callback(lambda _: self._making.pop(path, None))
            return making

    def _make(self, path: Path, edge: int, read: Callable[[], bytes]) -> Path:
        if path.exists():
            return path  # an earlier call has made it
        small = drawn(read(), edge)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        aside.write_bytes(small)
        aside.replace(path)
        self._bound(len(small))
        return path

    def _bound(self, added: int) -> None:
        """Removes the thumbnails that were used least recently, once there are too many bytes."""
        with self._lock:
            self._bytes = self._sum() if self._bytes is None else self._bytes + added
            if self._bytes <= self._max_bytes:
                return
            for path in sorted(self._folder.glob("*.webp"), key=_looked_at):
                self._bytes -= path.stat().st_size
                path.unlink(missing_ok=True)
                if self._bytes <= self._max_bytes * KEPT_OF_FULL:
                    return

    def _sum(self) -> int:
        return sum(path.stat().st_size for path in self._folder.glob("*.webp"))


def drawn(data: bytes, edge: int) -> bytes:
    """The picture as an upright WebP of at most `edge` pixels a side. Raises NoThumbnail."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise NoThumbnail("it has too many pixels")
        picture.draft("RGB", (2 * edge, 2 * edge))  # decodes a JPEG at a fraction of its size
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((edge, edge), Image.Resampling.LANCZOS)
        small = io.BytesIO()
        upright.convert("RGBA" if upright.has_transparency_data else "RGB").save(small, "WEBP", quality=QUALITY)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NoThumbnail(str(error)) from error
    return small.getvalue()


def _name(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()


def _looked_at(path: Path) -> float:
    return path.stat().st_mtime
