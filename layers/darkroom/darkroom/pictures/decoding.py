"""Opens pictures by their bytes, one at a time, with named decoders only. Their errors become Undecodable."""

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from darkroom.domain.picture_formats import FORMATS
from darkroom.errors import TooManyPixels, Undecodable
from darkroom.pictures import file_structure
from darkroom.streaming.blob import Blob, as_file

MAX_FILE_BYTES = 100_000_000
MAX_PIXELS = 100_000_000
MAX_SIDE = 65_535  # of a JPEG; longer rows of raw pixels take Pillow minutes
TAKEN = "PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF"
# The JPEG decoder opens MPO.
_DECODERS = tuple(name for name, each in FORMATS.items() if not each.in_container and name != "MPO")
# Decoders raise these on hostile bytes, beside Pillow's own UnidentifiedImageError (an OSError).
DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    OverflowError,
    EOFError,
    RuntimeError,  # libheif's and libavif's
    AssertionError,  # Pillow's, about a missing palette
    struct.error,
)
BROKEN = "the picture is broken, or not all of it is there"
_BROKEN_CONTENT = f"{BROKEN}, or it is a kind of HEVC or AV1 that cannot be decoded here"
_UNKNOWN_CONTENT = "the file is in the form of HEIC and AVIF, but holds no HEVC or AV1 picture that can be decoded here"
_AHEAD_BYTES = 16 << 10  # holds most heads; Pillow reads them a few bytes at a time
_one_at_a_time = threading.Lock()  # a picture of 100 megapixels is 400 MB when it is open


@contextmanager
def opened(data: Blob, *, to_decode: bool) -> Iterator[Pillow.Image]:
    """Open the picture, and read only its header. Raises Undecodable or TooManyPixels, also while it is decoded."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not file_structure.is_sound(data, to_decode=to_decode):
                raise Undecodable("the file has more parts than any picture")
            with Pillow.open(as_file(data, ahead=_AHEAD_BYTES), formats=_decoders(data)) as picture:
                if (pixels := max(picture.width * picture.height, _claimed(data))) > MAX_PIXELS:
                    raise TooManyPixels(f"{pixels:,} pixels are over {MAX_PIXELS:,}")
                if max(picture.size) > MAX_SIDE:
                    raise TooManyPixels(f"{max(picture.size):,} pixels in a row are over {MAX_SIDE:,}")
                yield picture
        except Pillow.DecompressionBombError as error:
            raise TooManyPixels(f"it has more than {MAX_PIXELS:,} pixels") from error
        except UnidentifiedImageError as error:
            raise Undecodable(
                _UNKNOWN_CONTENT if _is_container(data) else f"the bytes are no {TAKEN} picture"
            ) from error
        except DECODER_ERRORS as error:
            raise Undecodable(_BROKEN_CONTENT if _is_container(data) else BROKEN) from error


def _claimed(data: Blob) -> int:
    """The pixels that a HEIF or AVIF file claims. Its decoder may decode more than it shows, and crop the rest."""
    if not _is_container(data):
        return 0
    from darkroom.pictures import isobmff  # few pictures need it, and each cold start would pay for it

    return isobmff.largest_picture(data)


def _is_container(data: Blob) -> bool:
    return data[4:8] == b"ftyp"


def _decoders(data: Blob) -> tuple[str, ...]:
    """The decoders that may open the bytes."""
    if not _is_container(data):
        return _DECODERS
    from darkroom.pictures import isobmff

    if isobmff.brands(data) & {b"avif", b"avis"}:
        return ("AVIF",)
    import pi_heif  # it takes as long as Pillow to start, and only phones need it

    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return ("HEIF",)
