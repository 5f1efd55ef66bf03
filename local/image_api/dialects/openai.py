"""`openai`: `POST /v1/images/generations` and `/v1/images/edits` of OpenAI, and their answers."""

import base64
import hmac
import io
import re
import time
from collections.abc import Mapping
from typing import Any

from PIL import Image

from local.image_api.answers import BLOCKED, Answer, as_json
from local.image_api.dialect import Dialect, Keep, Made, Problem
from local.image_api.dialects import openai_call
from local.image_api.generation import Generation

PIXELS_A_TOKEN = 750
_INVALID = "invalid_request_error"
_STATED: Mapping[str, tuple[int, str, str | None, str]] = {
    "401": (401, _INVALID, "invalid_api_key", "Incorrect API key provided."),
    "402": (400, "billing_limit_user_error", "billing_hard_limit_reached", "Billing hard limit has been reached."),
    "429": (429, "requests", "rate_limit_exceeded", "Rate limit reached on images per min. Please try again later."),
    "500": (500, "server_error", None, "The server had an error while processing your request. Sorry about that!"),
    "503": (503, "server_error", None, "The engine is currently overloaded, please try again later."),
    "refusal": (400, "image_generation_user_error", "moderation_blocked", f"Your {BLOCKED}."),
    "model": (404, _INVALID, "model_not_found", "The model does not exist or you do not have access to it."),
}


def answer(generation: Generation, made: Made, _: Keep) -> Answer:
    """The documented answer, with Base64 and the usage. If there are only words, they are an item without a picture."""
    items: list[dict[str, str]] = [{"b64_json": base64.b64encode(picture).decode()} for picture in made.pictures]
    if not items and made.words:
        items = [{"revised_prompt": made.words}]
    options, sizes = generation.options, [_size(picture) for picture in made.pictures]
    told = {
        "created": int(time.time()),
        "background": options.get("background", "opaque"),
        "output_format": options.get("output_format", "png"),
        "quality": options.get("quality", "medium"),
        "size": "x".join(map(str, sizes[0])) if sizes else "1024x1024",
        "data": items,
        "usage": _usage(generation, sizes),
    }
    return as_json(200, told)


def _size(picture: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            return opened.size
    except OSError:  # the fault `garbage`
        return 0, 0


def _usage(generation: Generation, made: list[tuple[int, int]]) -> dict[str, Any]:
    """The used tokens, by the numbers of characters and pixels."""
    text = len(generation.prompt) // 4 + 1
    seen = sum(_tokens(picture.opened().size) for picture in generation.images)
    drawn = sum(map(_tokens, made))
    return {
        "input_tokens": text + seen,
        "input_tokens_details": {"image_tokens": seen, "text_tokens": text},
        "output_tokens": drawn,
        "output_tokens_details": {"image_tokens": drawn, "text_tokens": 0},
        "total_tokens": text + seen + drawn,
    }


def _tokens(size: tuple[int, int]) -> int:
    return size[0] * size[1] // PIXELS_A_TOKEN


def problem(met: Problem, _: str) -> Answer:
    status, kind, code, message = _STATED.get(met.name) or _invalid(met)
    named = re.match(r"([a-z_]+): ", met.message) if met.name == "invalid" else None
    error = {"message": message, "type": kind, "param": named and named[1], "code": code}
    return as_json(status, {"error": error}, **({"Retry-After": met.retry_after} if met.retry_after else {}))


def _invalid(met: Problem) -> tuple[int, str, str | None, str]:
    """The status, type, code and message of the error for an invalid call."""
    code = "invalid_value"
    if openai_call.UNKNOWN in met.message:
        code = "unknown_parameter"
    elif openai_call.MISSING in met.message:
        code = "missing_required_parameter"
    return met.status, _INVALID, code, met.message


def is_authorised(headers: Mapping[str, str], key: str) -> bool:
    given = headers.get("authorization", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, f"Bearer {key}".encode())


def models(names: tuple[str, ...]) -> Answer:
    listed = [{"id": model, "object": "model", "created": 1757320007, "owned_by": "stand-in"} for model in names]
    return as_json(200, {"object": "list", "data": listed})


OPENAI = Dialect(
    path=re.compile("/v1/images/(generations|edits)"),
    models_path="/v1/models",
    is_authorised=is_authorised,
    described=openai_call.described,
    read=openai_call.read,
    answer=answer,
    problem=problem,
    models=models,
    is_own=openai_call.is_own,
    id_header="X-Request-Id",
)
