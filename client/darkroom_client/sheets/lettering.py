"""Words on pictures, Latin and Chinese, wrapped to a width."""

import re
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT_FILE = Path(__file__).parent / "fonts" / "DarkroomSansSC-Regular.otf"

RGB = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=16)
def font(size: int) -> Font:
    """The bundled font, or Pillow's own if the file is missing."""
    try:
        return ImageFont.truetype(FONT_FILE, size)
    except OSError:
        return ImageFont.load_default(size)


def printable(text: str) -> str:
    """The text on one line, without characters that no font draws: control characters and lone surrogates."""
    visible = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"\s+", " ", visible).strip()


def wrapped(text: str, size: int, width: float, most_lines: int = 4) -> list[str]:
    """The text as lines that fit `width` pixels. Chinese breaks anywhere, other text at spaces."""
    lines, line = [], ""
    for piece in _pieces(printable(text), size, width):
        if line and font(size).getlength(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    lines.append(line.rstrip())
    return lines if len(lines) <= most_lines else [*lines[: most_lines - 1], lines[most_lines - 1] + " …"]


def _pieces(text: str, size: int, width: float) -> list[str]:
    """The pieces between possible breaks: words with their space, ideographs with the punctuation after them."""
    pieces = re.findall(r"[\u2e80-\uffef][，。、；：！？）」』》]*|[^\s\u2e80-\uffef]+\s*|\s", text)
    return [part for piece in pieces for part in _cut(piece, size, width)]


def _cut(piece: str, size: int, width: float) -> list[str]:
    if font(size).getlength(piece.rstrip()) <= width:
        return [piece]
    most = max(1, int(len(piece) * width / font(size).getlength(piece)) - 1)
    return [piece[i : i + most] for i in range(0, len(piece), most)]


def write(picture: Image.Image, at: tuple[float, float], lines: list[str], size: int, colour: RGB) -> None:
    """Draws the lines from `at` (top left) downwards."""
    draw = ImageDraw.Draw(picture)
    for i, line in enumerate(lines):
        draw.text((at[0], at[1] + i * size * 1.4), line, fill=colour, font=font(size))


def captioned(picture: Image.Image, words: str) -> Image.Image:
    """The picture with the words on a dark band along its lower edge."""
    size = max(12, round(picture.width / 34))
    lines = wrapped(words, size, picture.width * 0.9) if printable(words) else ["…"]
    band = round(size * (1.4 * len(lines) + 1))
    whole = picture.copy()
    box = (0, picture.height - band, picture.width, picture.height)
    whole.paste(Image.blend(picture.crop(box), Image.new("RGB", (picture.width, band), (16, 18, 24)), 0.72), box)
    write(whole, (picture.width * 0.05, picture.height - band + size * 0.4), lines, size, (250, 248, 240))
    return whole
