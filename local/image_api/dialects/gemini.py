"""`gemini`: `POST /v1beta/models/<model>:generateContent` of Google's API, and its answers.

Each picture comes with a `thoughtSignature`. Like the real API, the stand-in demands it back on the same part, with the
same model.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from local.image_api.answers import Answer, Rejected, as_json
from local.image_api.calls import picture_described
from local.image_api.dialect import Call, Dialect, Keep, Made, Problem
from local.image_api.generation import Generation, Turn, parsed
from local.image_api.options import read_options
from local.image_api.picture import FetchOwn, Picture, inline_picture

PATH = re.compile(r"/(?:v1|v1beta)/models/([A-Za-z0-9._-]+):generateContent")
CALL_FIELDS = {"contents", "generationConfig", "systemInstruction", "safetySettings", "tools", "toolConfig"}
OPTIONS = {"aspectRatio": "aspect_ratio", "imageSize": "image_size"}
STATUSES = {
    400: "INVALID_ARGUMENT", 401: "INVALID_ARGUMENT", 402: "FAILED_PRECONDITION", 404: "NOT_FOUND",
    413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip
MESSAGES = {
    "401": "API key not valid. Please pass a valid API key.",
    "402": "Your prepayment credits are depleted.",
    "429": "You exceeded your current quota, please check your plan and billing details.",
    "500": "An internal error has occurred. Please retry.",
    "503": "The model is overloaded. Please try again later.",
}
RPC = "type.googleapis.com/google.rpc."


def is_authorised(headers: Mapping[str, str], key: str) -> bool:
    given = headers.get("x-goog-api-key", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, key.encode())


def read(call: Call, _: FetchOwn) -> Generation:
    """The generation that a call asks for. Raises `Rejected` with a message that names the field."""
    document, model = parsed(call.body), _model(call)
    if unknown := sorted(document.keys() - CALL_FIELDS):
        raise Rejected(f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')
    turns = _turns(document.get("contents"), model)
    options, prompt = _options(document.get("generationConfig", {})), turns[-1].text
    if not prompt.strip():
        raise Rejected("contents: the last turn must hold a text")
    return Generation(model, prompt, turns, (), "b64_json", options)


def _model(call: Call) -> str:
    match = PATH.fullmatch(call.path)
    return match[1] if match else ""


def _options(config: object) -> dict[str, Any]:
    if not isinstance(config, dict):
        raise Rejected("generationConfig: must be an object")
    if unknown := sorted(config.keys() - {"responseModalities", "imageConfig", "temperature", "topP"}):
        raise Rejected(f"generationConfig: Unknown name {unknown[0]!r}: Cannot find field.")
    picture = config.get("imageConfig") or {}
    if unknown := sorted(picture.keys() - OPTIONS.keys()):
        raise Rejected(f"generationConfig.imageConfig: Unknown name {unknown[0]!r}: Cannot find field.")
    modalities = config.get("responseModalities") or ["TEXT", "IMAGE"]
    if "IMAGE" not in modalities:
        raise Rejected("generationConfig.responseModalities: IMAGE must be among them")
    named = {name: picture.get(theirs) for theirs, name in OPTIONS.items()}
    rest = {"temperature": config.get("temperature"), "top_p": config.get("topP"), "response_modalities": modalities}
    return read_options(named | rest)


def _turns(contents: object, model: str) -> tuple[Turn, ...]:
    if not isinstance(contents, list) or not contents or not all(isinstance(each, dict) for each in contents):
        raise Rejected("contents: must be a non-empty list of turns")
    turns = tuple(_turn(turn, position, model) for position, turn in enumerate(contents))
    if turns[-1].role != "user":
        raise Rejected("Please ensure that multiturn requests end with a user role.")
    return turns


def _turn(turn: dict[str, Any], position: int, model: str) -> Turn:
    role, parts = turn.get("role", "user"), turn.get("parts")
    if role not in ("user", "model"):
        raise Rejected("Please use a valid role: user, model.")
    if not isinstance(parts, list) or not parts:
        raise Rejected(f"contents[{position}].parts: contents.parts must not be empty")
    read = [_part(part, f"contents[{position}].parts[{number}]") for number, part in enumerate(parts)]
    for number, (part, found) in enumerate(zip(parts, read, strict=True)):
        if role == "model" and isinstance(found, Picture):
            _assert_signed(part, model, f"content position {position + 1}, part position {number + 1}")
    return Turn(role, tuple(read))


def _part(part: object, where: str) -> str | Picture:
    if not isinstance(part, dict) or part.keys() - {"thoughtSignature", "thought"} not in ({"text"}, {"inlineData"}):
        raise Rejected(f"{where}: must hold exactly one of text and inlineData")
    if isinstance(part.get("text"), str):
        return str(part["text"])
    inline = part.get("inlineData")
    if not isinstance(inline, dict) or not isinstance(inline.get("data"), str):
        raise Rejected(f"{where}.inlineData: must hold mimeType and data")
    return inline_picture(_media_type(inline), inline["data"].translate(str.maketrans("-_", "+/")), where)


def _media_type(inline: dict[str, Any]) -> str:
    """The media type of inline data. Google accepts the JSON name of the field, and the original name (`mime_type`)."""
    return str(inline.get("mimeType") or inline.get("mime_type"))


def _assert_signed(part: dict[str, Any], model: str, where: str) -> None:
    """Raises Rejected if a picture lacks the model's signature. The picture may differ, as it may have been shrunk."""
    given = part.get("thoughtSignature")
    if not given:
        raise Rejected(f"Image part is missing a thought_signature in {where}.")
    if not str(given).startswith(_signature(model, b"")[:24]):
        raise Rejected(f"Thought signature is not valid in {where}.")


def _signature(model: str, content: bytes) -> str:
    """An opaque signature: the hash of the model, and the hash of the picture."""
    return base64.b64encode(hashlib.sha256(model.encode()).digest()[:18] + hashlib.sha256(content).digest()).decode()


def described(call: Call) -> dict[str, Any]:
    """A call as the list of calls shows it, valid or not."""
    document = parsed(call.body)
    contents = document.get("contents")
    return {
        "model": _model(call),
        "options": document.get("generationConfig"),
        "contents": [_turn_described(turn) for turn in contents] if isinstance(contents, list) else None,
    }


def _turn_described(turn: object) -> object:
    parts = turn.get("parts") if isinstance(turn, dict) else None
    if not isinstance(turn, dict) or not isinstance(parts, list):
        return None
    return {"role": turn.get("role"), "parts": [_part_described(part) for part in parts]}


def _part_described(part: object) -> object:
    inline = part.get("inlineData") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(inline, dict):
        return part
    rest = {name: value for name, value in part.items() if name != "inlineData"}
    try:
        content = base64.b64decode(str(inline.get("data")).translate(str.maketrans("-_", "+/")))
    except ValueError:
        return {**rest, "image": picture_described(_media_type(inline), None)}
    return {**rest, "image": picture_described(_media_type(inline), content)}


def answer(generation: Generation, made: Made, _: Keep) -> Answer:
    """A candidate with its parts. A thought precedes each picture, as with the thinking models."""
    parts: list[dict[str, Any]] = [{"text": made.words}] if made.words else []
    for picture in made.pictures:
        inline = {"mimeType": made.media_type, "data": base64.b64encode(picture).decode()}
        parts += [{"text": "First I lay out the scene.", "thought": True}]
        parts += [{"inlineData": inline, "thoughtSignature": _signature(generation.model, picture)}]
    reason = "STOP" if parts else "NO_IMAGE"
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0}
    usage = {"promptTokenCount": 12, "candidatesTokenCount": 1290 * len(made.pictures)}
    usage["totalTokenCount"] = sum(usage.values())
    told = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": generation.model}
    return as_json(200, {**told, "responseId": hashlib.sha256(repr(parts).encode()).hexdigest()[:22]})


def problem(met: Problem, request_id: str) -> Answer:
    """The answer to a problem. In this dialect a refusal has status 200; all others are errors with details."""
    if met.name == "refusal":
        feedback = {"blockReason": "PROHIBITED_CONTENT"}
        return as_json(200, {"promptFeedback": feedback, "responseId": request_id, "modelVersion": "stand-in"})
    status = 400 if met.status in (402, 413) or met.name == "401" else met.status
    message = MESSAGES.get(met.name, met.message)
    if met.name == "model":
        message = f"models/{met.model} is not found for API version v1beta, or is not supported for generateContent."
    error = {"code": status, "message": message, "status": STATUSES.get(met.status, "UNKNOWN")}
    if details := _details(met):
        error["details"] = details
    return as_json(status, {"error": error})


def _details(met: Problem) -> list[dict[str, Any]]:
    if met.name == "401":
        return [{"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
    if met.retry_after:
        return [{"@type": f"{RPC}RetryInfo", "retryDelay": f"{met.retry_after}s"}]
    return []


def models(names: tuple[str, ...]) -> Answer:
    listed = [{"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]} for name in names]
    return as_json(200, {"models": listed})


GEMINI = Dialect(
    path=PATH,
    models_path="/v1beta/models",
    is_authorised=is_authorised,
    described=described,
    read=read,
    answer=answer,
    problem=problem,
    models=models,
)
