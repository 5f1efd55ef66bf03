"""The formats of pictures: media types, file extensions, and whether they come in a container."""

from collections.abc import Mapping
from typing import NamedTuple


class PictureFormat(NamedTuple):
    """A format by its decoder's name. A picture written in this format gets the first of its `endings`.

    `in_container`: the file is ISO base media (HEIF), whose brands select the decoder.
    """

    name: str
    media_type: str
    endings: tuple[str, ...]
    in_container: bool = False


FORMATS: Mapping[str, PictureFormat] = {
    each.name: each
    for each in (
        PictureFormat("PNG", "image/png", (".png",)),
        PictureFormat(
            "JPEG",
            "image/jpeg",
            (".jpg", ".jpeg", ".jfif", ".jpe", ".jfi", ".jif", ".pjpeg", ".pjp", ".jpg_large", ".jpeg_large"),
        ),
        PictureFormat("MPO", "image/jpeg", (".jpg",)),  # two JPEGs in one file, as cameras make it
        PictureFormat("WEBP", "image/webp", (".webp",)),
        PictureFormat("GIF", "image/gif", (".gif",)),
        PictureFormat("BMP", "image/bmp", (".bmp",)),
        PictureFormat("TIFF", "image/tiff", (".tiff", ".tif")),
        PictureFormat("HEIF", "image/heic", (".heic", ".heif"), in_container=True),
        PictureFormat("AVIF", "image/avif", (".avif",), in_container=True),
    )
}
ENDINGS = frozenset(ending for each in FORMATS.values() for ending in each.endings)
