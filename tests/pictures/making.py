"""Pictures as cameras, phones and programs make them, by the real encoders, with a secret planted wherever one fits.

The scene has another colour in each corner, which shows whether it stands upright.
"""

import io
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image as Pillow
from PIL import PngImagePlugin, TiffImagePlugin

FILES = Path(__file__).parent / "files"  # made by other programs; README.md says how
SECRET = "48.8584N-2.2945E"  # must not leave the account
ORIENTATION = 0x0112
CORNERS = ("red", "lime", "blue", "white")  # top left, top right, bottom left, bottom right
Colours = tuple[tuple[int, ...], ...]

# A camera's orientation: the number undoes this transposition.
HELD: Mapping[int, Pillow.Transpose | None] = {
    1: None,
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_90,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_270,
}


def scene(mode: str = "RGB", size: tuple[int, int] = (96, 64)) -> Pillow.Image:
    """Four colours, upright, or their counterparts in the mode."""
    picture = Pillow.new("RGB", (2, 2))
    for number, colour in enumerate(CORNERS):
        picture.paste(colour, (number % 2, number // 2, number % 2 + 1, number // 2 + 1))
    return in_mode(picture.resize(size, Pillow.Resampling.NEAREST), mode)


def in_mode(picture: Pillow.Image, mode: str) -> Pillow.Image:
    """The same picture in the mode. Pillow itself clips where it should scale."""
    if mode == "I;16":
        levels = picture.convert("L").tobytes()
        return Pillow.frombytes(mode, picture.size, bytes(byte for level in levels for byte in (level, level)))
    if mode in ("I", "F"):
        white = {"I": 65_535, "F": 1.0}[mode]
        return picture.convert("L").convert(mode).point(lambda value: value * (white / 255) + 0)
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        shown = ImageCms.applyTransform(picture, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
        assert shown
        return shown
    if mode == "P":
        return picture.quantize(8)
    if mode == "1":
        return picture.convert("1", dither=Pillow.Dither.NONE)
    return picture.convert(mode)


def corners(picture: Pillow.Image) -> Colours:
    """The colour in the middle of each quarter."""
    shown = picture.convert("RGBA").convert("RGB")
    return tuple(
        tuple(shown.getpixel((shown.width * (1 + 2 * (n % 2)) // 4, shown.height * (1 + 2 * (n // 2)) // 4)))  # type: ignore[arg-type]
        for n in range(4)
    )


def furthest(one: Colours, other: Colours) -> int:
    """The largest difference in any channel of any corner."""
    return max(abs(a - b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True))


def held(picture: Pillow.Image, orientation: int) -> Pillow.Image:
    """The pixels as a camera stores them."""
    transposition = HELD[orientation]
    return picture if transposition is None else picture.transpose(transposition)


def saved(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(picture).save(target, quality=90, chroma=444, **options)
    else:
        picture.save(target, kind, **options)
    return target.getvalue()


def photographed(kind: str, picture: Pillow.Image, orientation: int = 1, **options: Any) -> bytes:
    """A file of this kind as a camera writes it: turned, and with full metadata."""
    return saved(held(picture, orientation), kind, **{**_METADATA[kind](orientation), **options})


def exif(orientation: int = 1) -> Pillow.Exif:
    """Camera, maker's note and place."""
    said = Pillow.Exif()
    said[ORIENTATION] = orientation
    said[0x010E] = said[0x010F] = said[0x0110] = SECRET  # description, make, model
    said.get_ifd(0x8769)[0x927C] = SECRET.encode()  # maker's note
    said.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.24), 3: "E", 4: (2.0, 17.0, 40.2), 0x1D: SECRET})
    return said


XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description place="{SECRET}"/></rdf:RDF></x:xmpmeta>'.encode()


def _of_jpeg(orientation: int) -> dict[str, Any]:
    return {"exif": exif(orientation), "xmp": XMP, "comment": SECRET.encode(), "quality": 92}


def _of_png(orientation: int) -> dict[str, Any]:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", SECRET)
    words.add_text("Packed", SECRET * 9, zip=True)
    words.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return {"exif": exif(orientation), "pnginfo": words}


def _of_tiff(orientation: int) -> dict[str, Any]:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ORIENTATION] = orientation
    tags[270] = tags[271] = tags[315] = SECRET
    tags[700] = XMP
    return {"tiffinfo": tags}


_METADATA: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "JPEG": _of_jpeg,
    "PNG": _of_png,
    "WEBP": lambda orientation: {"exif": exif(orientation), "xmp": XMP, "quality": 92},
    "TIFF": _of_tiff,
    "HEIF": lambda orientation: {"exif": exif(orientation).tobytes(), "xmp": XMP},
    "AVIF": lambda orientation: {"exif": exif(orientation), "xmp": XMP, "quality": 95, "subsampling": "4:4:4"},
    "GIF": lambda _: {"comment": SECRET.encode()},
    "BMP": lambda _: {},
}


# Profiles with other colours than sRGB's.

_D50 = (0.9642, 1.0, 0.8249)
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def rgb_profile(primaries: tuple[tuple[float, ...], ...], gamma: float = 2.2) -> bytes:
    """An ICC profile of these red, green and blue in XYZ (D50)."""
    curves = {f"{name}TRC": _curve(gamma) for name in "rgb"}
    points = {f"{name}XYZ": _xyz(point) for name, point in zip("rgb", primaries, strict=True)}
    return _profile(b"mntr", b"RGB ", b"XYZ ", {"wtpt": _xyz(_D50), **points, **curves})


def grey_profile(gamma: float) -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {"wtpt": _xyz(_D50), "kTRC": _curve(gamma)})


def ink_profile(colours: Callable[[int, int, int, int], tuple[int, int, int]]) -> bytes:
    """A CMYK profile whose inks, each 0 or 1, have these colours in 8-bit Lab."""
    inks = [tuple(number >> bit & 1 for bit in (3, 2, 1, 0)) for number in range(16)]
    grid = b"".join(bytes(colours(*ink)) for ink in inks)
    straight = bytes(range(256))
    identity = struct.pack(">9l", *(65_536 if number % 4 == 0 else 0 for number in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + straight * 4 + grid + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {"wtpt": _xyz(_D50), "A2B0": table})


def _profile(kind: bytes, space: bytes, connection: bytes, tags: Mapping[str, bytes]) -> bytes:
    tags = {
        "desc": b"desc" + bytes(4) + struct.pack(">L", 2) + b"x\0" + bytes(78),
        "cprt": b"text" + bytes(4) + b"x\0",
        **tags,
    }
    listed, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        listed += name.encode() + struct.pack(">LL", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    whole = struct.pack(">L", len(tags)) + listed + body
    head = struct.pack(
        ">L4sL4s4s4s12s4s", 128 + len(whole), b"lcms", 0x02400000, kind, space, connection, bytes(12), b"acsp"
    )
    return head.ljust(68, b"\0") + _xyz(_D50)[8:] + bytes(48) + whole


def _xyz(point: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3l", *(round(value * 65_536) for value in point))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">LH", 1, round(gamma * 256)) + bytes(2)
