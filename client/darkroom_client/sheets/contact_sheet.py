"""A conversation on one picture: the source and every turn side by side, each above its instruction."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from darkroom_client.sheets.lettering import RGB, font, wrapped, write

COLUMNS = 5
CELL, PICTURE_HEIGHT, GAP, CORNER = 420, 330, 28, 12
TITLE_SIZE, NOTE_SIZE, TEXT_SIZE, HEADING_SIZE = 24, 17, 20, 30
MOST_LINES = 5
TEXT_TOP = PICTURE_HEIGHT + 64

GROUND: RGB = (24, 26, 32)
CARD: RGB = (38, 41, 50)
BRIGHT: RGB = (244, 242, 236)
PLAIN: RGB = (206, 208, 214)
ACCENT: RGB = (246, 184, 88)


@dataclass(frozen=True)
class Cell:
    """One picture of the sheet. `note` says which turn it answers. A cell without a picture says so."""

    title: str
    note: str
    text: str
    picture: Image.Image | None


def opened(file: bytes) -> Image.Image | None:
    """The picture in a file, no larger than a sheet needs. None if it cannot be shown."""
    try:
        picture = Image.open(io.BytesIO(file))
        picture.thumbnail((2 * CELL, 2 * PICTURE_HEIGHT))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return picture


def contact_sheet(heading: str, cells: Sequence[Cell]) -> Image.Image:
    """The sheet of these cells, at least one. They run from left to right, `COLUMNS` in a row."""
    columns = max(1, min(COLUMNS, len(cells)))
    rows = -(-len(cells) // columns)
    top = GAP * 2 + HEADING_SIZE
    tall = TEXT_TOP + round(max(len(_lines(cell)) for cell in cells) * TEXT_SIZE * 1.4) + 24
    size = (GAP + columns * (CELL + GAP), top + rows * (tall + GAP))
    sheet = Image.new("RGB", size, GROUND)
    write(sheet, (GAP, GAP * 0.8), wrapped(heading, HEADING_SIZE, size[0] - 2 * GAP, 1), HEADING_SIZE, BRIGHT)
    for i, cell in enumerate(cells):
        row, column = divmod(i, columns)
        sheet.paste(_drawn(cell, tall), (GAP + column * (CELL + GAP), top + row * (tall + GAP)))
    return sheet


def _lines(cell: Cell) -> list[str]:
    return wrapped(cell.text, TEXT_SIZE, CELL - 36, MOST_LINES)


def _drawn(cell: Cell, tall: int) -> Image.Image:
    card = Image.new("RGB", (CELL, tall), GROUND)
    ImageDraw.Draw(card).rounded_rectangle((0, 0, CELL - 1, tall - 1), CORNER, fill=CARD)
    _place_picture(card, cell.picture)
    y = PICTURE_HEIGHT + 20
    write(card, (18, y), [cell.title], TITLE_SIZE, BRIGHT)
    note_at = CELL - 18 - font(NOTE_SIZE).getlength(cell.note)
    write(card, (note_at, y + 6), [cell.note], NOTE_SIZE, ACCENT)
    write(card, (18, TEXT_TOP), _lines(cell), TEXT_SIZE, PLAIN)
    return card


def _place_picture(card: Image.Image, picture: Image.Image | None) -> None:
    """Draws the whole picture, as large as fits, in the middle of the card's upper part."""
    box = (CELL - 20, PICTURE_HEIGHT - 10)
    if picture is None:
        write(card, (CELL / 2 - 50, PICTURE_HEIGHT / 2), ["no picture"], TEXT_SIZE, PLAIN)
        return
    small = ImageOps.contain(ImageOps.exif_transpose(picture).convert("RGB"), box, Image.Resampling.LANCZOS)
    mask = Image.new("L", small.size)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, small.width - 1, small.height - 1), 6, fill=255)
    card.paste(small, ((CELL - small.width) // 2, 10 + (box[1] - small.height) // 2), mask)
