"""Reads a form: its fields, and its files with their names."""

import re
import shutil
import tempfile
import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from starlette.datastructures import UploadFile
from starlette.requests import Request

from darkroom_client.console.media import sniff
from darkroom_client.errors import Invalid
from darkroom_client.pictures import MAX_FILE_BYTES

MAX_FILES = 14
MAX_FIELDS = 30
MAX_FIELD_BYTES = 1 << 20
MAX_FORM_BYTES = 4 * MAX_FILE_BYTES
MAX_VARIATIONS = 8
_ID = re.compile(r"[A-Za-z0-9._:-]{8,100}", re.ASCII)


class Form(NamedTuple):
    """A form that a person filled in. Its `id` is made when the page is rendered."""

    id: str
    fields: Mapping[str, str]
    files: tuple[UploadFile, ...]

    def text(self, name: str) -> str:
        """The text of a field, empty if it is missing."""
        return self.fields.get(name, "").strip()

    def number(self, name: str, default: int | None = None) -> int | None:
        """The number in a field. Raises Invalid if it holds anything else."""
        said = self.text(name)
        if not said:
            return default
        if not (said.isascii() and said.isdigit() and len(said) < 7):
            raise Invalid(f"{said!r} is no number")
        return int(said)

    @property
    def variations(self) -> int:
        """The number of pictures to make. Raises Invalid."""
        count = self.number("variations", 1) or 1
        if count > MAX_VARIATIONS:
            raise Invalid(f"{count} variations are too many: {MAX_VARIATIONS} at most")
        return count

    @property
    def options(self) -> dict[str, Any] | None:
        """The options that were chosen. None keeps those of the conversation."""
        chosen = {
            name.removeprefix("option."): value.strip()
            for name, value in self.fields.items()
            if name.startswith("option.") and value.strip()
        }
        return chosen or None


@asynccontextmanager
async def read(request: Request) -> AsyncIterator[Form]:
    """The form of a request. Its files are open within the block. Raises Invalid if it is too large or has no id."""
    if int(request.headers.get("content-length") or 0) > MAX_FORM_BYTES:
        raise Invalid("These pictures are too large for one form", "Choose fewer.")
    asked = request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
    async with asked as data:
        fields = {name: value.replace("\r\n", "\n") for name, value in data.items() if isinstance(value, str)}
        files = tuple(each for _, each in data.multi_items() if isinstance(each, UploadFile) and each.filename)
        form_id = fields.get("request_id", "")
        if not _ID.fullmatch(form_id):
            raise Invalid("This form has no request_id", "Load the page again.")
        yield Form(form_id, fields, files)


@contextmanager
def on_disk(files: tuple[UploadFile, ...]) -> Iterator[list[Path]]:
    """The files under their own names, each in its own folder, within the block. Raises Invalid."""
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
        paths = []
        for number, each in enumerate(files):
            paths.append(written(each, Path(folder, str(number))))
            _look_at(paths[-1])
        yield paths


def written(file: UploadFile, folder: Path) -> Path:
    """Writes the file into this folder, under its own name. Returns its path."""
    folder.mkdir(exist_ok=True)
    path = folder / _name(file.filename or "")
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target)
    return path


def _look_at(path: Path) -> None:
    """Raises Invalid if the first bytes are not those of a picture. The functions check the rest."""
    with path.open("rb") as file:
        head = file.read(sniff.HEAD_BYTES)
    if not sniff.is_picture(head):
        raise Invalid(
            f"{path.name} is no picture", "Nothing was sent. Choose a PNG, a JPEG, a WebP or a photo of a phone"
        )


def _name(given: str) -> str:
    """The last part of a name that a browser sent, without characters that a file's name must not have."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    clean = "".join("_" if unicodedata.category(each) in ("Cc", "Cs") else each for each in last).strip(". ")
    stem, dot, ending = clean.rpartition(".")
    return f"{(stem or ending)[:80]}{dot if stem else ''}{ending[:16] if stem else ''}" or "picture"
