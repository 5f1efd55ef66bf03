"""Reads the lines of a file larger than memory, part by part, from any place on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

LINE_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, between two lines: the bytes and the lines before it."""

    offset: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end, and the place after it. `data` is None if the line cannot be used."""

    data: bytes | None
    after: Place
    fault: str = f"is over {LINE_BYTES:,} bytes"  # the reason if it has no data

    @property
    def is_blank(self) -> bool:
        """Whether it has only white space."""
        return self.data is not None and not self.data.strip()


def read(part: Callable[[int], bytes], start: Place) -> Iterator[Line]:
    """The lines from a place on. `part` returns some bytes from an offset on, none at the end of the file."""
    rest, read_to, is_long = b"", start.offset, False
    place = start
    while piece := part(read_to):
        read_to += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        for data in whole:
            place = Place(place.offset + len(data) + 1, place.number + 1)
            yield Line(None if is_long else _bounded(data, place), place)
            is_long = False
        if len(rest) > LINE_BYTES:
            place, rest, is_long = Place(place.offset + len(rest), place.number), b"", True
    if rest or is_long:
        place = Place(place.offset + len(rest), place.number + 1)
        yield Line(None if is_long else _bounded(rest, place), place)


def _bounded(data: bytes, after: Place) -> bytes | None:
    if len(data) > LINE_BYTES:
        return None
    return data.removeprefix(BYTE_ORDER_MARK) if after.number == 1 else data
