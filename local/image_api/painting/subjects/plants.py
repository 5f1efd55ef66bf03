"""Trees with leaves, and flowers. `foot` is the point on the ground, `tall` the height, both in pixels."""

import math
import random

from PIL import Image, ImageDraw

from local.image_api.painting.raster import RGB, mix
from local.image_api.painting.scenery import Point, draw_shadow

PETALS: tuple[RGB, ...] = ((222, 68, 62), (246, 200, 62), (250, 246, 240), (176, 92, 178), (244, 140, 60))


def draw_tree(picture: Image.Image, chance: random.Random, foot: Point, tall: float, leaf: RGB = (92, 128, 48)) -> None:
    """Draws a broad-leaved tree: a forked trunk under many overlapping tufts, lit from the left."""
    x, y = foot
    draw_shadow(picture, foot, tall * 0.5)
    draw = ImageDraw.Draw(picture)
    bark: RGB = (82, 62, 48)
    draw.polygon(
        [
            (x - tall * 0.045, y),
            (x - tall * 0.02, y - tall * 0.5),
            (x + tall * 0.02, y - tall * 0.5),
            (x + tall * 0.04, y),
        ],
        fill=bark,
    )
    for side in (-1, 1):
        draw.line(
            (x, y - tall * 0.36, x + side * tall * 0.16, y - tall * 0.6),
            fill=bark,
            width=max(2, round(tall * 0.024)),
        )
    for reach, angle, order in sorted((chance.random(), chance.random() * math.tau, i) for i in range(26)):
        spread = reach**0.6 * tall
        centre = (x + math.cos(angle) * spread * 0.24, y - tall * 0.68 + math.sin(angle) * spread * 0.22)
        _draw_tuft(draw, chance, centre, tall * (0.13 - 0.0015 * order), leaf)


def _draw_tuft(draw: ImageDraw.ImageDraw, chance: random.Random, centre: Point, radius: float, leaf: RGB) -> None:
    """Draws a ball of leaves, dark below and light towards the upper left."""
    dark, pale = mix(leaf, (18, 40, 24), 0.55), mix(leaf, (232, 228, 122), 0.45)
    for reach in sorted(1 - chance.random() ** 2 for _ in range(110)):
        angle = chance.random() * math.tau
        cx, cy = (
            centre[0] + math.cos(angle) * reach * radius,
            centre[1] + math.sin(angle) * reach * radius * 0.85,
        )
        lit = 0.5 - 0.5 * (math.cos(angle) * 0.5 + math.sin(angle) * 0.8) * reach
        size = radius * chance.uniform(0.09, 0.18)
        draw.ellipse(
            (cx - size, cy - size * 0.7, cx + size, cy + size * 0.7),
            fill=mix(dark, pale, lit * chance.uniform(0.7, 1.0)),
        )


def draw_flowers(
    picture: Image.Image,
    chance: random.Random,
    box: tuple[float, float, float, float],
    count: int,
    tall: float,
) -> None:
    """Draws a bed of flowers in the box. The nearer ones are larger and drawn last."""
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = box
    for depth in sorted(chance.random() for _ in range(count)):
        x, y = chance.uniform(left, right), top + (bottom - top) * depth
        size = tall * (0.35 + 0.65 * depth) * chance.uniform(0.7, 1.15)
        _draw_flower(draw, chance, (x, y), size)


def _draw_flower(draw: ImageDraw.ImageDraw, chance: random.Random, foot: Point, tall: float) -> None:
    x, y = foot
    head = (x + tall * chance.uniform(-0.12, 0.12), y - tall)
    draw.line((foot, head), fill=(58, 96, 40), width=max(2, round(tall * 0.05)))
    draw.ellipse((x, y - tall * 0.5, x + tall * 0.26, y - tall * 0.38), fill=(72, 116, 48))
    petal, turn, radius = chance.choice(PETALS), chance.random(), tall * 0.17
    for i in range(6):
        angle = math.tau * i / 6 + turn
        cx, cy = head[0] + math.cos(angle) * radius, head[1] + math.sin(angle) * radius * 0.85
        shade = mix(petal, (40, 10, 30), 0.18 * (1 + math.sin(angle)) / 2)
        draw.ellipse((cx - radius * 0.72, cy - radius * 0.66, cx + radius * 0.72, cy + radius * 0.66), fill=shade)
    core = radius * 0.5
    draw.ellipse((head[0] - core, head[1] - core, head[0] + core, head[1] + core), fill=(212, 152, 34))
