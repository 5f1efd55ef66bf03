"""Reads a call of the dialect `nebula` strictly, and describes it for the list of calls."""

import base64
from typing import Any

from local.image_api.answers import Rejected
from local.image_api.calls import picture_described
from local.image_api.dialect import Call
from local.image_api.generation import Generation, Turn, parsed
from local.image_api.options import OPTIONS, read_options
from local.image_api.picture import DATA_URI, FetchOwn, Picture, read_picture


def read(call: Call, fetch_own: FetchOwn) -> Generation:
    """The generation that a call asks for. Raises `Rejected` with a message that names the field."""
    document = parsed(call.body)
    prompt = _text(document, "prompt")
    images = tuple(read_picture(uri, where, fetch_own) for where, uri in _flat_images(document))
    turns = _turns(document["contents"], fetch_own) if document.get("contents") is not None else ()
    generation = Generation(_model(document), prompt, turns, images, _response_format(document), read_options(document))
    if not generation.instruction.strip():
        raise Rejected("prompt or contents: at least one must be given, and the last user turn must hold a text")
    return generation


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


def described(called: Call) -> dict[str, Any]:
    """A call as the list of calls shows it, valid or not."""
    call = parsed(called.body)
    known = {"model", "prompt", "response_format"}
    shown: dict[str, Any] = {name: call.get(name) for name in sorted(known)}
    shown["options"] = {name: call[name] for name in OPTIONS if name in call}
    shown["contents"] = _contents_described(call.get("contents"))
    listed = call.get("images")
    flat = [call.get("image"), *(listed if isinstance(listed, list) else [])]
    shown["images"] = [_image_described(uri) for uri in flat if uri is not None]
    shown["ignored"] = sorted(set(call) - known - set(OPTIONS) - {"contents", "image", "images"})
    return shown


def _contents_described(contents: object) -> object:
    if not isinstance(contents, list):
        return None
    return [
        {"role": turn.get("role"), "parts": [_part_described(part) for part in turn.get("parts") or []]}
        for turn in contents
        if isinstance(turn, dict) and isinstance(turn.get("parts"), list | None)
    ]


def _part_described(part: object) -> object:
    if not isinstance(part, dict) or "image" not in part:
        return part
    return {**part, "image": _image_described(part["image"])}


def _image_described(uri: object) -> object:
    match = DATA_URI.fullmatch(uri) if isinstance(uri, str) else None
    if not match:
        return {"url": str(uri)[:200]}
    try:
        return picture_described(match[1], base64.b64decode(match[2]))
    except ValueError:
        return picture_described(match[1], None)
