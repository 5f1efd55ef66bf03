"""Edits of the time of day: night, sunset, dawn.

Each takes an RGB picture and the words that asked for it.
"""

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from local.image_api.painting.raster import (
    clouds,
    dice,
    faded,
    glow,
    gradient,
    lighten,
    ramp,
    share_of,
    sky_mask,
    tint,
)

A_SKY = 0.06
"""The least share of a picture that its sky must cover to be painted."""


def at_night(picture: Image.Image, words: str) -> Image.Image:
    """Dark and blue, with stars and a moon where there is sky, and lit windows."""
    sky = sky_mask(picture)
    lamps = _lamps(picture, sky)
    pale = Image.blend(picture.convert("L").convert("RGB"), picture, 0.2)
    night = tint(ImageEnhance.Contrast(pale).enhance(0.9), (0.32, 0.44, 0.74))
    if share_of(sky) > A_SKY:
        night = Image.composite(_starry(night, sky, words), night, sky)
    night = lighten(night, (255, 176, 84), faded(lamps.filter(ImageFilter.GaussianBlur(picture.width / 40)), 0.9))
    return Image.composite(tint(picture, (1.12, 1.0, 0.72)), night, lamps.filter(ImageFilter.GaussianBlur(1)))


def _lamps(picture: Image.Image, sky: Image.Image) -> Image.Image:
    """A mask of small warm lights amid darker things: windows, lanterns."""
    red, _, blue = picture.split()
    light = picture.convert("L")
    around = light.resize((light.width // 8 + 1, light.height // 8 + 1)).filter(ImageFilter.BoxBlur(light.width / 130))
    stands_out = ImageChops.subtract(light, around.resize(light.size)).point(
        [min(255, max(0, i - 26) * 6) for i in range(256)]
    )
    warm = ImageChops.subtract(red, blue).point([min(255, max(0, i - 44) * 6) for i in range(256)])
    bright = light.point([min(255, max(0, i - 150) * 6) for i in range(256)])
    found = ImageChops.multiply(ImageChops.multiply(stands_out, warm), bright)
    near_sky = sky.filter(ImageFilter.GaussianBlur(light.width / 60)).point([min(255, i * 4) for i in range(256)])
    return ImageChops.subtract(found, near_sky).filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MaxFilter(5))


def _starry(night: Image.Image, sky: Image.Image, words: str) -> Image.Image:
    width, height = night.size
    chance = dice("stars", words)
    deep = gradient(night.size, [(0.0, (7, 12, 34)), (0.3, (18, 32, 70)), (0.62, (58, 78, 122))])
    starry = Image.blend(deep, night, 0.3)
    haze = clouds(night.size, chance, height // 5).point([max(0, i - 120) for i in range(256)])
    starry = lighten(starry, (96, 110, 170), faded(haze, 0.5))
    draw = ImageDraw.Draw(starry)
    for _ in range(round(width * height / 3600)):
        x, y, size = (
            chance.random() * width,
            height * 0.7 * chance.random() ** 1.3,
            width / 1024 * chance.choice((0.5, 0.5, 0.8, 1.3)),
        )
        shine = chance.randrange(130, 255)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=(shine, shine, min(255, shine + 16)))
    return _with_moon(starry, sky)


def _with_moon(starry: Image.Image, sky: Image.Image) -> Image.Image:
    width, height = starry.size
    side = _deeper_side(sky)
    centre = (width * side, height * 0.17)
    radius = min(width, height) * 0.048
    starry = lighten(starry, (150, 168, 214), glow(starry.size, centre, radius * 9, 200))
    big = Image.new("L", (int(radius * 8), int(radius * 8)))
    ImageDraw.Draw(big).ellipse((0, 0, big.width - 1, big.height - 1), fill=255)
    disc = big.resize((int(radius * 2), int(radius * 2)), Image.Resampling.LANCZOS)
    face = clouds(disc.size, dice("moon"), max(2, int(radius / 2))).point([min(255, 150 + i // 2) for i in range(256)])
    moon = ImageOps.colorize(face, (150, 156, 176), (252, 250, 238))
    starry.paste(moon, (round(centre[0] - radius), round(centre[1] - radius)), disc)
    return starry


def _deeper_side(sky: Image.Image) -> float:
    """The place of the moon along the picture, on the side with more sky."""
    left, right = sky.resize((2, 1), Image.Resampling.BOX).tobytes()
    return 0.8 if right >= left - 12 else 0.2


def at_sunset(picture: Image.Image, words: str) -> Image.Image:
    """A low sun in a burning sky, and its light over everything."""
    sky = sky_mask(picture)
    ground = tint(ImageEnhance.Contrast(picture).enhance(1.05), (0.74, 0.53, 0.57))
    if share_of(sky) <= A_SKY:
        return lighten(ground, (255, 140, 60), faded(ramp(picture.size, 130, 30), 0.6))
    ground = Image.composite(
        tint(picture, (1.0, 0.92, 0.74)), ground, _lamps(picture, sky).filter(ImageFilter.GaussianBlur(1))
    )
    lit = Image.composite(_burning(picture, words), ground, sky)
    centre, height = _sun_place(sky), picture.height
    lit = lighten(lit, (255, 150, 64), glow(picture.size, centre, height * 0.85, 150))
    disc = lighten(lit, (255, 236, 180), glow(picture.size, centre, height * 0.13, 255))
    behind = Image.composite(disc, lit, sky)
    return lighten(behind, (255, 190, 96), _glitter(picture.size, centre, words))


def _burning(picture: Image.Image, words: str) -> Image.Image:
    chance = dice("sunset", words)
    stops = [
        (0.0, (62, 52, 112)),
        (0.16, (136, 74, 128)),
        (0.32, (232, 112, 88)),
        (0.48, (253, 172, 92)),
        (0.66, (255, 214, 140)),
    ]
    sky = gradient(picture.size, stops)
    texture = clouds((picture.width // 4, picture.height), chance, picture.height // 8, octaves=5).resize(picture.size)
    streaks = texture.point([max(0, min(170, (i - 126) * 4)) for i in range(256)]).filter(
        ImageFilter.GaussianBlur(picture.height / 120)
    )
    sky = lighten(sky, (255, 128, 96), faded(streaks, 0.55))
    own = picture.convert("L").filter(ImageFilter.GaussianBlur(picture.height / 90)).convert("RGB")
    return ImageChops.soft_light(sky, own)


def _sun_place(sky: Image.Image) -> tuple[float, float]:
    """The place of the sun: just above the horizon, where the sky reaches lowest."""
    columns = sky.resize((16, 64), Image.Resampling.BOX).tobytes()
    depths = [sum(columns[x + 16 * y] for y in range(64)) / 255 / 64 for x in range(16)]
    column = max(range(1, 15), key=lambda x: (round(depths[x], 2), -abs(x - 5)))
    return sky.width * (column + 0.5) / 16, sky.height * (depths[column] - 0.035)


def _glitter(size: tuple[int, int], sun: tuple[float, float], words: str) -> Image.Image:
    """A mask of short flat streaks of light in a path below the sun."""
    width, height = size
    mask, chance = Image.new("L", size), dice("glitter", words)
    draw = ImageDraw.Draw(mask)
    start = max(height * 0.64, sun[1] + height * 0.05)
    for _ in range(150):
        y = start + (height - start) * chance.random() ** 1.2
        spread = width * (0.012 + 0.07 * (y - start) / height)
        x, long = chance.gauss(sun[0], spread), width * chance.uniform(0.008, 0.03)
        draw.line((x - long, y, x + long, y), fill=chance.randrange(60, 170), width=max(1, height // 400))
    return mask.filter(ImageFilter.GaussianBlur((width / 500, height / 900)))


def at_dawn(picture: Image.Image, _words: str) -> Image.Image:
    """Pale and rosy, light from below."""
    soft = Image.blend(picture, Image.new("RGB", picture.size, (255, 222, 214)), 0.16)
    return lighten(tint(soft, (1.02, 0.94, 0.97)), (255, 188, 150), ramp(picture.size, 20, 120, 0.1, 0.6))
