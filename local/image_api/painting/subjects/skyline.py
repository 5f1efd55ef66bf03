"""A city: tower blocks in two rows, and a lattice tower."""

import math
import random

from PIL import Image, ImageDraw

from local.image_api.painting.raster import RGB, mix
from local.image_api.painting.scenery import Point
from local.image_api.painting.subjects.house import WINDOW


def draw_city(picture: Image.Image, chance: random.Random, ground: float) -> None:
    """Draws two rows of tower blocks with lit windows, the rear row in haze."""
    width, height = picture.size
    for row, haze in ((0, 0.55), (1, 0.12)):
        x = -width * 0.02
        while x < width:
            wide = width * chance.uniform(0.045, 0.085)
            tall = height * chance.uniform(0.14, 0.34) * (1.25 - row * 0.35)
            _draw_block(picture, chance, (x, ground - tall, x + wide, ground), haze)
            x += wide * chance.uniform(0.86, 1.25)


def _draw_block(
    picture: Image.Image, chance: random.Random, box: tuple[float, float, float, float], haze: float
) -> None:
    left, top, right, bottom = box
    draw = ImageDraw.Draw(picture)
    air: RGB = (196, 210, 222)
    wall = mix(chance.choice([(118, 108, 104), (84, 98, 116), (150, 132, 116), (96, 88, 98)]), air, haze)
    edge = left + (right - left) * 0.72
    draw.rectangle((left, top, edge, bottom), fill=wall)
    draw.rectangle((edge, top, right, bottom), fill=mix(wall, (30, 36, 52), 0.3))
    if chance.random() < 0.4:
        draw.line((edge, top, edge, top - (bottom - top) * 0.16), fill=wall, width=3)
    cell = (edge - left) / 6
    for i in range(1, 6):
        for j in range(1, int((bottom - top) / (cell * 1.7))):
            lamp = mix(WINDOW if chance.random() < 0.45 else (62, 78, 98), air, haze * 0.8)
            x, y = left + cell * i - cell * 0.25, top + cell * 1.7 * j
            draw.rectangle((x, y, x + cell * 0.5, y + cell * 0.85), fill=lamp)


def draw_tower(picture: Image.Image, foot: Point, tall: float) -> None:
    """Draws a lattice tower with a slim waist and a mast."""
    x, y = foot
    draw = ImageDraw.Draw(picture)
    steel: RGB = (148, 104, 118)
    for turn in (0.0, 0.35, -0.35):
        for i in range(14):
            angle = math.tau * i / 14
            line = [_on_tower(x, y, tall, step / 24, angle + turn * 6 * step / 24) for step in range(25)]
            draw.line(
                line,
                fill=mix(steel, (236, 226, 230), 0.5 + 0.5 * math.sin(angle)),
                width=max(1, round(tall / 260)),
            )
    for i in range(15):
        share = i / 14
        wide = _girth(tall, share)
        draw.ellipse(
            (x - wide, y - tall * 0.8 * share - wide * 0.14, x + wide, y - tall * 0.8 * share + wide * 0.14),
            outline=steel,
            width=2,
        )
    draw.line((x, y, x, y - tall * 0.8), fill=(196, 182, 190), width=max(3, round(tall * 0.022)))
    draw.polygon(
        [(x - tall * 0.012, y - tall * 0.8), (x, y - tall), (x + tall * 0.012, y - tall * 0.8)],
        fill=(120, 92, 104),
    )


def _girth(tall: float, share: float) -> float:
    return tall * (0.034 + 0.09 * (share - 0.62) ** 2 * 2.4)


def _on_tower(x: float, y: float, tall: float, share: float, angle: float) -> Point:
    return x + math.cos(angle) * _girth(tall, share), y - tall * 0.8 * share
