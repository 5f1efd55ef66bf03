"""Normalizes a picture that may not be sent as it is: upright, in sRGB with 8 bits, without metadata, small enough."""

import io
from collections.abc import Mapping

from PIL import Image as Pillow

from darkroom.errors import Undecodable
from darkroom.pictures import colour, file_structure, repair
from darkroom.pictures.decoding import BROKEN, DECODER_ERRORS, opened
from darkroom.streaming.blob import Blob

MAX_SENT_SIDE = 4096  # the largest that a model makes or reads
_PHOTOS = ("JPEG", "MPO", "HEIF", "AVIF")  # their encoders are lossy already
_QUALITIES = (95, 90, 85, 80, 75)  # of a JPEG, until it fits
_FULL_COLOUR = 90  # from this quality on, no colour is shared between pixels
_STRIP = 64  # rows
# The turn for each EXIF orientation, so that a photo stands upright.
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


def normalized(data: bytes, most_bytes: int) -> tuple[bytes, str]:
    """A PNG or JPEG of `most_bytes` at most, and its media type. Raises Undecodable or TooManyPixels."""

    def read(candidate: Blob) -> tuple[bytes, str]:
        with opened(candidate, to_decode=True) as picture:
            pixels = picture.width * picture.height
            made = _encoded(picture, most_bytes)
        is_doubtful = (
            candidate is not data
            or len(candidate) * file_structure.TOO_FEW_BYTES < pixels
            or file_structure.is_png(candidate)
        )
        if is_doubtful and not repair.has_every_row(candidate):
            raise Undecodable(BROKEN)
        return made

    return repair.first_whole(data, read)[1]


def turn(picture: Pillow.Image) -> Pillow.Transpose | None:
    """The turn that makes a picture upright. Pillow's own function writes all EXIF again, in fifty times its bytes."""
    try:
        # A PNG's own `getexif` would decode it first, because EXIF may follow its pixels.
        exif = Pillow.Image.getexif(picture)
        return _TURNS.get(exif.get(_ORIENTATION))
    except DECODER_ERRORS:
        return None  # broken EXIF turns nothing


def _encoded(picture: Pillow.Image, most_bytes: int) -> tuple[bytes, str]:
    """PNG if it is no photo and small enough, otherwise JPEG: of less quality first, then of fewer pixels."""
    upright = _upright(picture)
    if (picture.format not in _PHOTOS or upright.mode == "RGBA") and len(data := _png(upright)) <= most_bytes:
        return data, "image/png"
    flat = _on_white(upright)
    for quality in _QUALITIES:
        if len(data := _jpeg(flat, quality)) <= most_bytes:
            return data, "image/jpeg"
    while len(data) > most_bytes:
        flat.thumbnail((flat.width * 4 // 5, flat.height * 4 // 5))
        data = _jpeg(flat, _QUALITIES[-1])
    return data, "image/jpeg"


def _upright(picture: Pillow.Image) -> Pillow.Image:
    """The picture as a person sees it, in sRGB with 8 bits, and no larger than is of use."""
    picture.draft(None, (MAX_SENT_SIDE, MAX_SENT_SIDE))  # a JPEG is made smaller while it is read
    picture.load()  # a TIFF stands upright from here on
    turning, profile = turn(picture), picture.info.get("icc_profile")
    shown = colour.standard(_of_use(colour.eight_bit(picture)), profile)
    return shown if turning is None else shown.transpose(turning)


def _of_use(picture: Pillow.Image) -> Pillow.Image:
    """The picture within MAX_SENT_SIDE. First it shrinks by a whole number, in strips: Pillow copies some whole."""
    if (factor := max(picture.size) // MAX_SENT_SIDE) > 1:
        whole = picture
        picture = Pillow.new(whole.mode, (-(-whole.width // factor), -(-whole.height // factor)))
        for top in range(0, whole.height, _STRIP * factor):
            strip = whole.crop((0, top, whole.width, min(top + _STRIP * factor, whole.height)))
            picture.paste(strip.reduce(factor), (0, top // factor))
    picture.thumbnail((MAX_SENT_SIDE, MAX_SENT_SIDE), Pillow.Resampling.LANCZOS)
    return picture


def _on_white(picture: Pillow.Image) -> Pillow.Image:
    if picture.mode != "RGBA":
        return picture
    paper = Pillow.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _png(picture: Pillow.Image) -> bytes:
    target = io.BytesIO()
    _bare(picture).save(target, "PNG")
    return target.getvalue()


def _jpeg(picture: Pillow.Image, quality: int) -> bytes:
    target = io.BytesIO()
    sharing = "4:4:4" if quality >= _FULL_COLOUR else "4:2:0"
    _bare(picture).save(target, "JPEG", quality=quality, subsampling=sharing)
    return target.getvalue()


def _bare(picture: Pillow.Image) -> Pillow.Image:
    """The picture without Pillow's notes of its origin, which the encoders would write."""
    picture.info.clear()
    return picture
