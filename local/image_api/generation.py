"""A call to the image API, read strictly: it becomes a `Generation`, or is `Rejected`."""

import json
from dataclasses import dataclass
from typing import Any

from local.image_api.answers import Rejected
from local.image_api.options import read_options
from local.image_api.picture import FetchOwn, Picture, read_picture


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
    images = tuple(read_picture(uri, where, fetch_own) for where, uri in _flat_images(call))
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
        return read_picture(part["image"], f"{where}.image", fetch_own)
    if not isinstance(part["text"], str) or not part["text"].strip():
        raise Rejected(f"{where}.text: must be a non-empty string")
    return str(part["text"])
