"""The form of a request: the fields of a message, a file or a line, and their faults in our own sentences."""

import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from darkroom.domain import keys
from darkroom.domain.validation import Faults, RuleError, Shape, array, mapping, optional, record, text, value, whole
from darkroom.errors import FieldFault, invalid

INSTRUCTION_CHARACTERS = 8000
MAX_IMAGES = 14
MAX_TURNS = 99_999  # a turn's number has five digits in a key
KEY_BYTES = 1024
REQUEST_ID = r"[A-Za-z0-9._:-]{1,128}"
CUSTOM_ID_CHARACTERS = 128
_ALIASES = {
    **dict.fromkeys(("prompt", "text", "words", "description", "caption"), "instruction"),
    **dict.fromkeys(("input", "message", "content"), "instruction"),
    **dict.fromkeys(("image", "image_url", "image_urls", "input_image", "picture", "pictures"), "images"),
    **dict.fromkeys(("photo", "photos", "file", "files", "source", "sources"), "images"),
    **dict.fromkeys(("thread", "conversation", "conversation_id"), "thread_id"),
    **dict.fromkeys(("parent", "parent_id"), "parent_turn"),
    **dict.fromkeys(("config", "parameters", "settings", "generation_config"), "options"),
}
_IDS = ("id", "key", "idempotency_key")
_INVISIBLE = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))
# Letters, marks and signs that show nothing either: fillers, variation selectors, the blank Braille pattern.
_WITHOUT_INK = (
    *((code, code) for code in (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)),
    *((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF)),
)


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A picture by its place in S3. Without a version it is the newest one."""

    bucket: str
    key: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """The fields of every request, wherever it comes from."""

    instruction: str
    thread_id: str | None = None
    images: list[ImageRef] | None = None
    parent_turn: int | None = None
    model: str | None = None
    options: dict[str, Any] | None = None
    metadata: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Body(Asking):
    """The body of a message to `RequestsQueue`. With `repairs`, it asks for nothing else."""

    request_id: str | None = None
    repairs: int | None = None


@dataclass(frozen=True, slots=True)
class Line(Asking):
    """A line of a batch file."""

    custom_id: str = ""


Form = TypeVar("Form", bound=Asking)


class RequestRules(NamedTuple):
    """The rules of a stack: the buckets that pictures may lie in, and the shapes of its dialect's options.

    `keeps_folders_apart`: an upload may name only threads and pictures of its own first folder.
    """

    buckets: Collection[str]
    options: Mapping[str, Shape]
    keeps_folders_apart: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a file with requests. `path` is its key including the last slash; relative keys start here."""

    bucket: str
    path: str

    def object(self, key: str) -> dict[str, str]:
        """The object at a relative key. Raises ValueError with a sentence that explains the fault."""
        if key.startswith("/") or "://" in key:
            raise ValueError("must be an `s3://bucket/key` URI, or a key relative to the file's own folder (`cat.jpg`)")
        segments = self.path.split("/")[:-1]
        for segment in key.split("/"):
            if segment == ".." and not segments:
                raise ValueError("leads out of the bucket: there are fewer folders above the file than `../` say")
            if segment == "..":
                segments.pop()
            elif segment != ".":
                segments.append(segment)
        if key.rpartition("/")[2] in ("", ".", ".."):
            raise ValueError("must name a picture, not a folder")
        return {"bucket": self.bucket, "key": "/".join(segments)}


def validated(
    form: type[Form],
    document: Mapping[str, Any],
    remedy: str,
    *,
    folder: Folder | None = None,
    options: Mapping[str, Shape] = MappingProxyType({}),
) -> Form:
    """The document in its form. Raises Rejected, with every fault.

    Pictures may lie relative to the `folder`. `options` are the shapes of the allowed options.
    """
    faults: Faults = []
    taken = _SHAPES[form](folder, options)("", {"instruction": ""} | dict(document), faults)
    if faults:
        raise invalid(faults, remedy)
    return form(**taken)


def can_be_seen(words: str) -> bool:
    """Whether the words show anything: a zero width space is no instruction."""
    return any(unicodedata.category(each) not in _INVISIBLE and _has_ink(ord(each)) for each in words)


def _has_ink(code: int) -> bool:
    return not any(first <= code <= last for first, last in _WITHOUT_INK)


def _instruction(given: Any) -> str:
    trimmed = given.strip() if isinstance(given, str) else given
    if isinstance(trimmed, str) and not can_be_seen(trimmed):
        raise ValueError("is required: say in words what to make or to change")
    return str(text(1, INSTRUCTION_CHARACTERS)(trimmed))


def _thread_id(given: Any) -> str:
    if not isinstance(given, str):
        raise RuleError("must be a string")
    return keys.thread_id(given)


def _request_id(given: Any) -> str:
    if not re.fullmatch(REQUEST_ID, text(0)(given)):
        raise ValueError("must be 1 to 128 of the characters A-Z a-z 0-9 . _ : -")
    return str(given)


def _custom_id(given: Any) -> str:
    """Accept a text or a number. A number becomes its text."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
    return str(text(1, CUSTOM_ID_CHARACTERS)(str(given) if is_number else given))


_IMAGE_OBJECT = record(
    {
        "bucket": value(text(3, 63)),
        "key": value(text(1, KEY_BYTES)),
        "version_id": optional(value(text(1, KEY_BYTES))),
    },
    required=("bucket", "key"),
)


def _options(shapes: Mapping[str, Shape]) -> Shape:
    """The options of a dialect. Null counts as not given."""
    whole_record = record(shapes)

    def read(field: str, given: Any, faults: Faults) -> dict[str, Any]:
        taken = whole_record(field, given, faults) or {}
        return {name: option for name, option in taken.items() if option is not None}

    return read


def _listed(shape: Shape) -> Shape:
    """A list. A single string counts as a list of one."""
    return lambda field, given, faults: shape(field, [given] if isinstance(given, str) else given, faults)


def _image(folder: Folder | None) -> Shape:
    """An object, an `s3://bucket/key` URI, or a key relative to a file's folder. Keys are raw, never URL-encoded."""

    def read(field: str, given: Any, faults: Faults) -> ImageRef | None:
        before = len(faults)
        named = value(lambda given: _place(given, folder))(field, given, faults)
        taken: Any = _IMAGE_OBJECT(field, named, faults) if len(faults) == before else None
        return ImageRef(**taken) if len(faults) == before else None

    return read


def _place(given: Any, folder: Folder | None) -> Any:
    if not isinstance(given, str):
        return given
    if folder and not given.startswith("s3://"):
        return folder.object(given)
    bucket, slash, key = given.removeprefix("s3://").partition("/")
    if not given.startswith("s3://") or not slash:
        raise ValueError("must be an `s3://bucket/key` URI; upload the picture to the uploads bucket first")
    return {"bucket": bucket, "key": key}


def _asking(folder: Folder | None, options: Mapping[str, Shape]) -> dict[str, Shape]:
    return {
        "instruction": value(_instruction),
        "thread_id": optional(value(_thread_id)),
        "images": optional(_listed(array(_image(folder), most=MAX_IMAGES))),
        "parent_turn": optional(value(whole(0, MAX_TURNS))),
        "model": optional(value(text(1, 256))),
        "options": optional(_options(options)),
        "metadata": optional(mapping(text(1, 64), value(text(0, 512)), most=16)),
    }


def _body(folder: Folder | None, options: Mapping[str, Shape]) -> Shape:
    """The shape of a message or a file. A file cannot ask to judge a turn again."""
    shapes = {**_asking(folder, options), "request_id": optional(value(_request_id))}
    asked = record(shapes, aliases=_aliases(options, "request_id", "custom_id"))

    def read(field: str, given: dict[str, Any], faults: Faults) -> Any:
        return (_repair if folder is None and "repairs" in given else asked)(field, given, faults)

    return read


def _repair(field: str, given: dict[str, Any], faults: Faults) -> Any:
    """The shape of a message with `repairs`. The turn has its own words and pictures."""
    told = {"thread_id": optional(value(_thread_id)), "request_id": optional(value(_request_id))}
    beside = sorted(name for name in _asking(None, {}).keys() - told.keys() if given.get(name))
    faults += [FieldFault(name, "must not stand beside `repairs`: the turn has its own") for name in beside]
    alone = {name: said for name, said in given.items() if name not in (*beside, "instruction")}
    taken = record({"repairs": value(whole(1, MAX_TURNS)), **told})(field, alone, faults)
    return {"instruction": "", **taken}


def _line(folder: Folder | None, options: Mapping[str, Shape]) -> Shape:
    shapes = {**_asking(folder, options), "custom_id": value(_custom_id)}
    return record(shapes, required=("custom_id",), aliases=_aliases(options, "custom_id", "request_id"))


def _aliases(options: Mapping[str, Shape], own_id: str, other_id: str) -> dict[str, str]:
    """Other names that people use for the fields, and options that stand beside the fields."""
    beside = {name: f"options.{name}" for name in options}
    return {**_ALIASES, **beside, **dict.fromkeys((*_IDS, other_id), own_id)}


_SHAPES: Mapping[type[Asking], Any] = {Body: _body, Line: _line}
