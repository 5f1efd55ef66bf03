"""Finds by the bytes alone whether a browser may show a file as a picture. No format that can hold a script passes."""

_STARTS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"),
           (b"GIF89a", "image/gif"), (b"BM", "image/bmp"))  # fmt: skip
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif"}
_SENT = (b"II*\0", b"MM\0*")  # TIFF, which may be sent and is not shown
HEAD_BYTES = 32


def media_type(head: bytes) -> str | None:
    """The type of a raster picture that browsers show, or None."""
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None


def is_picture(head: bytes) -> bool:
    """Whether the file may be sent. HEIC and TIFF may be, although not every browser shows them."""
    return media_type(head) is not None or head.startswith(_SENT) or head[4:8] == b"ftyp"
