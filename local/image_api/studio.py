"""The state behind the stand-in's endpoint. It makes the pictures, and keeps those that it gave out by URL."""

import hashlib
import threading
from collections import OrderedDict
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from PIL import Image, ImageOps

from local.image_api.answers import QUESTION, Rejected
from local.image_api.calls import Calls
from local.image_api.dialect import Made
from local.image_api.faults import Faults, without_markers
from local.image_api.generation import Generation
from local.image_api.options import ratio_asked, size_asked
from local.image_api.painting.edits import LONGEST_SIDE, described, edit_picture, paint_from_words

_KINDS: dict[str, tuple[str, dict[str, int]]] = {
    "image/png": ("PNG", {"compress_level": 3}),
    "image/jpeg": ("JPEG", {"quality": 92}),
    "image/webp": ("WEBP", {"quality": 92}),
}
KEPT_FILE_BYTES = 256 * 1024 * 1024
GARBAGE = Made((b"\x89PNG\r\n\x1a\n" + b"not a picture " * 40,))


class Files:
    """The pictures given out by URL, in memory. The oldest are dropped if there are too many bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, content: bytes, media_type: str) -> str:
        """Keeps a picture. Returns the path under which it is served."""
        extension = "jpg" if media_type == "image/jpeg" else "png"
        path = f"/files/{hashlib.sha256(content).hexdigest()[:32]}.{extension}"
        with self._lock:
            self._kept[path] = content
            while sum(map(len, self._kept.values())) > KEPT_FILE_BYTES and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return path

    def get(self, path: str) -> bytes | None:
        with self._lock:
            return self._kept.get(path)


class Studio:
    def __init__(self) -> None:
        self.files, self.calls, self.faults = Files(), Calls(), Faults()

    def own_file(self, url: str) -> bytes | None:
        return self.files.get(urlsplit(url).path)

    def make(self, generation: Generation) -> Made:
        """Makes the pictures and the words of a generation."""
        media_type = str(generation.options.get("mime_type", "image/png"))
        pictures = tuple(_encoded(_sized(picture, generation.options), media_type) for picture in _painted(generation))
        return Made(pictures, media_type, _words_with(generation))


def _words_with(generation: Generation) -> str:
    asked = generation.options.get("response_modalities", "image")
    wanted = " ".join(asked) if isinstance(asked, list) else asked
    return described(without_markers(generation.instruction)) if "text" in wanted.lower() else ""


def _painted(generation: Generation) -> list[Image.Image]:
    words = without_markers(generation.instruction)
    variants = [words if i == 0 else f"{words} #{i + 1}" for i in range(generation.options.get("n", 1))]
    newest = generation.newest_picture
    if newest is None:
        size = size_asked(generation.options, LONGEST_SIDE)
        return [paint_from_words(variant, size) for variant in variants]
    source = _in_ratio(_opened(newest.opened()), ratio_asked(generation.options))
    return [edit_picture(source, variant) for variant in variants]


def _opened(picture: Image.Image) -> Image.Image:
    """The picture upright, and on white if it is transparent."""
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    if min(upright.size) < 16:
        raise Rejected("the newest picture is smaller than 16 by 16 pixels")
    white = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(white, upright).convert("RGB")


def _in_ratio(picture: Image.Image, ratio: float | None) -> Image.Image:
    """The picture cropped around its middle, unless it has nearly this ratio."""
    width, height = picture.size
    if ratio is None or abs(width / height / ratio - 1) < 0.03:
        return picture
    size = (round(height * ratio), height) if width / height > ratio else (width, round(width / ratio))
    return ImageOps.fit(picture, (max(16, size[0]), max(16, size[1])))


def _sized(picture: Image.Image, options: dict[str, Any]) -> Image.Image:
    """The picture in the exact size that the options of some dialects ask for."""
    return picture.resize(options["pixels"]) if "pixels" in options else picture


def _encoded(picture: Image.Image, media_type: str) -> bytes:
    file = BytesIO()
    kind, how = _KINDS[media_type]
    picture.save(file, kind, **how)
    return file.getvalue()


def oddity(name: str) -> Made | None:
    """The result of a fault of this name: no picture, or a useless one. None for all other faults."""
    if name == "plain":
        return Made((_encoded(Image.new("RGB", (1024, 1024), "teal"), "image/png"),))
    return {
        "text": Made((), words=QUESTION),
        "none": Made(()),
        "garbage": GARBAGE,
    }.get(name)
