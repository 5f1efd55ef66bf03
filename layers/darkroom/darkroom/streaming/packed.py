"""Bytes that were packed, unpacked in chunks: gzip and zlib, hexadecimal digits, percent-encoding, zip archives."""

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
# What `zipfile` raises of a hostile archive: it is broken, or packed in an unknown way (NotImplementedError), encrypted
# (RuntimeError), cut (EOFError), or names places outside itself (OSError, ValueError). `bounded` raises ValueError.
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, zlib.error)
_END_OF_DIRECTORY, _DIRECTORY_BYTES, _TAIL_BYTES = b"PK\x05\x06", 100_000, 66_000  # of an archive, with its remark


def inflated(content: Blob) -> Iterator[bytes]:
    """What was compressed with gzip or zlib. Raises ValueError or `zlib.error` where it is broken or cut."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # a header of either kind
    for chunk in chain(chunks(content), (b"",)):
        packed = chunk
        while (made := unpack.decompress(packed, CHUNK_BYTES)) or unpack.unconsumed_tail:
            yield made
            packed = unpack.unconsumed_tail
    if not unpack.eof:
        raise ValueError("it was cut")


def unhexed(text: Blob) -> Iterator[bytes]:
    """The bytes of hexadecimal digits, whatever stands between them. Raises ValueError where they are none."""
    left = ""
    for chunk in chunks(text):
        found = digits(left + chunk.decode("latin-1"))
        whole = len(found) // 2 * 2
        yield bytes.fromhex(found[:whole])
        left = found[whole:]


def digits(text: str) -> str:
    """Hexadecimal digits without what people and programs write between them: white space, `:`, `,`, `-`, `0x`."""
    return _BETWEEN_DIGITS.sub("", text)


def unquoted(text: Blob, start: int) -> Iterator[bytes]:
    """The bytes of a percent-encoded text from there on."""
    left = b""
    for read in chunks(Part(text, start, len(text))):
        chunk = left + read
        cut = chunk.rfind(b"%", max(0, len(chunk) - 2))
        left = chunk[cut:] if cut >= 0 else b""
        yield unquote_to_bytes(chunk.removesuffix(left))


def bytes_of_letters(text: Blob) -> Iterator[bytes]:
    """The bytes of a text of which each letter is one. Raises ValueError where a letter is none."""
    for letters in codecs.iterdecode(chunks(text), "utf-8", errors="replace"):
        yield letters.encode("latin-1")


def is_archive(content: Blob) -> bool:
    """Whether it begins as an archive does."""
    return content[: len(ZIP)] == ZIP


def members(content: Blob, room: int) -> Iterator[Blob]:
    """The files of an archive; the content itself where it is none."""
    if not is_archive(content):
        yield content
    elif _has_small_directory(content):
        with suppress(*_BROKEN), zipfile.ZipFile(as_file(content, ahead=CHUNK_BYTES)) as archive:
            for member in archive.infolist()[:MAX_MEMBERS]:
                made = File(bounded(_read(archive, member), room))
                room -= len(made)
                yield made


def bounded(parts: Iterator[bytes], room: int) -> Iterator[bytes]:
    """The parts. Raises ValueError where they have more bytes than there is room for."""
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
    """Whether what is read of it at once is little."""
    tail = archive[-_TAIL_BYTES:]
    end = tail.rfind(_END_OF_DIRECTORY)
    size = int.from_bytes(tail[end + 12 : end + 16], "little")
    return end >= 0 and size <= _DIRECTORY_BYTES and b"PK\x06\x07" not in tail
