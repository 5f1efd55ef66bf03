"""A wooden cabin. `foot` is the point on the ground in pixels, `tall` the height in pixels."""

from PIL import Image, ImageDraw

from local.image_api.painting.raster import RGB, gradient, mix
from local.image_api.painting.scenery import Point

WINDOW: RGB = (255, 226, 150)


def draw_house(picture: Image.Image, foot: Point, tall: float, wall: RGB = (168, 52, 40)) -> None:
    """Draws a wooden cabin, with the gable to the left, and the long side and the roof to the right."""
    x, y = foot
    eaves, corner, left, right = y - tall * 0.5, x - tall * 0.12, x - tall * 0.72, x + tall * 0.85
    apex = ((left + corner) / 2, y - tall * 0.98)
    draw = ImageDraw.Draw(picture)
    draw.polygon([(left, y), (left, eaves), apex, (corner, eaves), (corner, y)], fill=mix(wall, (255, 214, 170), 0.14))
    draw.rectangle((corner, eaves, right, y), fill=mix(wall, (40, 16, 20), 0.22))
    for i in range(1, 9):
        plank = y - tall * 0.5 * i / 9
        draw.line((left, plank, right, plank), fill=mix(wall, (30, 10, 12), 0.4), width=max(1, round(tall / 160)))
    draw.rectangle((left - tall * 0.02, y - tall * 0.05, right, y), fill=(112, 106, 100))
    _draw_chimney(draw, (right - tall * 0.42, y - tall * 0.86), tall)
    _draw_roof(picture, apex, (left, corner, right), eaves, tall)
    _draw_openings(draw, foot, tall, (left, corner, right))


def _draw_chimney(draw: ImageDraw.ImageDraw, top: Point, tall: float) -> None:
    x, y = top
    draw.rectangle((x, y - tall * 0.22, x + tall * 0.12, y + tall * 0.2), fill=(138, 92, 78))
    draw.rectangle((x + tall * 0.08, y - tall * 0.22, x + tall * 0.12, y + tall * 0.2), fill=(104, 68, 60))
    draw.rectangle((x - tall * 0.015, y - tall * 0.25, x + tall * 0.135, y - tall * 0.2), fill=(92, 84, 82))


def _draw_roof(picture: Image.Image, apex: Point, walls: tuple[float, float, float], eaves: float, tall: float) -> None:
    left, corner, right = walls
    low = eaves + tall * 0.05
    slope = [apex, (right - tall * 0.14, apex[1]), (right + tall * 0.07, low), (corner + tall * 0.03, low)]
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).polygon(slope, fill=255)
    picture.paste(
        gradient(picture.size, [(apex[1] / picture.height, (104, 102, 110)), (low / picture.height, (62, 60, 70))]),
        mask=mask,
    )
    draw = ImageDraw.Draw(picture)
    for i in range(1, 7):
        share = i / 7
        row = apex[1] + (low - apex[1]) * share
        ends = (apex[0] + (corner - apex[0]) * share, right - tall * 0.14 + tall * 0.2 * share)
        draw.line((ends[0], row, ends[1], row), fill=(52, 50, 60), width=max(1, round(tall / 150)))
    trim = max(2, round(tall * 0.035))
    draw.line(
        [(left - tall * 0.05, low), apex, (corner + tall * 0.05, low)],
        fill=(240, 236, 226),
        width=trim,
        joint="curve",
    )
    draw.line([(corner + tall * 0.03, low), (right + tall * 0.07, low)], fill=(226, 220, 210), width=trim)


def _draw_openings(draw: ImageDraw.ImageDraw, foot: Point, tall: float, walls: tuple[float, float, float]) -> None:
    left, corner, right = walls
    y = foot[1]
    middle = (left + corner) / 2
    draw.rectangle(
        (middle - tall * 0.085, y - tall * 0.34, middle + tall * 0.085, y - tall * 0.05), fill=(238, 232, 220)
    )
    draw.rectangle((middle - tall * 0.065, y - tall * 0.32, middle + tall * 0.065, y - tall * 0.05), fill=(66, 84, 92))
    _draw_window(draw, (middle, y - tall * 0.6), tall * 0.075)
    for share in (0.24, 0.52, 0.8):
        _draw_window(draw, (corner + (right - corner) * share, y - tall * 0.25), tall * 0.095)


def _draw_window(draw: ImageDraw.ImageDraw, centre: Point, half: float) -> None:
    x, y = centre
    frame = half * 0.22
    draw.rectangle((x - half - frame, y - half - frame, x + half + frame, y + half + frame), fill=(242, 238, 228))
    draw.rectangle((x - half, y - half, x + half, y + half), fill=WINDOW)
    draw.line((x, y - half, x, y + half), fill=(242, 238, 228), width=max(1, round(frame)))
    draw.line((x - half, y, x + half, y), fill=(242, 238, 228), width=max(1, round(frame)))
