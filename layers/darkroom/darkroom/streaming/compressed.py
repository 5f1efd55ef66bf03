"""Compressed streams, recognised by their bytes: a relay may unpack an answer and keep its header, or drop the header.

Wrong checksums are ignored, because the unpacked answer is checked by itself.
"""

import zlib
from collections.abc import Iterable, Iterator

from darkroom.streaming.blob import CHUNK_BYTES, at_least

_GZIP, _ZLIB = b"\x1f\x8b\x08", b"\x78"
_HEADER_BYTES, _TRAILER_BYTES = 4096, 8  # a member's header may hold a name
_EXTRA, _NAME, _COMMENT, _HEADER_CHECKSUM = 4, 8, 16, 2


def unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The chunks as they are, or unpacked. Raises `zlib.error` if they are broken."""
    source = iter(chunks)
    head = at_least(_HEADER_BYTES, source)
    if not head.startswith(_GZIP):
        yield from _inflated(head, source, encoding)
        return
    while head.startswith(_GZIP):  # one member after the other; anything else behind them is not the answer's
        unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        yield from _pieces(unpack, head[_end_of_header(head) :], source)
        head = at_least(_TRAILER_BYTES + _HEADER_BYTES, source, unpack.unused_data)[_TRAILER_BYTES:]


def _inflated(head: bytes, source: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Inflate, with or without zlib's header. JSON, or bytes not declared as compressed, stay as they are."""
    if encoding == "deflate" and head[:1] not in (b"{", b"["):
        bits = zlib.MAX_WBITS if head[:1] == _ZLIB else -zlib.MAX_WBITS
        yield from _pieces(zlib.decompressobj(bits), head, source)
    else:
        yield head
        yield from source


def _pieces(unpack: "zlib._Decompress", packed: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    """The unpacked bytes up to the stream's end, in pieces of bounded size."""
    while packed or (packed := at_least(1, source)):
        yield unpack.decompress(packed, CHUNK_BYTES)
        packed = unpack.unconsumed_tail
        if unpack.eof:
            return
    yield unpack.flush()  # the stream was cut; after its proper end, this would change `unused_data`


def _end_of_header(first: bytes) -> int:
    """The end of a gzip member's header (RFC 1952)."""
    flags, end = first[3], 10
    if flags & _EXTRA:
        end += 2 + int.from_bytes(first[end : end + 2], "little")
    for text in (_NAME, _COMMENT):
        if flags & text:
            end = first.index(b"\0", end) + 1 if b"\0" in first[end:] else len(first)
    return end + (2 if flags & _HEADER_CHECKSUM else 0)
