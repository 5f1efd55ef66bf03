"""Edits of a picture's style and lay-out: watercolour, sketch, oil, mirror, frame and the like."""

import re

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from local.image_api.painting.raster import RGB, clouds, dice, grain, mix, relief

PAPER: RGB = (250, 246, 236)
FRAME_COLOURS: dict[str, RGB] = {
    r"black|黑": (20, 20, 22),
    r"gold|金": (201, 162, 74),
    r"silver|银": (188, 192, 198),
    r"red|红": (176, 42, 46),
    r"blue|蓝": (40, 74, 140),
    r"green|绿": (46, 104, 66),
    r"wood\w*|brown|木|棕": (118, 80, 50),
}


def as_watercolour(picture: Image.Image, words: str) -> Image.Image:
    """Flat washes with darker rims on rough paper that shows at the edges."""
    chance = dice("watercolour", words)
    washes = picture.filter(ImageFilter.GaussianBlur(picture.width / 512))
    for _ in range(2):
        washes = washes.filter(ImageFilter.ModeFilter(7)).filter(ImageFilter.MedianFilter(5))
    washes = ImageEnhance.Color(_bled(washes, words)).enhance(1.25)
    washes = Image.blend(washes, Image.new("RGB", picture.size, PAPER), 0.2)
    rims = ImageOps.invert(washes.convert("L").filter(ImageFilter.FIND_EDGES)).point(
        [min(255, 90 + i * 7 // 10) for i in range(256)]
    )
    rims.paste(255, (0, 0, *picture.size), _border(picture.size, 3))
    painted = ImageChops.multiply(washes, Image.merge("RGB", (rims.filter(ImageFilter.GaussianBlur(0.8)),) * 3))
    pigment = clouds(picture.size, chance, max(4, picture.height // 16)).point([90 + i * 3 // 10 for i in range(256)])
    painted = ImageChops.soft_light(painted, Image.merge("RGB", (pigment,) * 3))
    return _on_paper(painted, words)


def _bled(picture: Image.Image, words: str) -> Image.Image:
    """The picture with patches moved a little, so that outlines waver like wet paint."""
    chance = dice("bleeding", words)
    step = max(8, picture.width // 40)
    columns, rows = picture.width // step + 1, picture.height // step + 1
    wander = step * 0.2
    nodes = {
        (i, j): (i * step + chance.gauss(0, wander), j * step + chance.gauss(0, wander))
        for i in range(columns + 1)
        for j in range(rows + 1)
    }
    mesh = []
    for i in range(columns):
        for j in range(rows):
            corners = (nodes[i, j], nodes[i, j + 1], nodes[i + 1, j + 1], nodes[i + 1, j])
            quad = tuple(number for corner in corners for number in corner)
            mesh.append(((i * step, j * step, (i + 1) * step, (j + 1) * step), quad))
    wide = ImageOps.expand(picture, 0)
    return wide.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _on_paper(painted: Image.Image, words: str) -> Image.Image:
    chance = dice("paper", words)
    tooth = relief(grain(painted.size, chance, 2), 0.16, 1)
    ragged = clouds(painted.size, chance, max(4, painted.height // 18))
    border = _border(painted.size, round(min(painted.size) * 0.035)).filter(
        ImageFilter.GaussianBlur(min(painted.size) * 0.02)
    )
    edge = ImageChops.add(border, ragged, offset=-128).point([255 if i > 128 else 0 for i in range(256)])
    sheet = Image.composite(Image.new("RGB", painted.size, PAPER), painted, edge.filter(ImageFilter.GaussianBlur(1.2)))
    return ImageChops.soft_light(sheet, Image.merge("RGB", (tooth,) * 3))


def _border(size: tuple[int, int], wide: int) -> Image.Image:
    mask = Image.new("L", size, 255)
    ImageDraw.Draw(mask).rectangle((wide, wide, size[0] - wide - 1, size[1] - wide - 1), fill=0)
    return mask


def as_sketch(picture: Image.Image, words: str) -> Image.Image:
    """Pencil on paper: dodged outlines and light shading."""
    grey = ImageOps.autocontrast(picture.convert("L"), cutoff=1)
    blurred = ImageOps.invert(grey).filter(ImageFilter.GaussianBlur(picture.width / 190))
    lines = ImageChops.overlay(*[_dodged(grey, blurred)] * 2)
    hatch = grain(picture.size, dice("pencil", words), 2).point([200 + i // 5 for i in range(256)])
    shading = grey.point([205 + i // 5 for i in range(256)])
    drawn = ImageChops.multiply(ImageChops.multiply(lines, shading), hatch)
    return ImageOps.colorize(drawn, (44, 44, 50), PAPER)


def _dodged(grey: Image.Image, blurred: Image.Image) -> Image.Image:
    """Colour dodge without a division: the soft inverse lifts all but the outlines to white."""
    return ImageChops.add(grey, blurred).point([max(0, 255 - (255 - i) * 5) for i in range(256)])


def as_oil(picture: Image.Image, words: str) -> Image.Image:
    """Broad strokes with a raised, lit surface."""
    dabs = picture.filter(ImageFilter.MedianFilter(5)).filter(ImageFilter.ModeFilter(11))
    rich = ImageEnhance.Contrast(ImageEnhance.Color(dabs).enhance(1.45)).enhance(1.1)
    bristles = grain((picture.width // 5 + 1, picture.height), dice("oil", words), 2).resize(picture.size)
    surface = ImageChops.add(relief(dabs.convert("L"), 1.2, 2), relief(bristles, 0.3, 1), scale=2)
    return ImageChops.overlay(rich, Image.merge("RGB", (surface,) * 3))


def as_cartoon(picture: Image.Image, _words: str) -> Image.Image:
    """Few flat colours with dark outlines."""
    flat = ImageOps.posterize(ImageEnhance.Color(picture.filter(ImageFilter.ModeFilter(7))).enhance(1.5), 3)
    edges = picture.convert("L").filter(ImageFilter.GaussianBlur(1.2)).filter(ImageFilter.FIND_EDGES)
    ink = edges.point([255 - min(255, max(0, i - 14) * 9) for i in range(256)])
    ink.paste(255, (0, 0, *picture.size), _border(picture.size, 3))
    return ImageChops.multiply(flat.filter(ImageFilter.SMOOTH), Image.merge("RGB", (ink,) * 3))


def pixelated(picture: Image.Image, _words: str) -> Image.Image:
    small = (max(1, picture.width // 12), max(1, picture.height // 12))
    return picture.resize(small, Image.Resampling.BOX).resize(picture.size, Image.Resampling.NEAREST)


def blurred(picture: Image.Image, _words: str) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 130))


def sharper(picture: Image.Image, _words: str) -> Image.Image:
    return picture.filter(ImageFilter.UnsharpMask(2, 160, 2))


def mirrored(picture: Image.Image, words: str) -> Image.Image:
    """The picture mirrored, or upside down if the words say so."""
    down = re.search(r"upside|vertical|垂直|上下", words, re.IGNORECASE)
    return ImageOps.flip(picture) if down else ImageOps.mirror(picture)


def rotated(picture: Image.Image, words: str) -> Image.Image:
    """The picture turned by a quarter to the right, or by the degrees and direction in the words."""
    said = re.search(r"(-?\d{1,3})\s*(?:°|deg|度)", words)
    degrees = int(said.group(1)) if said else 90
    if re.search(r"counter|anti|to the left|逆时针|向左", words, re.IGNORECASE):
        degrees = -degrees
    return picture.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=PAPER)


def framed(picture: Image.Image, words: str) -> Image.Image:
    """The picture with a frame, in the same size. The frame is white, or has the colour named just before the word."""
    wide = max(6, round(min(picture.size) * 0.05))
    colour = _frame_colour(words)
    inner = picture.resize(
        (max(1, picture.width - 2 * wide), max(1, picture.height - 2 * wide)), Image.Resampling.LANCZOS
    )
    whole = Image.new("RGB", picture.size, colour)
    draw = ImageDraw.Draw(whole)
    for i in range(max(1, wide // 12)):
        draw.rectangle((i, i, picture.width - 1 - i, picture.height - 1 - i), outline=mix(colour, (60, 56, 52), 0.35))
        inset = wide - 1 - i
        draw.rectangle(
            (inset, inset, picture.width - 1 - inset, picture.height - 1 - inset),
            outline=mix(colour, (40, 36, 32), 0.45),
        )
    whole.paste(inner, (wide, wide))
    return whole


def _frame_colour(words: str) -> RGB:
    for name, colour in FRAME_COLOURS.items():
        if re.search(rf"(?:{name})\w{{0,3}}\s*(?:frame|border|边框|相框|画框|的?框)", words, re.IGNORECASE):
            return colour
    return (250, 248, 244)
