"""Reads forms of `multipart/form-data` with Python's mail parser, which shares no code with Darkroom."""

from email import message_from_bytes
from email.policy import HTTP
from typing import Any, NamedTuple


class File(NamedTuple):
    """A file of a form."""

    media_type: str
    data: bytes


def fields(media_type: str, body: bytes) -> list[tuple[str, str | File]]:
    """The fields of a form in their order: texts and files."""
    message: Any = message_from_bytes(f"Content-Type: {media_type}\r\n\r\n".encode() + body, policy=HTTP)
    assert message.get_content_type() == "multipart/form-data"
    assert not message.defects
    return [(_name(part), _content(part)) for part in message.iter_parts()]


def _name(part: Any) -> str:
    name: str = part["content-disposition"].params["name"]
    return name


def _content(part: Any) -> str | File:
    assert not part.defects
    data: bytes = part.get_payload(decode=True)
    if part["content-disposition"].params.get("filename"):
        return File(part.get_content_type(), data)
    return data.decode()
