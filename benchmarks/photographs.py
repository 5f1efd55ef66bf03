"""Pictures like those of people and models, made from a seed: smooth light, and noise that no encoder can predict.

They are plain sRGB, upright, at most 4096 pixels a side and without metadata, so that they may be sent as they are.
They are made once and kept.
"""

import io
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

MEGABYTE = 1_000_000
TRIES = 12


@dataclass(frozen=True, slots=True)
class Photograph:
    """A picture to make: its file's size, and its format (JPEG or PNG)."""

    name: str
    size: int
    kind: str
    seed: int
    pixels: tuple[int, int]


ATTACHED = Photograph("attached", 7 * MEGABYTE, "JPEG", 1, (4096, 3072))
FIRST_SOURCE = Photograph("first-source", 7 * MEGABYTE, "JPEG", 2, (4096, 3072))
NEWEST_RESULT = Photograph("newest-result", 7 * MEGABYTE, "JPEG", 3, (4096, 3072))
ANSWER_10 = Photograph("answer-10", 10 * MEGABYTE, "PNG", 4, (2304, 2304))
ANSWER_20 = Photograph("answer-20", 20 * MEGABYTE, "PNG", 5, (4096, 2304))
SMALL = Photograph("small", MEGABYTE // 20, "JPEG", 6, (512, 384))
SMALL_RESULT = Photograph("small-result", MEGABYTE // 20, "JPEG", 8, (512, 384))
SMALL_ANSWER = Photograph("small-answer", MEGABYTE // 20, "PNG", 7, (128, 160))
TEN_IN = tuple(Photograph(f"in-{n}", 2 * MEGABYTE, "JPEG", 10 + n, (2048, 1536)) for n in range(10))
TEN_OUT = tuple(Photograph(f"out-{n}", 2 * MEGABYTE, "PNG", 20 + n, (1024, 1024)) for n in range(10))
EVERY = (
    ATTACHED,
    FIRST_SOURCE,
    NEWEST_RESULT,
    ANSWER_10,
    ANSWER_20,
    SMALL,
    SMALL_RESULT,
    SMALL_ANSWER,
    *TEN_IN,
    *TEN_OUT,
)


def made(folder: Path, photograph: Photograph) -> Path:
    """The picture's file. Makes it if it does not exist."""
    target = folder / f"{photograph.name}-{photograph.size}.{photograph.kind.lower()}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        partial.write_bytes(_png(photograph) if photograph.kind == "PNG" else _jpeg(photograph))
        partial.rename(target)
    return target


def _jpeg(photograph: Photograph) -> bytes:
    """A JPEG just below the size. The share of noise sets the size, and bisection finds the share."""
    light, noise = _light(photograph.pixels), _noise(photograph)
    least, most, best = 0.0, 1.0, b""
    for _ in range(TRIES):
        share = (least + most) / 2
        data = _encoded(Image.blend(light, noise, share), "JPEG")
        if len(data) > photograph.size:
            most = share
        else:
            least, best = share, max(best, data, key=len)
    return best


def _png(photograph: Photograph) -> bytes:
    """A PNG of the size. Its size is proportional to its rows, so one is made to measure, and then the right one."""
    picture = Image.blend(_light(photograph.pixels), _noise(photograph), 0.3)
    size = len(_encoded(picture, "PNG"))
    rows = min(4096, round(picture.height * photograph.size / size))
    taller = photograph if rows <= picture.height else _of_height(photograph, rows)
    return _encoded(Image.blend(_light(taller.pixels), _noise(taller), 0.3).crop((0, 0, picture.width, rows)), "PNG")


def _of_height(photograph: Photograph, rows: int) -> Photograph:
    return Photograph(photograph.name, photograph.size, photograph.kind, photograph.seed, (photograph.pixels[0], rows))


def _light(pixels: tuple[int, int]) -> Image.Image:
    """A scene without sharp edges: sky above, ground below, and a glow."""
    sky = Image.linear_gradient("L").resize(pixels)
    glow = Image.radial_gradient("L").resize(pixels)
    return Image.merge("RGB", (glow, Image.blend(sky, glow, 0.5), sky))


def _noise(photograph: Photograph) -> Image.Image:
    width, height = photograph.pixels
    return Image.frombytes("RGB", (width, height), random.Random(photograph.seed).randbytes(width * height * 3))  # noqa: S311


def _encoded(picture: Image.Image, kind: str) -> bytes:
    target = io.BytesIO()
    if kind == "JPEG":
        picture.save(target, "JPEG", quality=90)
    else:
        picture.save(target, "PNG", compress_level=1)
    return target.getvalue()
