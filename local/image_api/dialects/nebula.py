"""`nebula`: `POST /v1/images/generations` of https://docs.openai-nebula.com, and its answers."""

import base64
import hmac
import re
import time
from collections.abc import Mapping
from typing import Any

from local.image_api.answers import BLOCKED, Answer, as_json
from local.image_api.dialect import Dialect, Keep, Made, Problem
from local.image_api.dialects import nebula_call
from local.image_api.generation import Generation


def is_authorised(headers: Mapping[str, str], key: str) -> bool:
    given = headers.get("authorization", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, f"Bearer {key}".encode())


def answer(generation: Generation, made: Made, keep: Keep) -> Answer:
    """The documented envelope. If there are only words, they are in an item without a picture."""
    entries = [_entry(generation, made, picture, keep) for picture in made.pictures]
    if not entries and made.words:
        entries = [{"url": "", "b64_json": "", "revised_prompt": made.words}]
    return as_json(200, envelope(entries))


def _entry(generation: Generation, made: Made, picture: bytes, keep: Keep) -> dict[str, str]:
    as_url = generation.response_format == "url"
    url = keep(picture, made.media_type) if as_url else ""
    b64_json = "" if as_url else base64.b64encode(picture).decode()
    return {"url": url, "b64_json": b64_json, "revised_prompt": made.words}


def envelope(entries: list[dict[str, str]]) -> dict[str, Any]:
    return {"code": 200, "msg": "操作成功", "data": {"data": entries, "created": int(time.time())}}


def refusal(status: int, message: str, **headers: str) -> Answer:
    return as_json(status, {"code": status, "msg": message, "data": None}, **headers)


def problem(met: Problem, request_id: str) -> Answer:
    if met.name == "model":
        return _new_api_error(503, met.message, "model_not_found", request_id)
    if met.name == "refusal":
        return _new_api_error(400, BLOCKED, "prompt_blocked", request_id)
    return refusal(met.status, met.message, **({"Retry-After": met.retry_after} if met.retry_after else {}))


def _new_api_error(status: int, message: str, code: str, request_id: str) -> Answer:
    said = f"{message} (request id: {request_id})"
    return as_json(status, {"error": {"message": said, "type": "new_api_error", "code": code}})


def models(names: tuple[str, ...]) -> Answer:
    listed = [{"id": model, "object": "model", "created": 1757320007, "owned_by": "stand-in"} for model in names]
    return as_json(200, {"object": "list", "data": listed, "success": True})


NEBULA = Dialect(
    path=re.compile("/v1/images/generations"),
    models_path="/v1/models",
    is_authorised=is_authorised,
    described=nebula_call.described,
    read=nebula_call.read,
    answer=answer,
    problem=problem,
    models=models,
)
