"""A sitting cat."""

import math
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from local.image_api.painting.raster import RGB, clouds, grain, mix, relief
from local.image_api.painting.scenery import Point, draw_shadow


def draw_cat(picture: Image.Image, chance: random.Random, foot: Point, tall: float, coat: RGB = (224, 138, 58)) -> None:
    """Draws a sitting cat with fur that looks at the viewer."""
    draw_shadow(picture, foot, tall * 0.8)
    layer, mask = Image.new("RGB", picture.size, coat), Image.new("L", picture.size)
    _draw_cat_body(ImageDraw.Draw(layer), ImageDraw.Draw(mask), foot, tall, coat)
    fur = relief(grain(picture.size, chance, 4), 0.5, 2)
    furry = ImageChops.soft_light(layer, Image.merge("RGB", (fur,) * 3))
    shade = relief(clouds(picture.size, chance, round(tall / 4)), 0.8, 6)
    picture.paste(
        ImageChops.soft_light(furry, Image.merge("RGB", (shade,) * 3)),
        mask=mask.filter(ImageFilter.GaussianBlur(1.5)),
    )
    _draw_cat_face(ImageDraw.Draw(picture), (foot[0], foot[1] - tall * 0.71), tall * 0.22)


def _draw_cat_body(layer: ImageDraw.ImageDraw, mask: ImageDraw.ImageDraw, foot: Point, tall: float, coat: RGB) -> None:
    x, y = foot
    dark, pale = mix(coat, (96, 40, 10), 0.5), mix(coat, (255, 248, 236), 0.8)

    def oval(cx: float, cy: float, rx: float, ry: float, colour: RGB, *, solid: bool = True) -> None:
        box = (x + (cx - rx) * tall, y + (cy - ry) * tall, x + (cx + rx) * tall, y + (cy + ry) * tall)
        layer.ellipse(box, fill=colour)
        if solid:
            mask.ellipse(box, fill=255)

    for i in range(40):
        t = i / 39
        oval(
            0.2 + 0.26 * math.sin(t * 2.6),
            -0.07 - 0.4 * t * t,
            0.055 - 0.012 * t,
            0.055,
            dark if i % 8 > 4 else coat,
        )
    oval(0.0, -0.24, 0.25, 0.26, coat)
    oval(0.0, -0.4, 0.19, 0.24, coat)
    for cy in (-0.14, -0.24, -0.34):
        for side in (-1, 1):
            oval(side * 0.22, cy, 0.07, 0.018, dark, solid=False)
    oval(0.0, -0.36, 0.1, 0.18, pale, solid=False)
    for side in (-1, 1):
        oval(side * 0.08, -0.14, 0.062, 0.14, mix(coat, pale, 0.25))
        oval(side * 0.085, -0.03, 0.075, 0.04, pale)
        ear = [(x + side * tall * dx, y + tall * dy) for dx, dy in ((0.2, -0.76), (0.19, -1.0), (0.05, -0.87))]
        layer.polygon(ear, fill=coat)
        mask.polygon(ear, fill=255)
        inner = [(x + side * tall * dx, y + tall * dy) for dx, dy in ((0.17, -0.8), (0.172, -0.94), (0.09, -0.86))]
        layer.polygon(inner, fill=(232, 158, 146))
    oval(0.0, -0.72, 0.22, 0.185, coat)
    for dx in (-0.06, 0.0, 0.06):
        oval(dx, -0.85, 0.016, 0.05, dark, solid=False)
    for side in (-1, 1):
        oval(side * 0.055, -0.645, 0.075, 0.06, pale, solid=False)


def _draw_cat_face(draw: ImageDraw.ImageDraw, centre: Point, half: float) -> None:
    x, y = centre
    for side in (-1, 1):
        ex = x + side * half * 0.42
        draw.ellipse((ex - half * 0.2, y - half * 0.24, ex + half * 0.2, y + half * 0.18), fill=(58, 40, 20))
        draw.ellipse((ex - half * 0.17, y - half * 0.21, ex + half * 0.17, y + half * 0.15), fill=(150, 190, 84))
        draw.ellipse((ex - half * 0.075, y - half * 0.19, ex + half * 0.075, y + half * 0.13), fill=(18, 16, 14))
        draw.ellipse((ex - half * 0.1, y - half * 0.15, ex - half * 0.02, y - half * 0.07), fill=(255, 255, 255))
        for rise in (-0.1, 0.0, 0.12):
            draw.line(
                (
                    x + side * half * 0.28,
                    y + half * 0.36,
                    x + side * half * 1.25,
                    y + half * (0.3 + rise * 1.8),
                ),
                fill=(250, 244, 236),
                width=max(1, round(half / 60)),
            )
        draw.arc(
            (
                x - half * 0.13 + side * half * 0.13,
                y + half * 0.28,
                x + half * 0.13 + side * half * 0.13,
                y + half * 0.5,
            ),
            10,
            170,
            fill=(110, 56, 44),
            width=max(2, round(half / 40)),
        )
    draw.polygon(
        [(x - half * 0.1, y + half * 0.2), (x + half * 0.1, y + half * 0.2), (x, y + half * 0.32)],
        fill=(214, 108, 104),
    )
