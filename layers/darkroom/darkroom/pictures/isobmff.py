"""Reads the boxes of a HEIF or AVIF file that say how much there is to read and to decode.

One file can name the same bytes in a thousand items, or make a picture of a thousand others: decoders follow. A file
that this module cannot read counts as broken, because a decoder might find unchecked content in it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from darkroom.streaming.blob import Blob

MAX_BOXES = 10_000
MAX_EXTENTS = 100_000
MAX_LEVELS = 8  # of pictures that are made of pictures; phones have two
MAX_TIMES = 2  # that a file's bytes may be used, and that the largest picture's pixels may be decoded
MAX_BRANDS = 100
_CONTAINERS = (b"iprp", b"ipco", b"iinf")
_FULL_CONTAINERS = (b"meta", b"iref")
_FULL = (*_FULL_CONTAINERS, b"iloc", b"ipma", b"infe")


class Endless(ValueError):
    """The file has more of something than any picture."""


@dataclass(slots=True)
class Claims:
    """A file's claims. `extent_bytes`: of all items. `properties`: their pixels. `parts`: an item's own items."""

    extent_bytes: int = 0
    extents: int = 0
    properties: list[int | None] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def largest(self) -> int:
        """The pixels of the largest picture, before anything is cropped."""
        return max((pixels for pixels in self.properties if pixels), default=0)

    def pixels_of(self, item: int) -> int:
        """The item's own pixels; those of the largest picture if it states none."""
        named = [self.properties[n - 1] for n in self.owned[item] if 0 < n <= len(self.properties)]
        return next((pixels for pixels in named if pixels), self.largest())


def brands(data: Blob) -> set[bytes]:
    """The brands that the file states."""
    end = min(int.from_bytes(data[:4]), 8 + 4 * MAX_BRANDS)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}


def largest_picture(data: Blob) -> int:
    """The largest picture in pixels, as the file claims. Raises ValueError if the file cannot be read."""
    return _claims(data).largest()


def is_sound(data: Blob) -> bool:
    """Whether no byte is read and no pixel decoded again and again. Raises ValueError if the file cannot be read."""
    try:
        claims = _claims(data)
        to_decode = _to_decode(claims)
    except Endless:
        return False
    return claims.extent_bytes <= MAX_TIMES * len(data) and to_decode <= MAX_TIMES * max(claims.largest(), 1)


def _to_decode(claims: Claims) -> int:
    """The pixels that are decoded for the costliest item."""
    known: dict[int, int] = {}

    def labour(item: int, level: int) -> int:
        if level > MAX_LEVELS:
            raise Endless("pictures of pictures of pictures")
        if item not in known:
            parts = claims.parts.get(item)
            known[item] = sum(labour(part, level + 1) for part in parts) if parts else claims.pixels_of(item)
        return known[item]

    return max((labour(item, 0) for item in tuple(claims.parts)), default=0)


def _claims(data: Blob) -> Claims:
    claims = Claims()
    for number, (kind, content, container) in enumerate(_boxes(data)):
        if number > MAX_BOXES:
            raise Endless("boxes")
        if container == b"ipco":
            claims.properties.append(_pixels(content) if kind == b"ispe" else None)
        elif container == b"iref" and kind == b"dimg":
            _read_parts(claims, content)
        elif kind == b"iloc":
            _read_extents(claims, content, len(data))
        elif kind == b"ipma":
            _read_owned(claims, content)
        elif kind == b"infe":
            _check_words(content)
    return claims


def _boxes(data: Blob) -> Iterator[tuple[bytes, "_Cursor", bytes]]:
    """Each relevant box: its kind, its content, and the kind of the box around it."""
    open_boxes = [(_Cursor(data, 0, len(data), 0), b"")]
    while open_boxes:
        cursor, container = open_boxes[-1]
        if cursor.is_at_end():
            open_boxes.pop()
            continue
        kind, content = cursor.box(container)
        yield kind, content, container
        if kind in _CONTAINERS or kind in _FULL_CONTAINERS:
            open_boxes.append((content, kind))


@dataclass(slots=True)
class _Cursor:
    """A place in the file, within a box. `version` and `flags` are those of the box, or of the one around it."""

    data: Blob
    position: int
    end: int
    version: int
    flags: int = 0

    def is_at_end(self) -> bool:
        return self.position + 8 > self.end

    def number(self, size: int) -> int:
        if self.position + size > self.end:
            raise ValueError("a box ends too soon")
        self.position += size
        return int.from_bytes(self.data[self.position - size : self.position])

    def box(self, container: bytes) -> tuple[bytes, "_Cursor"]:
        start = self.position
        length, kind = self.number(4), self.number(4).to_bytes(4)
        if length == 1:
            length = self.number(8)
        end = start + length if length else self.end
        if not container:
            end = min(end, self.end) if end >= self.position else self.end  # a trailer of the camera's, perhaps
        if not self.position <= end <= self.end:
            raise ValueError("a box is longer than the box around it")
        content = _Cursor(self.data, self.position, end, self.version)
        if kind == b"iinf":
            content.position += 8 if content.number(1) else 6  # the flags follow the version, then the number of items
        if kind in _FULL or (container, kind) == (b"ipco", b"ispe"):
            content.version, content.flags = content.number(1), content.number(3)
        self.position = end
        return kind, content


def _pixels(box: _Cursor) -> int:
    return box.number(4) * box.number(4)


def _read_parts(claims: Claims, box: _Cursor) -> None:
    size = 4 if box.version else 2
    item, count = box.number(size), box.number(2)
    claims.parts[item] += [box.number(size) for _ in range(count)]


def _check_words(box: _Cursor) -> None:
    """Check that an item's type and names are text. On other bytes, pi-heif crashes the whole process."""
    box.number(6 if box.version > 2 else 4)
    box.data[box.position : box.end].decode()


def _read_owned(claims: Claims, box: _Cursor) -> None:
    is_wide = box.flags & 1
    for _ in range(box.number(4)):
        item = box.number(4 if box.version else 2)
        for _ in range(box.number(1)):
            claims.owned[item].append(box.number(2) & 0x7FFF if is_wide else box.number(1) & 0x7F)


def _read_extents(claims: Claims, box: _Cursor, file_bytes: int) -> None:
    sizes, base = divmod(box.number(1), 16), divmod(box.number(1), 16)
    index_size = base[1] if box.version else 0
    for _ in range(box.number(4 if box.version > 1 else 2)):
        box.number((4 if box.version > 1 else 2) + (2 if box.version else 0) + 2 + base[0])
        count = box.number(2)
        claims.extents += count
        if claims.extents > MAX_EXTENTS:
            raise Endless("extents")
        for _ in range(count):
            box.number(index_size + sizes[0])
            claims.extent_bytes += box.number(sizes[1]) or file_bytes
