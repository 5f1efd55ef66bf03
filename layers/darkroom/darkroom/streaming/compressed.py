"""Compressed streams, unpacked by their bytes: a relay may unpack an answer and keep its header, or leave that out.

A checksum that is wrong is passed over, because what is unpacked is judged by itself.
"""

import zlib
from collections.abc import Iterable, Iterator

from darkroom.streaming.blob import CHUNK_BYTES

_GZIP, _ZLIB_FIRST = b"\x1f\x8b\x08", 0x78
_TRAILER_BYTES = 8
_EXTRA, _NAME, _COMMENT, _HEADER_CHECKSUM = 4, 8, 16, 2


def unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The chunks as they are, or unpacked. Raises `zlib.error` where they are broken."""
    unpack = None
    for number, chunk in enumerate(chunks):
        rest = chunk
        if number == 0:
            unpack, rest = _begun(chunk, encoding)
        if unpack is None:
            yield rest
            continue
        while rest and unpack:
            yield unpack.decompress(rest, CHUNK_BYTES)
            rest = unpack.unconsumed_tail
            if unpack.eof:  # another member may follow; what else follows is not the answer's
                unpack, rest = _begun(unpack.unused_data[_TRAILER_BYTES:], "")
        if unpack is None:
            return


def _begun(first: bytes, encoding: str) -> "tuple[zlib._Decompress | None, bytes]":
    """A decompressor and what is left for it; None where the bytes are not compressed."""
    if first.startswith(_GZIP):
        return zlib.decompressobj(-zlib.MAX_WBITS), first[_end_of_header(first) :]
    if encoding == "deflate" and first[:1] not in (b"{", b"["):
        bits = zlib.MAX_WBITS if first[:1] == bytes([_ZLIB_FIRST]) else -zlib.MAX_WBITS
        return zlib.decompressobj(bits), first
    return None, first


def _end_of_header(first: bytes) -> int:
    """Of a gzip member (RFC 1952)."""
    flags, end = first[3], 10
    if flags & _EXTRA:
        end += 2 + int.from_bytes(first[end : end + 2], "little")
    for text in (_NAME, _COMMENT):
        if flags & text:
            end = first.index(b"\0", end) + 1 if b"\0" in first[end:] else len(first)
    return end + (2 if flags & _HEADER_CHECKSUM else 0)
