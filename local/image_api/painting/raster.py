"""The tools for painting: seeded random numbers, gradients, textures, glows, and the mask of a picture's sky.

Everything is deterministic, because all random numbers come from `dice`, which is seeded by words.
"""

import hashlib
import random
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageFilter

RGB = tuple[int, int, int]
Size = tuple[int, int]
Stop = tuple[float, RGB]

SKY_SCAN_WIDTH = 480
SKY_STEP = 18
"""The largest difference of two neighbouring pixels of a sky, summed over the channels."""
NO_SKY = 0.92
"""The share of a picture above which a sky is taken for a plain backdrop."""


def dice(*words: object) -> random.Random:
    """A generator of random numbers. The same words give the same numbers on every machine and in every process."""
    seed = hashlib.sha256("\0".join(map(str, words)).encode()).digest()
    return random.Random(int.from_bytes(seed))  # noqa: S311 - its numbers must repeat, and protect nothing


def mix(one: RGB, other: RGB, share: float) -> RGB:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def gradient(size: Size, stops: Sequence[Stop]) -> Image.Image:
    """A gradient from top (0.0) to bottom (1.0), through the colours of `stops`."""
    column = Image.new("RGB", (1, 256))
    for y in range(256):
        column.putpixel((0, y), _colour_at(stops, y / 255))
    return column.resize(size, Image.Resampling.BILINEAR)


def _colour_at(stops: Sequence[Stop], position: float) -> RGB:
    for (start, one), (end, other) in pairwise(stops):
        if position <= end:
            return mix(one, other, max(0.0, (position - start) / (end - start)))
    return stops[-1][1]


def ramp(size: Size, top: int, bottom: int, start: float = 0.0, end: float = 1.0) -> Image.Image:
    """A mask that goes from `top` to `bottom` between two heights."""
    grey: list[Stop] = [(start, (top,) * 3), (end, (bottom,) * 3)]
    return gradient(size, grey).getchannel(0)


def grain(size: Size, chance: random.Random, cell: int) -> Image.Image:
    """Noise whose specks are `cell` pixels wide."""
    small = (max(2, size[0] // cell + 1), max(2, size[1] // cell + 1))
    specks = Image.frombytes("L", small, chance.randbytes(small[0] * small[1]))
    return specks.resize(size, Image.Resampling.BICUBIC)


def clouds(size: Size, chance: random.Random, cell: int, octaves: int = 4) -> Image.Image:
    """Fractal noise: coarse specks with finer and finer ones upon them."""
    texture = grain(size, chance, cell)
    for octave in range(1, octaves):
        finer = grain(size, chance, max(1, cell >> octave))
        texture = Image.blend(texture, finer, 0.5 * 0.7**octave)
    return texture


def relief(texture: Image.Image, depth: float = 2.0, reach: int = 3) -> Image.Image:
    """The texture as a surface lit from the upper left, mid-grey where it is flat."""
    moved = texture.copy()
    moved.paste(texture, (reach, reach))
    return ImageChops.subtract(texture, moved, scale=1 / depth, offset=128)


def glow(size: Size, centre: tuple[float, float], radius: float, strength: int = 255) -> Image.Image:
    """A mask that is brightest at the centre and falls off softly to nothing."""
    side = max(2, round(radius * 2))
    disc = Image.radial_gradient("L").point([round(strength * max(0.0, 1 - i / 180) ** 2) for i in range(256)])
    mask = Image.new("L", size)
    mask.paste(disc.resize((side, side)), (round(centre[0] - side / 2), round(centre[1] - side / 2)))
    return mask


def lighten(picture: Image.Image, colour: RGB, mask: Image.Image) -> Image.Image:
    """Adds light of that colour where the mask is bright."""
    light = Image.composite(Image.new("RGB", picture.size, colour), Image.new("RGB", picture.size), mask)
    return ImageChops.screen(picture, light)


def tint(picture: Image.Image, factors: tuple[float, float, float]) -> Image.Image:
    """Multiplies red, green and blue."""
    return picture.point([min(255, round(i * factor)) for factor in factors for i in range(256)])


def faded(mask: Image.Image, share: float) -> Image.Image:
    return mask.point([round(i * share) for i in range(256)])


def share_of(mask: Image.Image) -> float:
    """The share of the picture that a mask covers, from 0 to 1."""
    histogram = mask.histogram()
    return sum(i * count for i, count in enumerate(histogram)) / (255 * mask.width * mask.height)


def sky_mask(picture: Image.Image) -> Image.Image:
    """A mask of the sky: the pixels that can be reached from the top edge without crossing a hard edge."""
    width = max(2, min(SKY_SCAN_WIDTH, picture.width))
    height = max(2, round(width * picture.height / picture.width))
    small = picture.convert("RGB").resize((width, height)).filter(ImageFilter.MedianFilter(5))
    walls = _steps(small).filter(ImageFilter.MaxFilter(3)).point([255 if i > SKY_STEP else 0 for i in range(256)])
    reached = Image.frombytes("L", small.size, _flooded(walls.tobytes(), width))
    whole = reached.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.MinFilter(7))
    if share_of(whole) > NO_SKY:
        return Image.new("L", picture.size)
    return whole.resize(picture.size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(picture.width / 500))


def _steps(picture: Image.Image) -> Image.Image:
    """The difference of each pixel from those above and to the left, summed over the channels."""
    total = Image.new("L", picture.size)
    for dx, dy in ((0, 1), (1, 0)):
        for channel in ImageChops.difference(picture, ImageChops.offset(picture, dx, dy)).split():
            total = ImageChops.add(total, channel)
    total.paste(0, (0, 0, picture.width, 1))
    total.paste(0, (0, 0, 1, picture.height))
    return total


def _flooded(walls: bytes, width: int) -> bytes:
    """A mask of the pixels that can be reached from the top row without crossing a wall."""
    reached = bytearray(len(walls))
    front = [x for x in range(width) if not walls[x]]
    while front:
        here = front.pop()
        if reached[here] or walls[here]:
            continue
        reached[here] = 255
        x = here % width
        nearby = (here + width, here - width, here + 1 if x < width - 1 else -1, here - 1 if x else -1)
        front.extend(there for there in nearby if 0 <= there < len(walls) and not reached[there])
    return bytes(reached)
