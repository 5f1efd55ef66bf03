"""UTF-16 as UTF-8, recognised by its byte order mark or its first two letters."""

import codecs
from collections.abc import Iterable, Iterator

from darkroom.streaming.blob import at_least

_HEAD_BYTES = 4


def as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of a text, converted to UTF-8 if they are in UTF-16."""
    source = iter(chunks)
    head = at_least(_HEAD_BYTES, source)
    decoder = _decoder(head[:_HEAD_BYTES])
    yield decoder.decode(head).encode(errors="replace") if decoder else head
    for chunk in source:
        yield decoder.decode(chunk).encode(errors="replace") if decoder else chunk


def _decoder(head: bytes) -> codecs.IncrementalDecoder | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16"
    elif len(head) == _HEAD_BYTES and head.count(0) == 2 and head[0] != head[1] and head[2] != head[3]:
        codec = "utf-16-be" if head[0] == 0 else "utf-16-le"
    else:
        return None
    return codecs.getincrementaldecoder(codec)(errors="replace")
