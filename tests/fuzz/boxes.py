"""HEIF and AVIF files put together by hand: any items, properties and references, around a real coded picture."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tests.pictures.making import saved, scene


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">L4s", 8 + len(content), kind) + content


def full(kind: bytes, content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">L", version << 24 | flags) + content)


def ispe(width: int, height: int) -> bytes:
    return full(b"ispe", struct.pack(">LL", width, height))


@dataclass(frozen=True, slots=True)
class Item:
    """An item with its extents in the shared bytes, and the numbers of its properties (from 1)."""

    kind: bytes
    extents: Sequence[tuple[int, int]]  # offset and length
    properties: Sequence[int] = ()
    to: Sequence[int] = ()  # the items (from 1) that it is derived from or describes


def heif(items: Sequence[Item], properties: Sequence[bytes], shared: bytes, *, brand: bytes = b"heic") -> bytes:
    """A file whose first item is the primary one."""
    head = box(b"ftyp", brand + bytes(4) + b"mif1" + brand)
    start = len(head) + len(_meta(items, properties, 0)) + 8
    return head + _meta(items, properties, start) + box(b"mdat", shared)


def _meta(items: Sequence[Item], properties: Sequence[bytes], start: int) -> bytes:
    numbered = list(enumerate(items, start=1))
    infos = b"".join(full(b"infe", struct.pack(">HH4sx", n, 0, item.kind), version=2) for n, item in numbered)
    places = b"".join(
        struct.pack(">HHH", n, 0, len(item.extents))
        + b"".join(struct.pack(">LL", start + offset, length) for offset, length in item.extents)
        for n, item in numbered
    )
    links = b"".join(
        box(
            b"cdsc" if item.kind == b"Exif" else b"dimg",
            struct.pack(f">HH{len(item.to)}H", n, len(item.to), *item.to),
        )
        for n, item in numbered
        if item.to
    )
    owned = b"".join(struct.pack(">HB", n, len(item.properties)) + bytes(item.properties) for n, item in numbered)
    return full(
        b"meta",
        full(b"hdlr", bytes(4) + b"pict" + bytes(13))
        + full(b"pitm", struct.pack(">H", 1))
        + full(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)) + places)
        + full(b"iinf", struct.pack(">H", len(items)) + infos)
        + (full(b"iref", links) if links else b"")
        + box(b"iprp", box(b"ipco", b"".join(properties)) + full(b"ipma", struct.pack(">L", len(items)) + owned)),
    )


@cache
def coded(side: int = 64, kind: str = "HEIF") -> tuple[bytes, bytes]:
    """The decoder's configuration and the coded bytes of a real square picture."""
    whole = saved(scene(size=(side, side)), kind)
    name = b"hvcC" if kind == "HEIF" else b"av1C"
    at = whole.index(name) - 4
    configuration = whole[at : at + int.from_bytes(whole[at : at + 4])]
    return configuration, whole[whole.index(b"mdat") + 4 :]


def grid(columns: int, rows: int, width: int, height: int) -> bytes:
    """The content of an item that is made of tiles."""
    return struct.pack(">BBBBLL", 0, 1, rows - 1, columns - 1, width, height)
