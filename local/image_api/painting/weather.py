"""Edits of the weather: snow, rain, fog, a rainbow."""

import math
import random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from local.image_api.painting.raster import RGB, clouds, dice, faded, lighten, mix, ramp, share_of, sky_mask, tint


def in_snow(picture: Image.Image, words: str) -> Image.Image:
    """Snow on everything that faces the sky, and flakes at four distances in the air."""
    chance = dice("snow", words)
    winter = _snowed_in(picture, chance)
    for flakes in _flakes(picture.size, chance):
        winter = lighten(winter, (246, 249, 255), flakes)
    return winter


def _snowed_in(picture: Image.Image, chance: random.Random) -> Image.Image:
    light, sky = picture.convert("L"), sky_mask(picture)
    bright = min(1.0, _mean(light) / 110)
    lying = ImageChops.add(_drifts(sky, chance, 110 + round(80 * bright)), _ledges(light, sky))
    pale = Image.blend(picture, light.convert("RGB"), 0.25 * bright)
    return Image.composite(_white(light, bright), pale, lying.filter(ImageFilter.GaussianBlur(light.width / 900)))


def _white(light: Image.Image, bright: float) -> Image.Image:
    """Snow with the shadows of the things below it. By night it is blue and dim."""
    white: RGB = mix((112, 134, 186), (238, 244, 255), bright)
    shadows = ImageOps.autocontrast(light, cutoff=1).convert("RGB")
    even = Image.new("RGB", light.size, white)
    return Image.blend(even, ImageChops.soft_light(even, shadows), 0.85)


def _drifts(sky: Image.Image, chance: random.Random, most: int) -> Image.Image:
    """A mask of the snow on the ground. Nearer ground has more of it."""
    ground = ImageChops.subtract(ramp(sky.size, most // 5, most, 0.45, 0.95), sky)
    patches = clouds(sky.size, chance, max(4, sky.height // 12)).point([min(255, 50 + i * 3 // 2) for i in range(256)])
    return ImageChops.multiply(ground, patches)


def _ledges(light: Image.Image, sky: Image.Image) -> Image.Image:
    """A mask of the upper edges of things, a few pixels deep, where snow stays."""
    depth = max(3, light.height // 70)
    below_sky = ImageChops.subtract(ImageChops.offset(sky, 0, depth), sky)
    smooth = light.filter(ImageFilter.GaussianBlur(light.height / 400))
    above = ImageChops.offset(smooth, 0, max(2, depth // 2))
    edges = ImageChops.subtract(above, smooth).point([min(200, max(0, i - 22) * 7) for i in range(256)])
    edges.paste(0, (0, 0, light.width, depth))
    below_sky.paste(0, (0, 0, light.width, depth))
    return ImageChops.add(faded(below_sky, 0.9), ImageChops.subtract(edges, sky))


def _mean(light: Image.Image) -> float:
    return sum(i * count for i, count in enumerate(light.histogram())) / (light.width * light.height)


def _flakes(size: tuple[int, int], chance: random.Random) -> list[Image.Image]:
    """Masks of flakes: many small ones far away, few large and blurred ones near."""
    unit = max(size) / 1024
    layers = ((620, 0.9, 0.5, 200), (260, 2.0, 0.8, 235), (70, 4.2, 1.8, 235), (16, 9.0, 4.5, 170))
    return [
        _flake_layer(size, chance, count, radius * unit, blur * unit, shine) for count, radius, blur, shine in layers
    ]


def _flake_layer(
    size: tuple[int, int], chance: random.Random, count: int, radius: float, blur: float, shine: int
) -> Image.Image:
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for _ in range(count):
        x, y, r = chance.random() * size[0], chance.random() * size[1], radius * chance.uniform(0.6, 1.4)
        draw.ellipse((x - r, y - r, x + r, y + r * 1.15), fill=chance.randrange(shine // 2, shine))
    return mask.filter(ImageFilter.GaussianBlur(blur))


def in_rain(picture: Image.Image, words: str) -> Image.Image:
    """A grey, wet light, and slanting threads of rain."""
    chance = dice("rain", words)
    dull = ImageEnhance.Contrast(ImageEnhance.Color(picture).enhance(0.55)).enhance(0.86)
    wet = tint(dull, (0.74, 0.8, 0.88))
    sky = sky_mask(picture)
    if share_of(sky) > 0:
        heavy = clouds(picture.size, chance, max(4, picture.height // 4), octaves=5).point(
            [60 + i // 2 for i in range(256)]
        )
        grey = Image.merge(
            "RGB",
            (
                heavy,
                heavy.point([min(255, i + 6) for i in range(256)]),
                heavy.point([min(255, i + 16) for i in range(256)]),
            ),
        )
        wet = Image.composite(Image.blend(wet, tint(grey, (0.9, 0.9, 0.9)), 0.62), wet, sky)
    for count, long, thick, shine in ((700, 0.035, 1, 70), (260, 0.075, 2, 105)):
        wet = lighten(wet, (214, 226, 240), _threads(picture.size, chance, count, long, thick, shine))
    return wet


def _threads(
    size: tuple[int, int], chance: random.Random, count: int, long: float, thick: int, shine: int
) -> Image.Image:
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for _ in range(count):
        x, y = chance.uniform(-0.1, 1.0) * size[0], chance.uniform(-0.1, 1.0) * size[1]
        fall = size[1] * long * chance.uniform(0.6, 1.3)
        draw.line((x, y, x + fall * 0.22, y + fall), fill=chance.randrange(shine // 2, shine), width=thick)
    return mask.filter(ImageFilter.GaussianBlur(0.6))


def in_fog(picture: Image.Image, words: str) -> Image.Image:
    """Banks of mist that are thickest half-way up the picture."""
    chance = dice("fog", words)
    wide = clouds((picture.width // 2 + 1, picture.height), chance, max(4, picture.height // 4)).resize(picture.size)
    upper = ramp(picture.size, 60, 255, 0.0, 0.55)
    lower = ramp(picture.size, 255, 70, 0.6, 1.0)
    bank = ImageChops.multiply(ImageChops.multiply(upper, lower), wide.point([min(255, 96 + i) for i in range(256)]))
    pale = ImageEnhance.Color(picture).enhance(0.7)
    return Image.composite(Image.new("RGB", picture.size, (216, 222, 228)), pale, faded(bank, 0.86))


def with_rainbow(picture: Image.Image, _words: str) -> Image.Image:
    """An arc of light across the sky, behind everything in front of the sky."""
    width, height = picture.size
    arc = Image.new("RGB", picture.size)
    draw = ImageDraw.Draw(arc)
    hues = [(255, 40, 40), (255, 140, 30), (250, 230, 60), (70, 210, 90), (60, 130, 250), (130, 70, 220)]
    radius, band = math.hypot(width, height) * 0.44, height * 0.014
    for i, hue in enumerate(hues):
        r = radius - i * band
        box = (width * 0.52 - r, height * 0.72 - r, width * 0.52 + r, height * 0.72 + r)
        draw.arc(box, 180, 360, fill=hue, width=round(band * 1.3))
    soft = arc.filter(ImageFilter.GaussianBlur(band * 0.6)).point([round(i * 0.5) for i in range(256)] * 3)
    shown = ImageChops.screen(picture, soft)
    sky = sky_mask(picture)
    return Image.composite(shown, picture, sky) if share_of(sky) > 0 else shown
