"""UTF-16 as UTF-8. Its mark tells, or its first two letters."""

import codecs
from collections.abc import Iterable, Iterator


def as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of a text as they are, or in UTF-8 where they are in UTF-16."""
    decoder = None
    for number, chunk in enumerate(chunks):
        decoder = _decoder(chunk[:4]) if number == 0 else decoder
        yield decoder.decode(chunk).encode(errors="replace") if decoder else chunk


def _decoder(head: bytes) -> codecs.IncrementalDecoder | None:
    is_marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not is_marked and not (head.count(0) == 2 and head[0] != head[1] and head[2] != head[3]):
        return None
    codec = "utf-16" if is_marked else "utf-16-be" if head[0] == 0 else "utf-16-le"
    return codecs.getincrementaldecoder(codec)(errors="replace")
