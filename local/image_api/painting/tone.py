"""Edits of a picture's tones: warmth, brightness, black and white, sepia, autumn."""

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from local.image_api.painting.raster import clouds, dice, faded, tint


def warmer(picture: Image.Image, _words: str) -> Image.Image:
    return tint(picture, (1.1, 1.0, 0.82))


def cooler(picture: Image.Image, _words: str) -> Image.Image:
    return tint(picture, (0.84, 0.98, 1.14))


def brighter(picture: Image.Image, _words: str) -> Image.Image:
    return picture.point([round(255 * (i / 255) ** 0.68) for i in range(256)] * 3)


def darker(picture: Image.Image, _words: str) -> Image.Image:
    return picture.point([round(255 * (i / 255) ** 1.25 * 0.72) for i in range(256)] * 3)


def black_and_white(picture: Image.Image, _words: str) -> Image.Image:
    return ImageOps.autocontrast(picture.convert("L"), cutoff=0.4).convert("RGB")


def vintage(picture: Image.Image, words: str) -> Image.Image:
    """Sepia on faded paper, darker towards the corners."""
    grey = ImageEnhance.Contrast(picture.convert("L")).enhance(0.92)
    brown = ImageOps.colorize(grey, (44, 28, 16), (248, 232, 200), (164, 124, 82))
    paper = clouds(picture.size, dice("paper", words), max(4, picture.height // 10)).point(
        [215 + i // 6 for i in range(256)]
    )
    return with_vignette(ImageChops.multiply(brown, Image.merge("RGB", (paper,) * 3)), words)


def with_vignette(picture: Image.Image, _words: str) -> Image.Image:
    fall = [255 - max(0, i - 96) * 9 // 8 for i in range(256)]
    mask = Image.radial_gradient("L").point(fall).resize(picture.size)
    return ImageChops.multiply(picture, Image.merge("RGB", (mask,) * 3))


def inverted(picture: Image.Image, _words: str) -> Image.Image:
    return ImageOps.invert(picture)


def in_autumn(picture: Image.Image, _words: str) -> Image.Image:
    """Turns green to copper and gold."""
    red, green, blue = picture.split()
    leafy = ImageChops.subtract(green, ImageChops.lighter(blue, faded(red, 0.92)))
    mask = leafy.point([min(255, i * 12) for i in range(256)]).filter(ImageFilter.GaussianBlur(1.5))
    golden = Image.merge("RGB", (_gilded(green), faded(green, 0.8), faded(blue, 0.5)))
    return warmer(Image.composite(golden, picture, mask), "")


def _gilded(channel: Image.Image) -> Image.Image:
    return channel.point([min(255, round(i * 1.36 + 14)) for i in range(256)])
