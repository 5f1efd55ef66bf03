"""Texts encoded once more (percent-encoding, HTML entities, escapes), and the Base64 inside them."""

import binascii
import re
from collections.abc import Iterator
from itertools import chain

import pybase64

from darkroom.streaming.blob import Blob, File, chunks

_SPELLED = (
    rb"%(?P<percent>[0-9A-Fa-f]{2})|&#(?:[xX]0{0,4}(?P<entity>[0-9A-Fa-f]{1,4})|0{0,4}(?P<decimal>[0-9]{1,5}));"
    rb"|\\{1,8}(?:u(?P<wide>[0-9A-Fa-f]{4})|x(?P<narrow>[0-9A-Fa-f]{2})|(?P<mark>[^ux\\]))"
)
_CUT = rb"(?:%[0-9A-Fa-f]?|&#?[xX]?[0-9A-Fa-f]{0,8}|\\{1,8}(?:u[0-9A-Fa-f]{0,3}|x[0-9A-Fa-f]?)?)\Z"
_LONGEST_CUT = 12
_FOREIGN = rb"[^A-Za-z0-9+/=]"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_INVISIBLE = bytes(range(33)) + bytes(range(127, 256))  # white space, controls, and bytes outside ASCII
_FAR = bytes(range(128, 256))
_TAIL_SHARE = 40  # text behind the Base64 must be less than one part in so many


def respelled(text: Blob) -> Iterator[bytes]:
    """The text before it was encoded once more, without characters outside ASCII."""
    left = b""
    for read in chain(chunks(text), (b"",)):
        chunk = left + read
        cut = re.search(_CUT, chunk[-_LONGEST_CUT:]) if read else None
        left = cut[0] if cut else b""
        yield re.sub(_SPELLED, _letter, chunk[: len(chunk) - len(left)]).translate(None, _FAR)


def _letter(found: re.Match[bytes]) -> bytes:
    if mark := found["mark"]:
        return b"" if mark in b"nrtfb" else mark
    digits = found["percent"] or found["entity"] or found["wide"] or found["narrow"]
    code = int(digits, 16) if digits else int(found["decimal"])
    return bytes([code]) if code < 128 else b""


def decoded(text: Blob) -> Blob:
    """The bytes of Base64 that is encoded once more, or has padding in its middle, spaces for its `+`, invisible
    letters, or a few foreign letters at its end; empty if it is not Base64.
    """
    file, left, pluses = File(), b"", None
    pieces = respelled(text)
    try:
        for piece in pieces:
            pluses = _are_pluses(piece) if pluses is None else pluses
            left += (piece.replace(b" ", b"+") if pluses else piece).translate(_URL_SAFE, _INVISIBLE)
            if foreign := re.search(_FOREIGN, left):
                rest = len(left) - foreign.start() + sum(map(len, pieces))
                if rest * _TAIL_SHARE > len(text):
                    return b""
                left = left[: foreign.start()]
            begun = left.rstrip(b"=")  # the rest of the padding may follow
            *ended, last = re.split(b"={1,2}", begun)
            if not all(ended):
                return b""
            for part in ended:
                file.append(_said(part))
            whole = len(last) // 4 * 4
            file.append(_said(last[:whole]))
            left = last[whole:] + left[len(begun) :]
        left = left.rstrip(b"=")
        if len(left) > 1 or not len(file):  # a single letter belongs to a word behind the Base64
            file.append(_said(left))
    except (binascii.Error, ValueError):
        return b""
    return file


def _said(part: bytes) -> bytes:
    return pybase64.b64decode(part + b"=" * (-len(part) % 4), validate=True)


def _are_pluses(text: bytes) -> bool:
    """Whether its spaces replace `+`, as a form's decoder does it. Spaces between lines are evenly spaced."""
    words = text.split()
    return len(set(map(len, words[1:-1]))) > 1 and not re.search(rb"[+\r\n]", text.strip())
