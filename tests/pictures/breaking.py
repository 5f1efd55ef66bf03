"""Whole files of pictures, damaged in the ways of senders, relays and careless programs."""

import struct
import zlib
from collections.abc import Callable, Mapping

Chunks = list[tuple[bytes, bytes]]
HEAD = b"\x89PNG\r\n\x1a\n"
ONE_WORD = b"Comment\0a"
PACKED = zlib.compress(b"a profile, or words")


def chunk(name: bytes, content: bytes, checksum: int | None = None) -> bytes:
    """A PNG's chunk, with its own checksum or with this one."""
    right = zlib.crc32(name + content)
    return struct.pack(">L", len(content)) + name + content + struct.pack(">L", right if checksum is None else checksum)


def chunks(png: bytes) -> Chunks:
    """The names and the contents of a PNG's chunks."""
    found, position = Chunks(), len(HEAD)
    while position < len(png):
        length = int.from_bytes(png[position : position + 4])
        found.append((png[position + 4 : position + 8], png[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


def with_chunk(png: bytes, name: bytes, content: bytes, checksum: int | None = None) -> bytes:
    """The PNG with one more chunk after its head."""
    end = len(HEAD) + 25
    return png[:end] + chunk(name, content, checksum) + png[end:]


def with_wrong_checksum(png: bytes, *names: bytes) -> bytes:
    """The PNG with wrong checksums of these chunks."""
    return HEAD + b"".join(chunk(name, content, 1 if name in names else None) for name, content in chunks(png))


def with_junk_for_pixels(png: bytes, junk: Callable[[int], bytes]) -> bytes:
    """The PNG with junk in place of its pixels, and right checksums."""
    return HEAD + b"".join(
        chunk(name, junk(len(content)) if name == b"IDAT" else content) for name, content in chunks(png)
    )


def with_wrong_sum(png: bytes) -> bytes:
    """The PNG with right checksums of its chunks, and a wrong one of the rows inside them."""
    found = chunks(png)
    last = max(at for at, (name, _) in enumerate(found) if name == b"IDAT")
    found[last] = (b"IDAT", found[last][1][:-4] + bytes(4))
    return HEAD + b"".join(chunk(name, content) for name, content in found)


def with_split_pixels(png: bytes) -> bytes:
    """The PNG with words in the middle of its pixels."""
    ((_, pixels),) = [each for each in chunks(png) if each[0] == b"IDAT"]
    parts = chunk(b"IDAT", pixels[:50]) + chunk(b"tEXt", ONE_WORD) + chunk(b"IDAT", pixels[50:])
    return png.replace(chunk(b"IDAT", pixels), parts)


def with_rows_missing(png: bytes, missing: int) -> bytes:
    """The PNG without its last rows. Its compressed data ends properly, and every checksum is right."""
    found = chunks(png)
    packed = b"".join(content for name, content in found if name == b"IDAT")
    height = int.from_bytes(found[0][1][4:8])
    rows = zlib.decompress(packed)
    left = zlib.compress(rows[: len(rows) // height * (height - missing)])
    others = [(name, content) for name, content in found if name not in (b"IDAT", b"IEND")]
    return HEAD + b"".join(chunk(name, content) for name, content in (*others, (b"IDAT", left), (b"IEND", b"")))


def with_a_second_head(png: bytes) -> bytes:
    """The PNG with another size in a second head."""
    head = chunks(png)[0][1]
    return with_chunk(png, b"IHDR", struct.pack(">LL", 90, 90) + head[8:])


# Every checksum and every row of these is right, and strict decoders refuse them.
ODD_CHUNKS: Mapping[str, Callable[[bytes], bytes]] = {
    "a-needed-chunk-that-none-knows": lambda png: with_chunk(png, b"ABCD", b"ab"),
    "apples-chunk-first": lambda png: HEAD + chunk(b"CgBI", b"\x50\0\x20\2") + png[len(HEAD) :],
    "a-needed-chunk-after-the-pixels": lambda png: png[:-12] + chunk(b"ABCD", b"ab") + png[-12:],
    "a-long-head": lambda png: HEAD + chunk(b"IHDR", chunks(png)[0][1] + b"ab") + png[len(HEAD) + 25 :],
}

# Every viewer shows these.
BROKEN_PNG: Mapping[str, Callable[[bytes], bytes]] = {
    "words-of-a-wrong-checksum": lambda png: with_chunk(png, b"tEXt", ONE_WORD, 1),
    "packed-words-of-a-wrong-checksum": lambda png: with_chunk(png, b"zTXt", b"Comment\0\0" + PACKED, 1),
    "a-profile-of-a-wrong-checksum": lambda png: with_chunk(png, b"iCCP", b"a\0\0" + PACKED, 1),
    "exif-of-a-wrong-checksum": lambda png: with_chunk(png, b"eXIf", b"II*\0\x08\0\0\0\0\0", 1),
    "a-profile-packed-in-another-way": lambda png: with_chunk(png, b"iCCP", b"a\0\1" + PACKED),
    "words-packed-in-another-way": lambda png: with_chunk(png, b"zTXt", b"Comment\0\1" + PACKED),
    "a-gamma-that-is-too-short": lambda png: with_chunk(png, b"gAMA", b"ab"),
    "a-density-that-is-too-short": lambda png: with_chunk(png, b"pHYs", b"ab"),
    "pixels-of-a-wrong-checksum": lambda png: with_wrong_checksum(png, b"IDAT"),
    "a-head-of-a-wrong-checksum": lambda png: with_wrong_checksum(png, b"IHDR"),
    "no-end": lambda png: png[:-12],
    "half-an-end": lambda png: png[:-5],
    "an-end-of-a-wrong-checksum": lambda png: with_wrong_checksum(png, b"IEND"),
    "no-checksum-of-the-pixels": lambda png: png[:-16],
}
BROKEN_JPEG: Mapping[str, Callable[[bytes], bytes]] = {
    "no-end": lambda jpeg: jpeg[:-2],
    "half-an-end": lambda jpeg: jpeg[:-1],
}


def _webp_of_length(webp: bytes, off: int) -> bytes:
    return webp[:4] + struct.pack("<L", int.from_bytes(webp[4:8], "little") + off) + webp[8:]


BROKEN_WEBP: Mapping[str, Callable[[bytes], bytes]] = {
    "a-length-that-is-too-small": lambda webp: _webp_of_length(webp, -100),
    "a-length-that-is-two-too-small": lambda webp: _webp_of_length(webp, -2),
    "a-length-that-is-too-large": lambda webp: _webp_of_length(webp, 100),
    "a-length-of-all-there-is": lambda webp: webp[:4] + b"\xff\xff\xff\x7f" + webp[8:],
    "remarks-that-are-cut-and-counted": lambda webp: _webp_of_length(webp + b"EXIF\x20\0\0\0Exif", 40),
}
EVERY: tuple[tuple[str, str, Callable[[bytes], bytes]], ...] = tuple(
    (kind, name, broken)
    for kind, every in (("PNG", BROKEN_PNG), ("JPEG", BROKEN_JPEG), ("WEBP", BROKEN_WEBP))
    for name, broken in every.items()
)
