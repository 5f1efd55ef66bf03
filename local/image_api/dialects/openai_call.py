"""Reads a call of the dialect `openai` strictly, and describes it for the list of calls.

A message about a parameter begins with its name, because the error names it as `param`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.image_api.answers import Rejected
from local.image_api.calls import picture_described
from local.image_api.dialect import Call
from local.image_api.form import Field, read_form
from local.image_api.generation import Generation, parsed
from local.image_api.picture import FetchOwn, Picture, told_by_bytes

EDITS = "/v1/images/edits"
MAX_PROMPT_CHARACTERS = 32_000
MAX_PICTURES = 16
MAX_PICTURE_BYTES = 50_000_000
PICTURES = ("image", "image[]")
UNKNOWN, MISSING = "is not a known parameter", "is required"

Options = dict[str, Any]


def is_own(call: Call) -> bool:
    """Whether the call is in this dialect. At a path shared with another dialect, the model decides."""
    if call.path == EDITS:
        return True
    try:
        return str(parsed(call.body).get("model")).startswith(("gpt-image-", "dall-e-"))
    except Rejected:
        return False


def read(call: Call, _: FetchOwn) -> Generation:
    """The generation that a call asks for. Raises `Rejected` with a message that names the parameter."""
    said, pictures = _said(call)
    model, prompt = _text(said, "model"), _text(said, "prompt")
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise Rejected(f"prompt: must have at most {MAX_PROMPT_CHARACTERS} characters")
    options = _options(said, is_edit=call.path == EDITS)
    return Generation(model, prompt, (), pictures, "b64_json", options)


def _said(call: Call) -> tuple[dict[str, Any], tuple[Picture, ...]]:
    """The parameters except the pictures, and the pictures."""
    if call.path != EDITS:
        if call.headers.get("content-type") != "application/json":
            raise Rejected("the body must be application/json")
        return parsed(call.body), ()
    fields = read_form(call.headers.get("content-type", ""), call.body)
    files = [field for field in fields if field.name in PICTURES]
    if not files:
        raise Rejected(f"image: {MISSING}")
    if len(files) > MAX_PICTURES:
        raise Rejected(f"image: must be at most {MAX_PICTURES} files")
    texts = [field for field in fields if field.name not in PICTURES]
    for field in texts:
        if sum(field.name == other.name for other in texts) > 1:
            raise Rejected(f"{field.name}: must stand there once")
    return {field.name: _number_or_text(field) for field in texts}, tuple(map(_picture, files))


def _number_or_text(field: Field) -> Any:
    if field.filename:
        raise Rejected(f"{field.name}: must not be a file")
    text = field.content.decode()
    return int(text) if field.name in _NUMBERS and re.fullmatch(r"-?\d{1,9}", text) else text


def _picture(field: Field) -> Picture:
    if not field.filename or not field.media_type:
        raise Rejected("image: must be a file with a name and a type")
    if len(field.content) >= MAX_PICTURE_BYTES:
        raise Rejected("image: must have less than 50 MB")
    if (actual := told_by_bytes(field.content, "image")) != field.media_type:
        raise Rejected(f"image: is labelled {field.media_type}, but its bytes are {actual}")
    return Picture(actual, field.content)


def _text(said: Mapping[str, Any], name: str) -> str:
    text = said.get(name)
    if not isinstance(text, str) or not text.strip():
        raise Rejected(f"{name}: {MISSING}" if text in (None, "") else f"{name}: must be a string with something in it")
    return text


def _is_size(value: object) -> bool:
    found = re.fullmatch(r"([1-9]\d{1,3})x([1-9]\d{1,3})", value) if isinstance(value, str) else None
    if not found:
        return value == "auto"
    sides = int(found[1]), int(found[2])
    is_whole = all(side % 16 == 0 for side in sides)
    return is_whole and max(sides) <= min(3 * min(sides), 3840) and sides[0] * sides[1] <= 3840 * 2160


def _is_whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_one_of(*known: str) -> Callable[[Any], bool]:
    return lambda value: value in known


def _is_name(value: object) -> bool:
    return isinstance(value, str)


_NUMBERS = ("n", "output_compression")
_OF_BOTH: Mapping[str, Callable[[Any], bool]] = {
    "size": _is_size,
    "quality": _is_one_of("auto", "low", "medium", "high", "xhigh", "max"),
    "n": _is_whole(1, 10),
    "background": _is_one_of("auto", "opaque", "transparent"),
    "output_format": _is_one_of("png", "jpeg", "webp"),
    "output_compression": _is_whole(0, 100),
    "user": _is_name,
    "safety_identifier": _is_name,
}
_OF_EDITS = {"input_fidelity": _is_one_of("low", "high")}
_OF_GENERATIONS = {"moderation": _is_one_of("auto", "low")}


def _options(said: Mapping[str, Any], *, is_edit: bool) -> Options:
    known = {**_OF_BOTH, **(_OF_EDITS if is_edit else _OF_GENERATIONS)}
    given = {name: value for name, value in said.items() if name not in ("model", "prompt")}
    for name, value in given.items():
        if name not in known:
            raise Rejected(f"{name}: {UNKNOWN}")
        if not known[name](value):
            raise Rejected(f"{name}: must not be {value!r}")
    options: Options = {name: value for name, value in given.items() if value != "auto"}
    options["mime_type"] = f"image/{given.get('output_format', 'png')}"
    if "size" in options:
        options["pixels"] = tuple(map(int, options["size"].split("x")))
    return options


def described(call: Call) -> dict[str, Any]:
    """A call as the list of calls shows it, valid or not."""
    said, pictures = ({}, []) if call.path == EDITS else (parsed(call.body), [])
    if call.path == EDITS:
        fields = read_form(call.headers.get("content-type", ""), call.body)
        said = {field.name: field.content.decode(errors="replace") for field in fields if not field.filename}
        pictures = [picture_described(str(field.media_type), field.content) for field in fields if field.filename]
    known = {"model", "prompt", *_OF_BOTH, *_OF_EDITS, *_OF_GENERATIONS}
    return {
        "model": said.get("model"), "prompt": said.get("prompt"), "images": pictures,
        "options": {name: value for name, value in said.items() if name in known - {"model", "prompt"}},
        "ignored": sorted(said.keys() - known),
    }  # fmt: skip
