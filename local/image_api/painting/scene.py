"""Paints a scene with the subjects that a prompt names.

It paints each scene by daylight and at twice its size. `edits` adds night, snow and style.
"""

import random
import re

from PIL import Image, ImageChops

from local.image_api.painting.raster import Size, dice, grain, relief
from local.image_api.painting.scenery import (
    Point,
    draw_forest,
    draw_meadow,
    draw_range,
    draw_sky,
    draw_water,
    ridge,
)
from local.image_api.painting.subjects.boat import draw_boat
from local.image_api.painting.subjects.cat import draw_cat
from local.image_api.painting.subjects.house import draw_house
from local.image_api.painting.subjects.plants import draw_flowers, draw_tree
from local.image_api.painting.subjects.skyline import draw_city, draw_tower

SUBJECTS: dict[str, str] = {
    "mountains": r"\bmountain|\bpeak|\balps?\b|山",
    "water": r"\bsea\b|\bocean|\blake|\bbeach|\briver|\bwater\b|\bharbou?r|海|湖|河|江",
    "city": r"\bcity|\bskyline|\bstreet|\btown|\bskyscraper|城|街|都市",
    "tower": r"\btower|塔",
    "forest": r"\bforest|\bwoods?\b|\bpines?\b|林",
    "tree": r"\btrees?\b|树",
    "house": r"\bhouse|\bcabin|\bcottage|\bhome|房|屋|木屋",
    "flowers": r"\bflower|\bgarden|\bmeadow|\brose|\btulip|花",
    "boat": r"\bboat|\bship|\bsail|船|帆",
    "cat": r"\bcats?\b|\bkitten|猫",
}


def subjects_of(prompt: str) -> set[str]:
    """The subjects that the prompt names, as keys of `SUBJECTS`. If it names none, its hash chooses some."""
    named = {subject for subject, words in SUBJECTS.items() if re.search(words, prompt, re.IGNORECASE)}
    if "boat" in named:
        named.add("water")
    return named or set(
        dice("subjects", prompt).choice([("house", "tree"), ("forest", "water"), ("mountains", "flowers")])
    )


def draw_scene(prompt: str, size: Size = (1024, 1024)) -> Image.Image:
    """A picture of the subjects that the prompt names. The same prompt and size give the same picture."""
    chance, named = dice("scene", prompt), subjects_of(prompt)
    picture = Image.new("RGB", (size[0] * 2, size[1] * 2))
    draw_sky(picture, chance)
    _draw_distance(picture, chance, named)
    _draw_ground(picture, chance, named)
    return developed(picture, chance, size)


def _draw_distance(picture: Image.Image, chance: random.Random, named: set[str]) -> None:
    """Draws the things between the sky and the ground, the farthest first."""
    if "mountains" in named or not named & {"city", "tower"}:
        draw_mountains(picture, chance, high="mountains" in named)
    if "city" in named or "tower" in named:
        draw_city(picture, chance, picture.height * 0.64)
    if "tower" in named:
        draw_tower(picture, (picture.width * chance.uniform(0.4, 0.6), picture.height * 0.64), picture.height * 0.56)
    if "forest" in named:
        draw_forest(picture, chance, foot=0.645, height=0.17, count=70, colour=(44, 78, 62))


def draw_mountains(picture: Image.Image, chance: random.Random, *, high: bool) -> None:
    rise = 0.2 if high else 0.06
    draw_range(
        picture,
        chance,
        base=0.44,
        rise=rise,
        colours=((112, 134, 166), (176, 192, 206)),
        roughness=0.52,
        snow=high,
    )
    draw_range(picture, chance, base=0.54, rise=rise * 0.6, colours=((92, 116, 132), (140, 160, 158)), roughness=0.48)
    draw_range(picture, chance, base=0.61, rise=0.03, colours=((76, 108, 78), (110, 136, 92)), roughness=0.42)


def _draw_ground(picture: Image.Image, chance: random.Random, named: set[str]) -> None:
    width, height = picture.size
    edge = _shoreline(picture.size, chance, 0.66)
    if "water" in named:
        _draw_lakeside(picture, chance, named)
        edge = _shoreline(picture.size, chance, 0.88)
    draw_meadow(picture, chance, edge)
    if "house" in named and "water" not in named:
        draw_house(picture, (width * chance.uniform(0.4, 0.62), height * 0.74), height * 0.27)
    if "tree" in named:
        draw_tree(picture, chance, (width * chance.uniform(0.14, 0.24), height * 0.86), height * 0.5)
    if "flowers" in named or "cat" in named:
        draw_flowers(picture, chance, (0, height * 0.8, width, height * 1.06), 130, height * 0.085)
    if "cat" in named:
        draw_cat(picture, chance, (width * chance.uniform(0.42, 0.6), height * 0.94), min(width, height) * 0.46)


def _draw_lakeside(picture: Image.Image, chance: random.Random, named: set[str]) -> None:
    width, height = picture.size
    if "house" in named:
        draw_house(picture, (width * chance.uniform(0.55, 0.7), height * 0.625), height * 0.2)
    draw_water(picture, chance, 0.625)
    if "boat" in named:
        draw_boat(picture, (width * chance.uniform(0.3, 0.6), height * 0.76), height * 0.26)


def _shoreline(size: Size, chance: random.Random, at: float) -> list[Point]:
    heights = ridge(chance, 0.45, steps=5)
    return [(size[0] * i / 32, size[1] * (at + 0.012 * h)) for i, h in enumerate(heights)]


def developed(picture: Image.Image, chance: random.Random, size: Size) -> Image.Image:
    """The finished picture: reduced to its size, with a vignette and film grain."""
    small = picture.resize(size, Image.Resampling.LANCZOS)
    vignette = Image.radial_gradient("L").point([255 - max(0, i - 120) // 3 for i in range(256)]).resize(size)
    small = ImageChops.multiply(small, Image.merge("RGB", (vignette,) * 3))
    film = relief(grain(size, chance, 1), 0.05, 1)
    return ImageChops.soft_light(small, Image.merge("RGB", (film,) * 3))
