"""A call to the image API, read strictly: it becomes a `Generation`, or is `Rejected`."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from local.generation_options import Rejected, read_options

MAX_IMAGE_BYTES = 7 * 1024 * 1024
MAX_BODY_BYTES = 20 * 1024 * 1024
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)

FetchOwn = Callable[[str], bytes | None]
"""The bytes behind a URL that this server gave out itself, or None."""


@dataclass(frozen=True)
class Picture:
    media_type: str
    content: bytes

    def opened(self) -> Image.Image:
        return Image.open(BytesIO(self.content))


@dataclass(frozen=True)
class Turn:
    role: str
    parts: tuple[str | Picture, ...]

    @property
    def text(self) -> str:
        return "\n".join(part for part in self.parts if isinstance(part, str))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(part for part in self.parts if isinstance(part, Picture))


@dataclass(frozen=True)
class Generation:
    """A valid call. `images` are those at the top level, beside `prompt`."""

    model: str
    prompt: str
    turns: tuple[Turn, ...]
    images: tuple[Picture, ...]
    response_format: str
    options: dict[str, Any]

    @property
    def instruction(self) -> str:
        return (self.turns[-1].text if self.turns else "") or self.prompt

    @property
    def newest_picture(self) -> Picture | None:
        pictures = [picture for turn in self.turns for picture in turn.pictures] + list(self.images)
        return pictures[-1] if pictures else None

    @property
    def model_showed_a_picture(self) -> bool:
        return any(turn.pictures for turn in self.turns if turn.role == "model")


def read_generation(body: bytes, fetch_own: FetchOwn) -> Generation:
    """Raises `Rejected` with a sentence that names the field."""
    call = parsed(body)
    prompt = _text(call, "prompt")
    images = tuple(_picture(uri, where, fetch_own) for where, uri in _flat_images(call))
    turns = _turns(call["contents"], fetch_own) if call.get("contents") is not None else ()
    generation = Generation(_model(call), prompt, turns, images, _response_format(call), read_options(call))
    if not generation.instruction.strip():
        raise Rejected("prompt or contents: at least one must be given, and the last user turn must hold a text")
    return generation


def parsed(body: bytes) -> dict[str, Any]:
    try:
        call = json.loads(body)
    except ValueError as error:
        raise Rejected(f"the body is not JSON: {error}") from error
    if not isinstance(call, dict):
        raise Rejected("the body must be a JSON object")
    return call


def _model(call: dict[str, Any]) -> str:
    model = _text(call, "model").strip()
    if not model:
        raise Rejected("model: must be a non-empty string")
    return model


def _text(call: dict[str, Any], field: str) -> str:
    value = call.get(field)
    if not isinstance(value, str | None):
        raise Rejected(f"{field}: must be a string")
    return value or ""


def _response_format(call: dict[str, Any]) -> str:
    wanted = _text(call, "response_format") or "url"
    if wanted not in ("url", "b64_json"):
        raise Rejected(f"response_format: must be url or b64_json, not {wanted!r}")
    return wanted


def _flat_images(call: dict[str, Any]) -> list[tuple[str, Any]]:
    listed = call.get("images") or []
    if not isinstance(listed, list):
        raise Rejected("images: must be a list of strings")
    single = [("image", call["image"])] if call.get("image") is not None else []
    return single + [(f"images[{i}]", uri) for i, uri in enumerate(listed)]


def _turns(contents: object, fetch_own: FetchOwn) -> tuple[Turn, ...]:
    if not isinstance(contents, list) or not contents:
        raise Rejected("contents: must be a non-empty list of turns")
    turns = tuple(_turn(turn, f"contents[{i}]", fetch_own) for i, turn in enumerate(contents))
    if turns[-1].role != "user":
        raise Rejected("contents: the last turn must be the user's")
    return turns


def _turn(turn: object, where: str, fetch_own: FetchOwn) -> Turn:
    if not isinstance(turn, dict):
        raise Rejected(f"{where}: must be an object with role and parts")
    if turn.get("role") not in ("user", "model"):
        raise Rejected(f"{where}.role: must be user or model, not {turn.get('role')!r}")
    parts = turn.get("parts")
    if not isinstance(parts, list) or not parts:
        raise Rejected(f"{where}.parts: must be a non-empty list")
    read = tuple(_part(part, f"{where}.parts[{i}]", fetch_own) for i, part in enumerate(parts))
    return Turn(turn["role"], read)


def _part(part: object, where: str, fetch_own: FetchOwn) -> str | Picture:
    if not isinstance(part, dict) or set(part) not in ({"text"}, {"image"}):
        raise Rejected(f"{where}: must hold exactly one of text and image")
    if "image" in part:
        return _picture(part["image"], f"{where}.image", fetch_own)
    if not isinstance(part["text"], str) or not part["text"].strip():
        raise Rejected(f"{where}.text: must be a non-empty string")
    return str(part["text"])


def _picture(uri: object, where: str, fetch_own: FetchOwn) -> Picture:
    if not isinstance(uri, str):
        raise Rejected(f"{where}: must be a string, a data URI or an http(s) URL")
    if uri.startswith(("http://", "https://")):
        content = fetch_own(uri)
        if content is None:
            raise Rejected(f"{where}: this stand-in fetches no URLs but those it gave out itself; send a data URI")
        return Picture(_told_by_bytes(content, where), content)
    return _inline_picture(uri, where)


def _inline_picture(uri: str, where: str) -> Picture:
    match = DATA_URI.fullmatch(uri)
    if not match:
        raise Rejected(f"{where}: must be a full data URI (data:image/png;base64,…) or a public http(s) URL")
    media_type, encoded = match.groups()
    if media_type not in MEDIA_TYPES.values():
        raise Rejected(f"{where}: media type must be one of {', '.join(MEDIA_TYPES.values())}, not {media_type}")
    content = _decoded(encoded, where)
    if (actual := _told_by_bytes(content, where)) != media_type:
        raise Rejected(f"{where}: is labelled {media_type}, but its bytes are {actual}")
    return Picture(media_type, content)


def _decoded(encoded: str, where: str) -> bytes:
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected(f"{where}: is not valid base64: {error}") from error
    if len(content) > MAX_IMAGE_BYTES:
        raise Rejected(f"{where}: has {len(content)} bytes, more than the {MAX_IMAGE_BYTES} allowed")
    return content


def _told_by_bytes(content: bytes, where: str) -> str:
    try:
        with Image.open(BytesIO(content), formats=tuple(MEDIA_TYPES)) as picture:
            picture.load()
            return MEDIA_TYPES[picture.format or ""]
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        KeyError,
        Image.DecompressionBombError,
    ) as error:
        raise Rejected(f"{where}: cannot be decoded as a PNG, JPEG or WEBP picture") from error
