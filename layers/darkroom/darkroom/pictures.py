"""Pictures are hostile until looked at: what they are is told by their bytes, never by a name or a label."""

import hashlib
import io
import struct
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from darkroom import anatomy
from darkroom.context import IMAGE_BYTES, Image

MOST_PIXELS = 100_000_000
LONGEST_SIDE = 4096  # what is left of a picture that has to be made smaller
SENDABLE = ("image/png", "image/jpeg", "image/webp")  # the API takes no other

_EXTENSIONS: Mapping[str, tuple[str, str]] = {
    "PNG": ("image/png", ".png"),
    "JPEG": ("image/jpeg", ".jpg"),
    "MPO": ("image/jpeg", ".jpg"),
    "WEBP": ("image/webp", ".webp"),
    "GIF": ("image/gif", ".gif"),
    "BMP": ("image/bmp", ".bmp"),
    "TIFF": ("image/tiff", ".tiff"),
}
_DECODERS = tuple(kind for kind in _EXTENSIONS if kind != "MPO")  # the JPEG decoder opens these
# What Pillow's decoders raise on hostile bytes, beside its own UnidentifiedImageError (an OSError).
_DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    OverflowError,
    EOFError,
    struct.error,
)
# What a photo's EXIF orientation asks for, so that it stands upright.
_ORIENTATION = 0x0112
_TURNS: Mapping[object, Pillow.Transpose] = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
_one_at_a_time = threading.Lock()  # a picture of 100 megapixels is 400 MB when it is open


class Undecodable(ValueError):
    """The bytes are no picture that we know, or not a whole one."""


class TooManyPixels(ValueError):
    """The picture's header claims more than MOST_PIXELS."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture is, by its bytes; `width` and `height` in pixels."""

    media_type: str
    extension: str
    width: int
    height: int
    sha256: str


def inspect(data: bytes) -> Facts:
    """Decodes the whole picture, for a header proves nothing. Raises Undecodable or TooManyPixels."""
    with _opened(data) as picture:
        picture.load()
        media_type, extension = _EXTENSIONS[picture.format or ""]
        return Facts(media_type, extension, picture.width, picture.height, hashlib.sha256(data).hexdigest())


def sendable(data: bytes, facts: Facts) -> Image:
    """The picture as the API takes it: as it is where that will do, else converted or made smaller."""
    if facts.media_type in SENDABLE and len(data) <= IMAGE_BYTES:
        return Image(data, facts.media_type, facts.sha256)
    with _opened(data) as picture:
        smaller, media_type = _encoded(picture)
    return Image(smaller, media_type, facts.sha256)


def at_most(image: Image, most_bytes: int) -> Image:
    """The picture, made smaller where it has more bytes."""
    if len(image.data) <= most_bytes:
        return image
    with _opened(image.data) as picture:
        smaller, media_type = _encoded(picture, most_bytes)
    return Image(smaller, media_type, image.sha256)


def _encoded(picture: Pillow.Image, most_bytes: int = IMAGE_BYTES) -> tuple[bytes, str]:
    """PNG where the result is small enough, else JPEG, smaller step by step."""
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    picture.draft(mode, (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is made smaller while it is read
    small = picture if picture.mode in ("RGB", "RGBA", "L", "CMYK") else picture.convert(mode)
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    upright = _upright(small).convert(mode)
    if picture.format not in ("JPEG", "MPO") and len(data := _saved(upright, "PNG")) <= most_bytes:
        return data, "image/png"
    flat = _on_white(upright)
    while len(data := _saved(flat, "JPEG", quality=92)) > most_bytes:
        flat.thumbnail((flat.width * 4 // 5, flat.height * 4 // 5))
    return data, "image/jpeg"


def _upright(picture: Pillow.Image) -> Pillow.Image:
    """Pillow's own would write all the EXIF again, and takes fifty times its bytes for that."""
    picture.load()  # a TIFF stands upright from here on
    turn = _TURNS.get(picture.getexif().get(_ORIENTATION))
    return picture if turn is None else picture.transpose(turn)


def _on_white(picture: Pillow.Image) -> Pillow.Image:
    if picture.mode != "RGBA":
        return picture
    paper = Pillow.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _saved(picture: Pillow.Image, kind: str, **options: int) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


@contextmanager
def _opened(data: bytes) -> Iterator[Pillow.Image]:
    """One picture at a time, by the decoders that we name; whatever they raise is Undecodable."""
    if not anatomy.is_sound(data):
        raise Undecodable("the file has more parts than any picture")
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Pillow.open(io.BytesIO(data), formats=_DECODERS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise TooManyPixels(f"{picture.width} x {picture.height} pixels are over {MOST_PIXELS:,}")
                yield picture
        except TooManyPixels:
            raise
        except Pillow.DecompressionBombError as error:
            raise TooManyPixels(str(error)) from error
        except UnidentifiedImageError as error:
            raise Undecodable("the bytes are no PNG, JPEG, WebP, GIF, BMP or TIFF picture") from error
        except _DECODER_ERRORS as error:
            raise Undecodable("the picture is broken, or not all of it is there") from error
