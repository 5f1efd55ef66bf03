"""A `multipart/form-data` body, whose files are read from where they lie when it is sent."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from darkroom.streaming.blob import Blob, Joined


class FormFile(NamedTuple):
    """A file of a form. `sha256` is of the file, or of what it was made from."""

    name: str
    filename: str
    media_type: str
    data: Blob
    sha256: str


class Form(NamedTuple):
    """A form as it is sent."""

    media_type: str
    body: Blob


def form(fields: Mapping[str, str], files: Sequence[FormFile]) -> Form:
    """The fields and then the files, in their order."""
    boundary = _boundary(fields, files)
    return Form(f"multipart/form-data; boundary={boundary}", Joined(_parts(boundary, fields, files)))


def _boundary(fields: Mapping[str, str], files: Sequence[FormFile]) -> str:
    """It follows from all that the form holds, so nothing in the form can be made to hold it."""
    said = json.dumps([list(fields.items()), [file.sha256 for file in files]])
    return f"darkroom-{hashlib.sha256(said.encode()).hexdigest()[:48]}"


def _parts(boundary: str, fields: Mapping[str, str], files: Sequence[FormFile]) -> Iterator[Blob]:
    begin = f"--{boundary}\r\nContent-Disposition: form-data; name="
    for name, value in fields.items():
        yield f'{begin}"{name}"\r\n\r\n{value}\r\n'.encode()
    for file in files:
        yield f'{begin}"{file.name}"; filename="{file.filename}"\r\nContent-Type: {file.media_type}\r\n\r\n'.encode()
        yield file.data
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
