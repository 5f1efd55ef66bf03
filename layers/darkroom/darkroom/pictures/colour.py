"""Converts a picture's colours to sRGB with 8 bits a channel, from any mode, depth and profile."""

import io
from typing import cast

from PIL import Image as Pillow
from PIL import ImageChops

STANDARD_MODES = ("L", "LA", "RGB", "RGBA")
MAX_PROFILE_BYTES = 10_000_000  # the largest, for printing presses, have 3 MB
_FEWEST_LEVELS = 4  # a profile that moves no colour by so many of 256 counts as sRGB
_WHITES = (1, 255, 65_535, 2**32)  # possible whites of 32-bit samples, which do not state theirs
_WHITE_IS_ZERO = 0
_PHOTOMETRIC_INTERPRETATION = 262


def eight_bit(picture: Pillow.Image) -> Pillow.Image:
    """The picture in L, RGB or RGBA, scaled and not clipped. CMYK and LAB stay: their colours need a profile."""
    if picture.mode.startswith("I;16"):
        scaled = _scaled(picture, 65_535)
        is_negative = getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
        return ImageChops.invert(scaled) if is_negative else scaled
    if picture.mode in ("I", "F"):
        _, highest = cast("tuple[float, float]", picture.getextrema())  # of the one channel
        return _scaled(picture, next((white for white in _WHITES if highest <= white), 1))
    if picture.has_transparency_data:
        return picture if picture.mode == "RGBA" else picture.convert("RGBA")
    if picture.mode in ("L", "RGB", "CMYK", "LAB"):
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def standard(picture: Pillow.Image, profile: bytes | None) -> Pillow.Image:
    """The 8-bit picture in sRGB, as L, RGB or RGBA. A broken profile is ignored."""
    converted = _converted(picture, _lab_profile() if picture.mode == "LAB" else profile)
    if converted is None:
        return picture.convert("RGB") if picture.mode == "CMYK" else picture
    return converted.convert("L") if picture.mode == "L" else converted


def is_standard(mode: str, profile: bytes | None) -> bool:
    """Whether pictures of this mode look the same without their profile."""
    if mode not in STANDARD_MODES:
        return False
    probe = _grey_probe() if mode in ("L", "LA") else _colour_probe()
    converted = _converted(probe, profile)
    if converted is None:
        return True
    differences = ImageChops.difference(probe.convert("RGB"), converted).getextrema()
    return all(highest < _FEWEST_LEVELS for _, highest in cast("tuple[tuple[int, int], ...]", differences))


def _scaled(picture: Pillow.Image, white: int) -> Pillow.Image:
    scale = 255 / white
    return picture.point(lambda value: value * scale + 0).convert("L")


def _converted(picture: Pillow.Image, profile: bytes | None) -> Pillow.Image | None:
    """The picture in RGB or RGBA; None without a profile that fits."""
    if not profile or len(profile) > MAX_PROFILE_BYTES:
        return None
    from PIL import ImageCms  # it takes an eighth of Pillow's own start, and few pictures need it

    try:
        transform = ImageCms.buildTransform(
            ImageCms.getOpenProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            picture.mode,
            "RGBA" if picture.mode == "RGBA" else "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return ImageCms.applyTransform(picture, transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _lab_profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def _grey_probe() -> Pillow.Image:
    return Pillow.frombytes("L", (256, 1), bytes(range(256)))


def _colour_probe() -> Pillow.Image:
    levels = range(0, 256, 51)
    colours = [level for red in levels for green in levels for blue in levels for level in (red, green, blue)]
    return Pillow.frombytes("RGB", (len(colours) // 3, 1), bytes(colours))
