"""The "photo" that the demo sends: a red cabin on the shore of a mountain lake."""

import random

from PIL import Image, ImageChops, ImageDraw

from local.image_api.painting.raster import RGB, Size, dice, grain, mix, ramp, relief
from local.image_api.painting.scene import developed, draw_mountains
from local.image_api.painting.scenery import Point, draw_conifer, draw_forest, draw_meadow, draw_sky, draw_water
from local.image_api.painting.subjects.house import draw_house
from local.image_api.painting.subjects.plants import draw_flowers


def draw_lake_house(size: Size = (1024, 768)) -> Image.Image:
    """A red cabin on the shore of a mountain lake, with a jetty in the foreground."""
    chance = dice("lake house", 2)
    picture = Image.new("RGB", (size[0] * 2, size[1] * 2))
    width, height = picture.size
    draw_sky(picture, chance)
    draw_mountains(picture, chance, high=True)
    draw_forest(picture, chance, foot=0.612, height=0.11, count=90, colour=(58, 88, 76))
    draw_forest(picture, chance, foot=0.622, height=0.15, count=44, colour=(40, 72, 56))
    _draw_far_bank(picture, chance)
    draw_house(picture, (width * 0.62, height * 0.622), height * 0.19)
    draw_conifer(picture, chance, (width * 0.76, height * 0.632), height * 0.27, (34, 64, 48))
    draw_conifer(picture, chance, (width * 0.8, height * 0.636), height * 0.2, (40, 72, 52))
    draw_water(picture, chance, 0.64)
    _draw_jetty(picture)
    bank = [
        (0.0, height * 0.8),
        (width * 0.12, height * 0.84),
        (width * 0.3, height * 0.93),
        (width * 0.46, height * 1.01),
        (width, height * 1.05),
    ]
    draw_meadow(picture, chance, bank)
    draw_flowers(picture, chance, (0, height * 0.88, width * 0.3, height * 1.04), 60, height * 0.06)
    return developed(picture, chance, size)


def _draw_far_bank(picture: Image.Image, chance: random.Random) -> None:
    width, height = picture.size
    bank = Image.new("RGB", picture.size, (110, 128, 70))
    texture = relief(grain(picture.size, chance, 8), 0.25)
    mask = ramp(picture.size, 0, 255, 0.606, 0.622)
    ImageDraw.Draw(mask).rectangle((0, round(height * 0.644), width, height), fill=0)
    picture.paste(ImageChops.soft_light(bank, Image.merge("RGB", (texture,) * 3)), mask=mask)


def _draw_jetty(picture: Image.Image) -> None:
    """Planks that run from the lower right edge out into the lake."""
    width, height = picture.size
    near, far = (width * 0.74, width * 0.97, height * 1.02), (width * 0.655, width * 0.7, height * 0.75)
    draw = ImageDraw.Draw(picture)
    wood: RGB = (150, 118, 86)
    for i in range(26):
        share, following = 1 - (i / 26) ** 0.8, 1 - ((i + 0.86) / 26) ** 0.8
        top, bottom = _across(near, far, share), _across(near, far, following)
        shade = mix(wood, (84, 62, 48), (i * 7 % 5) / 9)
        draw.polygon([top[0], top[1], bottom[1], bottom[0]], fill=shade)
        if i % 6 == 1:
            _draw_posts(draw, bottom, height * (0.02 + 0.05 * (i / 26)))


def _across(near: tuple[float, float, float], far: tuple[float, float, float], share: float) -> tuple[Point, Point]:
    left, right, y = (n + (f - n) * share for n, f in zip(near, far, strict=True))
    return (left, y), (right, y)


def _draw_posts(draw: ImageDraw.ImageDraw, ends: tuple[Point, Point], tall: float) -> None:
    for x, y in ends:
        draw.rectangle((x - tall * 0.13, y - tall * 0.8, x + tall * 0.13, y + tall * 0.4), fill=(88, 68, 54))
