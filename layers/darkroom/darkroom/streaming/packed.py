"""Packed bytes, unpacked in chunks: gzip and zlib, hexadecimal digits, percent-encoding, zip archives."""

import codecs
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from urllib.parse import unquote_to_bytes

from darkroom.streaming.blob import CHUNK_BYTES, Blob, File, Part, as_file, chunks

GZIP, ZLIB, ZIP = b"\x1f\x8b\x08", (b"x\x9c", b"x\x01", b"x\xda"), b"PK\x03\x04"
MAX_MEMBERS = 32
_BETWEEN_DIGITS = re.compile(r"0x|\\x|[\s:,-]", re.IGNORECASE)
# The errors of `zipfile` for a hostile archive: broken, packed in an unknown way (NotImplementedError), encrypted
# (RuntimeError), cut (EOFError), or with paths outside itself (OSError, ValueError). `bounded` raises ValueError.
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, zlib.error)
_END_OF_DIRECTORY, _DIRECTORY_BYTES, _TAIL_BYTES = b"PK\x05\x06", 100_000, 66_000  # of an archive, with its comment


def inflated(content: Blob) -> Iterator[bytes]:
    """Unpack gzip or zlib. Raises ValueError or `zlib.error` if the bytes are broken or cut."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # a header of either kind
    for chunk in chain(chunks(content), (b"",)):
        packed = chunk
        while (made := unpack.decompress(packed, CHUNK_BYTES)) or unpack.unconsumed_tail:
            yield made
            packed = unpack.unconsumed_tail
    if not unpack.eof:
        raise ValueError("it was cut")


def unhexed(text: Blob) -> Iterator[bytes]:
    """The bytes of hexadecimal digits with any separators. Raises ValueError if they are not digits."""
    left = ""
    for chunk in chunks(text):
        found = digits(left + chunk.decode("latin-1"))
        whole = len(found) // 2 * 2
        yield bytes.fromhex(found[:whole])
        left = found[whole:]


def digits(text: str) -> str:
    """The hexadecimal digits without their separators: white space, `:`, `,`, `-`, `0x`."""
    return _BETWEEN_DIGITS.sub("", text)


def unquoted(text: Blob, start: int) -> Iterator[bytes]:
    """The bytes of a percent-encoded text from `start` on."""
    left = b""
    for read in chunks(Part(text, start, len(text))):
        chunk = left + read
        cut = chunk.rfind(b"%", max(0, len(chunk) - 2))
        left = chunk[cut:] if cut >= 0 else b""
        yield unquote_to_bytes(chunk.removesuffix(left))


def bytes_of_letters(text: Blob) -> Iterator[bytes]:
    """The bytes of a text whose letters stand for one byte each. Raises ValueError for any other letter."""
    for letters in codecs.iterdecode(chunks(text), "utf-8", errors="replace"):
        yield letters.encode("latin-1")


def is_archive(content: Blob) -> bool:
    """Whether it begins like a zip archive."""
    return content[: len(ZIP)] == ZIP


def members(content: Blob, room: int) -> Iterator[Blob]:
    """The files of an archive, or the content itself if it is not an archive."""
    if not is_archive(content):
        yield content
    elif _has_small_directory(content):
        with suppress(*_BROKEN), zipfile.ZipFile(as_file(content, ahead=CHUNK_BYTES)) as archive:
            for member in archive.infolist()[:MAX_MEMBERS]:
                made = File(bounded(_read(archive, member), room))
                room -= len(made)
                yield made


def bounded(parts: Iterator[bytes], room: int) -> Iterator[bytes]:
    """The parts. Raises ValueError if they have more bytes than `room`."""
    for part in parts:
        room -= len(part)
        if room < 0:
            raise ValueError("there is no room for it")
        yield part


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _has_small_directory(archive: Blob) -> bool:
    """Whether the directory, which `zipfile` reads at once, is small."""
    tail = archive[-_TAIL_BYTES:]
    end = tail.rfind(_END_OF_DIRECTORY)
    size = int.from_bytes(tail[end + 12 : end + 16], "little")
    return end >= 0 and size <= _DIRECTORY_BYTES and b"PK\x06\x07" not in tail
