"""A sailing boat."""

from PIL import Image, ImageDraw

from local.image_api.painting.scenery import Point


def draw_boat(picture: Image.Image, foot: Point, tall: float) -> None:
    """Draws a sailing boat with two sails."""
    x, y = foot
    draw = ImageDraw.Draw(picture)
    draw.line((x, y - tall * 0.1, x, y - tall), fill=(90, 70, 56), width=max(2, round(tall * 0.025)))
    draw.polygon(
        [
            (x + tall * 0.03, y - tall * 0.96),
            (x + tall * 0.03, y - tall * 0.2),
            (x + tall * 0.42, y - tall * 0.2),
        ],
        fill=(250, 246, 236),
    )
    draw.polygon(
        [
            (x - tall * 0.03, y - tall * 0.84),
            (x - tall * 0.03, y - tall * 0.2),
            (x - tall * 0.28, y - tall * 0.2),
        ],
        fill=(222, 92, 70),
    )
    draw.polygon(
        [
            (x - tall * 0.4, y - tall * 0.15),
            (x + tall * 0.48, y - tall * 0.15),
            (x + tall * 0.32, y),
            (x - tall * 0.28, y),
        ],
        fill=(104, 62, 44),
    )
    draw.line(
        (x - tall * 0.4, y - tall * 0.15, x + tall * 0.48, y - tall * 0.15),
        fill=(236, 224, 204),
        width=max(2, round(tall * 0.025)),
    )
