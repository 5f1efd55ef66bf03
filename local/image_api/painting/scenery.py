"""The backdrop of a scene. Each function draws sky, mountains, forest, water or meadow onto a picture in place."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from local.image_api.painting.raster import RGB, clouds, faded, glow, gradient, grain, lighten, mix, ramp, relief

Point = tuple[float, float]


def draw_sky(picture: Image.Image, chance: random.Random) -> None:
    width, height = picture.size
    deep: RGB = (58 + chance.randrange(24), 122 + chance.randrange(18), 190 + chance.randrange(20))
    sky = gradient(picture.size, [(0.0, deep), (0.34, (140, 186, 224)), (0.62, (206, 216, 222))])
    sun = (width * (0.18 + 0.2 * chance.random()), height * 0.16)
    sky = lighten(sky, (255, 240, 205), glow(sky.size, sun, height * 0.75, 190))
    sky = lighten(sky, (255, 252, 240), glow(sky.size, sun, height * 0.09, 255))
    picture.paste(_with_clouds(sky, chance))


def _with_clouds(sky: Image.Image, chance: random.Random) -> Image.Image:
    width, height = sky.size
    wide = clouds((width // 3, height), chance, height // 6, octaves=6).resize(sky.size)
    puffs = wide.point([max(0, min(225, round((i - 132) * 4.2))) for i in range(256)])
    band = ImageChops.multiply(ramp(sky.size, 90, 255, 0.0, 0.25), ramp(sky.size, 255, 0, 0.3, 0.58))
    mask = ImageChops.multiply(puffs.filter(ImageFilter.GaussianBlur(height / 260)), band)
    return Image.composite(gradient(sky.size, [(0.0, (255, 255, 255)), (0.5, (240, 236, 236))]), sky, mask)


def ridge(chance: random.Random, roughness: float, steps: int = 8) -> list[float]:
    """A skyline by midpoint displacement: 2**steps + 1 heights, about -1 to 1."""
    heights = [chance.uniform(-0.5, 0.5) for _ in range(3)]
    spread = 0.9
    for _ in range(steps - 1):
        middles = [(a + b) / 2 + chance.uniform(-spread, spread) for a, b in pairwise(heights)]
        heights = [h for pair in zip(heights, middles, strict=False) for h in pair] + heights[-1:]
        spread *= roughness
    return heights


def draw_range(
    picture: Image.Image,
    chance: random.Random,
    *,
    base: float,
    rise: float,
    colours: tuple[RGB, RGB],
    roughness: float = 0.5,
    snow: bool = False,
) -> None:
    """Draws mountains or hills with their mean height at `base` (a share of the picture)."""
    width, height = picture.size
    heights = ridge(chance, roughness)
    outline = [(width * i / (len(heights) - 1), height * (base - rise * h)) for i, h in enumerate(heights)]
    mask = _filled(picture.size, outline)
    slope = gradient(picture.size, [(base - rise, colours[0]), (min(1.0, base + rise * 1.6), colours[1])])
    rock = relief(clouds(picture.size, chance, height // 8, octaves=5), 3.0 if snow else 1.9, max(2, height // 110))
    shaded = ImageChops.soft_light(slope, Image.merge("RGB", (rock,) * 3))
    if snow:
        shaded = _snow_capped(shaded, rock, outline, chance)
    picture.paste(shaded, mask=mask)


def _filled(size: tuple[int, int], outline: Sequence[Point]) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon([(0, size[1]), *outline, (size[0], size[1])], fill=255)
    return mask


def _snow_capped(rock: Image.Image, light: Image.Image, outline: Sequence[Point], chance: random.Random) -> Image.Image:
    height = rock.height
    reach = [(x, y + height * 0.12 * (0.25 + max(0.0, 0.42 - y / height) * 3)) for x, y in outline]
    cap = ImageChops.invert(_filled(rock.size, reach)).filter(ImageFilter.GaussianBlur(height / 90))
    ragged = ImageChops.add(
        cap, relief(clouds(rock.size, chance, height // 14), 2.6, height // 120), scale=1.0, offset=-128
    )
    cap = ragged.point([max(0, min(245, (i - 118) * 6)) for i in range(256)])
    white = ImageChops.soft_light(Image.new("RGB", rock.size, (240, 244, 252)), Image.merge("RGB", (light,) * 3))
    return Image.composite(white, rock, cap)


def draw_forest(
    picture: Image.Image, chance: random.Random, *, foot: float, height: float, count: int, colour: RGB
) -> None:
    """Draws a line of conifers with their feet at `foot`, about `height` tall (both shares of the picture)."""
    width, full = picture.size
    for i in range(count):
        at = width * (i + chance.uniform(-0.9, 0.9)) / count
        tall = full * height * chance.uniform(0.55, 1.15)
        draw_conifer(picture, chance, (at, full * foot + chance.uniform(0, tall * 0.12)), tall, colour)


def draw_conifer(picture: Image.Image, chance: random.Random, foot: Point, tall: float, colour: RGB) -> None:
    draw = ImageDraw.Draw(picture)
    x, y = foot
    draw.rectangle((x - tall * 0.018, y - tall * 0.12, x + tall * 0.018, y), fill=(58, 44, 36))
    shade = mix(colour, (20, 40, 36), chance.random() * 0.5)
    tiers = 9
    for tier in range(tiers):
        top = y - tall + tall * 0.86 * tier / tiers
        wide = tall * (0.035 + 0.165 * (tier + 1) / tiers) * chance.uniform(0.85, 1.1)
        low = top + tall * 0.2
        lit = mix(shade, (150, 176, 96), 0.22)
        draw.polygon([(x, top), (x + wide, low), (x + wide * 0.3, low - tall * 0.03), (x, low)], fill=shade)
        draw.polygon([(x, top), (x - wide, low), (x - wide * 0.3, low - tall * 0.03), (x, low)], fill=lit)


def draw_water(picture: Image.Image, chance: random.Random, shore: float, colour: RGB = (44, 84, 112)) -> None:
    """Fills the picture below `shore` with a lake that mirrors the part above it."""
    width, height = picture.size
    top = round(height * shore)
    depth = height - top
    mirrored = picture.crop((0, max(0, top - depth), width, top)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirrored = mirrored.resize((width, depth)).filter(ImageFilter.GaussianBlur((height / 300, height / 700)))
    water = _rippled(mirrored, chance)
    water = ImageEnhance.Brightness(water).enhance(0.86)
    water = Image.composite(Image.new("RGB", water.size, colour), water, ramp(water.size, 40, 150))
    picture.paste(_glittering(water, chance), (0, top))


def _rippled(mirrored: Image.Image, chance: random.Random) -> Image.Image:
    width, depth = mirrored.size
    water = mirrored.copy()
    phase = chance.random() * math.tau
    for y in range(0, depth, 2):
        far = y / depth
        wave = math.sin(phase + 160 * math.log1p(far * 2.2)) + 0.5 * chance.uniform(-1, 1)
        shift = round(wave * (1 + far * 9) * width / 2000)
        water.paste(ImageChops.offset(mirrored.crop((0, y, width, y + 2)), shift, 0), (0, y))
    return water


def _glittering(water: Image.Image, chance: random.Random) -> Image.Image:
    width, depth = water.size
    streaks = grain((max(2, width // 24), depth), chance, 3).resize(water.size)
    light = streaks.point([max(0, min(120, (i - 176) * 3)) for i in range(256)])
    dark = streaks.point([max(0, min(90, (70 - i) * 3)) for i in range(256)])
    water = lighten(water, (235, 242, 250), ImageChops.multiply(light, ramp(water.size, 120, 255)))
    return Image.composite(Image.new("RGB", water.size, (22, 46, 66)), water, faded(dark, 0.8))


def draw_meadow(
    picture: Image.Image, chance: random.Random, edge: Sequence[Point], colour: RGB = (92, 126, 52)
) -> None:
    """Draws grass below `edge`, a line across the picture in pixels."""
    height = picture.height
    top = min(y for _, y in edge) / height
    base = gradient(picture.size, [(top, mix(colour, (196, 200, 110), 0.45)), (1.0, mix(colour, (18, 40, 18), 0.55))])
    ground = relief(clouds(picture.size, chance, height // 30), 2.0)
    picture.paste(ImageChops.soft_light(base, Image.merge("RGB", (ground,) * 3)), mask=_filled(picture.size, edge))
    _draw_blades(picture, chance, edge, colour)


def _draw_blades(picture: Image.Image, chance: random.Random, edge: Sequence[Point], colour: RGB) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    steps = [(chance.random(), chance.random() * width) for _ in range(5200)]
    for depth, x in sorted(steps):
        start = height_at(edge, x)
        y = start + (height * 1.02 - start) * depth
        long = height * (0.008 + 0.045 * depth) * chance.uniform(0.5, 1.2)
        light = mix(colour, (206, 214, 120), chance.random() * 0.6)
        shade = mix(light, (20, 44, 20), 0.15 + depth * chance.random() * 0.7)
        draw.line((x, y, x + long * chance.uniform(-0.35, 0.35), y - long), fill=shade, width=2)


def height_at(edge: Sequence[Point], x: float) -> float:
    """The height of the line at x."""
    for (x0, y0), (x1, y1) in pairwise(edge):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return edge[-1][1]


def draw_shadow(picture: Image.Image, foot: Point, wide: float) -> None:
    x, y = foot
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((x - wide * 0.55, y - wide * 0.1, x + wide * 0.8, y + wide * 0.12), fill=120)
    soft = mask.filter(ImageFilter.GaussianBlur(wide * 0.05))
    picture.paste(Image.new("RGB", picture.size, (14, 26, 20)), mask=soft)
