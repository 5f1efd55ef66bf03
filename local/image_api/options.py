"""The optional fields of a call: their valid values, and the size that they ask for."""

import re
from collections.abc import Callable
from typing import Any

from local.image_api.answers import Rejected
from local.image_api.painting.raster import Size

RATIOS = ("1:1", "3:2", "2:3", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")


def _is_size(value: object) -> bool:
    if not isinstance(value, str):
        return False
    pixels = re.fullmatch(r"(\d{2,4})[x*](\d{2,4})", value)
    return value in RATIOS or bool(pixels and all(64 <= int(side) <= 4096 for side in pixels.groups()))


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_modalities(value: object) -> bool:
    given = value if isinstance(value, list) else [value]
    return bool(given) and all(isinstance(one, str) and one.lower() in ("image", "text", "image-text") for one in given)


OPTIONS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "size": (f"one of {' '.join(RATIOS)}, or pixels such as 1024x1024", _is_size),
    "aspect_ratio": (f"one of {' '.join(RATIOS)}", _is_size),
    "quality": ("a string", lambda value: isinstance(value, str)),
    "image_size": ("1K, 2K or 4K", lambda value: value in ("1K", "2K", "4K")),
    "n": ("a whole number from 1 to 4", lambda value: isinstance(value, int) and _is_number(value, 1, 4)),
    "mime_type": ("image/png or image/jpeg", lambda value: value in ("image/png", "image/jpeg")),
    "response_modalities": ("image or image-text", _is_modalities),
    "temperature": ("a number from 0 to 2", lambda value: _is_number(value, 0, 2)),
    "top_p": ("a number from 0 to 1", lambda value: _is_number(value, 0, 1)),
}


def read_options(call: dict[str, Any]) -> dict[str, Any]:
    given = {name: call[name] for name in OPTIONS if call.get(name) is not None}
    for name, value in given.items():
        allowed, fits = OPTIONS[name]
        if not fits(value):
            raise Rejected(f"{name}: must be {allowed}")
    return given


def ratio_asked(options: dict[str, Any]) -> float | None:
    """Width divided by height, from `aspect_ratio` or `size`."""
    said = options.get("aspect_ratio") or options.get("size")
    if said is None:
        return None
    width, height = (int(side) for side in re.split(r"[:x*]", said))
    return width / height


def size_asked(options: dict[str, Any], longest: int) -> Size:
    """The size of a picture made from words alone: the given pixels, or about a megapixel in the given ratio."""
    width, height = _pixels_asked(options)
    shrink = min(1.0, longest / max(width, height))
    return round(width * shrink), round(height * shrink)


def _pixels_asked(options: dict[str, Any]) -> Size:
    if pixels := re.fullmatch(r"(\d+)[x*](\d+)", options.get("size", "")):
        return int(pixels[1]), int(pixels[2])
    ratio = ratio_asked(options) or 1.0
    side = 1024 if options.get("image_size", "1K") == "1K" else 2048
    return int(side * ratio**0.5) // 32 * 32, int(side / ratio**0.5) // 32 * 32
