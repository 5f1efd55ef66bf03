"""What stands behind the stand-in's endpoint: it has pictures painted and keeps those it gave out by URL."""

import base64
import hashlib
import threading
from collections import OrderedDict
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from PIL import Image, ImageOps

from local.image_api.answers import Rejected, envelope
from local.image_api.calls import Calls
from local.image_api.faults import Faults, without_markers
from local.image_api.generation import Generation
from local.image_api.options import ratio_asked, size_asked
from local.image_api.painting.edits import LONGEST_SIDE, described, edit_picture, paint_from_words

KEPT_FILE_BYTES = 256 * 1024 * 1024


class Files:
    """Pictures given out by URL, in memory; the oldest go when there are too many bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, content: bytes, extension: str) -> str:
        """The path under which the picture is served."""
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

    def make(self, generation: Generation, base_url: str) -> dict[str, Any]:
        """The documented envelope with the pictures in it."""
        extension = "jpg" if generation.options.get("mime_type") == "image/jpeg" else "png"
        words = _words_with(generation)
        entries = []
        for picture in _painted(generation):
            content = _encoded(picture, extension)
            as_url = generation.response_format == "url"
            url = base_url + self.files.keep(content, extension) if as_url else ""
            b64_json = "" if as_url else base64.b64encode(content).decode()
            entries.append({"url": url, "b64_json": b64_json, "revised_prompt": words})
        return envelope(entries)


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
    """Upright, and on white where it is transparent."""
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    if min(upright.size) < 16:
        raise Rejected("the newest picture is smaller than 16 by 16 pixels")
    white = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(white, upright).convert("RGB")


def _in_ratio(picture: Image.Image, ratio: float | None) -> Image.Image:
    """Cropped around its middle; a picture that has nearly that ratio is left alone."""
    width, height = picture.size
    if ratio is None or abs(width / height / ratio - 1) < 0.03:
        return picture
    size = (round(height * ratio), height) if width / height > ratio else (width, round(width / ratio))
    return ImageOps.fit(picture, (max(16, size[0]), max(16, size[1])))


def _encoded(picture: Image.Image, extension: str) -> bytes:
    file = BytesIO()
    if extension == "jpg":
        picture.save(file, "JPEG", quality=92)
    else:
        picture.save(file, "PNG", compress_level=3)
    return file.getvalue()
