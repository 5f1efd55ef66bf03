"""Reads a `multipart/form-data` form strictly. It refuses faults that a real server may tolerate."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from local.image_api.answers import Rejected

_BOUNDARY = re.compile(r"multipart/form-data; ?boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})")
_DISPOSITION = re.compile(r'form-data; name="([^"\r\n]+)"(?:; filename="([^"\r\n]+)")?')


class Field(NamedTuple):
    """A field of a form. A file has a name and a media type."""

    name: str
    content: bytes
    filename: str | None = None
    media_type: str | None = None


def read_form(content_type: str, body: bytes) -> list[Field]:
    """The fields in their order. Raises `Rejected`."""
    found = _BOUNDARY.fullmatch(content_type)
    if not found:
        raise Rejected("the body must be multipart/form-data with a boundary")
    return [_field(part) for part in _parts(body, f"--{found[1]}".encode())]


def _parts(body: bytes, delimiter: bytes) -> Iterator[bytes]:
    """The parts between the delimiters. Each delimiter has its own line."""
    begin, *parts = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if begin or not parts or parts[-1] != b"--\r\n":
        raise Rejected("the form must begin with its boundary, and end with it and two dashes")
    for part in parts[:-1]:
        if not part.startswith(b"\r\n"):
            raise Rejected("the form's boundary stands within a part")
        yield part[2:]


def _field(part: bytes) -> Field:
    head, blank, content = part.partition(b"\r\n\r\n")
    if not blank:
        raise Rejected("a part of the form has no end of its head")
    headers = dict(_header(line) for line in head.decode("latin-1").split("\r\n"))
    found = _DISPOSITION.fullmatch(headers.get("content-disposition", ""))
    if not found:
        raise Rejected("a part of the form does not say its name")
    return Field(found[1], content, found[2], headers.get("content-type"))


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise Rejected("a line in the head of a part of the form is no header")
    return name.lower(), value.strip()
