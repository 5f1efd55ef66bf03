"""Base64, the encoding of pictures in requests: encoded while it is read, and decoded tolerantly."""

import binascii
import json
import re
from collections.abc import Iterator

import pybase64

from darkroom.streaming.blob import Blob, File, chunks

_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_WHITESPACE = b"\t\r\n\v\f"  # a space may stand for a `+`
_BROKEN_ESCAPE = rb"\\(u[0-9A-Fa-f]{0,3})?\Z"


class Base64:
    """A blob in Base64, without a copy: each part is encoded when it is read."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob

    def __len__(self) -> int:
        return (len(self._blob) + 2) // 3 * 4

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(len(self))
        first = start // 4
        encoded = pybase64.b64encode(self._blob[first * 3 : -(-stop // 4) * 3])
        return encoded[start - first * 4 : max(start, stop) - first * 4]


def decoded(text: Blob, *, is_json: bool = False) -> Blob:
    """The bytes of a Base64 text in either alphabet, with or without line breaks and padding; empty if it is none.

    `is_json`: the text is still the inside of a JSON string, where any character may be escaped.
    """
    return _decoded(text, is_json=is_json) or _spelled(text)


def _spelled(text: Blob) -> Blob:
    from darkroom.streaming import spelled  # rarely needed, and each import costs at a cold start

    return spelled.decoded(text)


def _decoded(text: Blob, *, is_json: bool) -> Blob:
    file, left = File(), b""
    try:
        for chunk in _unescaped(text) if is_json else chunks(text):
            left = left + chunk if left else chunk
            whole = len(left) // 4 * 4
            try:
                file.append(pybase64.b64decode(left[:whole], validate=True))
            except binascii.Error:
                left = left.translate(_URL_SAFE, _WHITESPACE)
                whole = len(left) // 4 * 4
                file.append(pybase64.b64decode(left[:whole], validate=True))
            left = left[whole:]
        left = left.translate(_URL_SAFE, _WHITESPACE).rstrip(b"=")
        file.append(pybase64.b64decode(left + b"=" * (-len(left) % 4), validate=True))
    except (binascii.Error, ValueError):
        return b""
    return file


def _unescaped(text: Blob) -> Iterator[bytes]:
    """The characters of a JSON string in ASCII. Raises ValueError for any other."""
    left = b""
    for read in chunks(text):
        if not left and b"\\" not in read:
            yield read
            continue
        chunk = left + read
        cut = re.search(_BROKEN_ESCAPE, chunk)
        left = cut[0] if cut else b""
        whole = chunk.removesuffix(left)
        yield json.loads(b'"' + whole + b'"').encode("ascii")
    if left:
        raise ValueError("the text ends in an escape")
