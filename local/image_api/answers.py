"""The answers of the stand-in, good and bad, in the forms that the image API uses."""

import base64
import io
import json
import time
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

ERRORS = {
    "401": (401, "无效的令牌 (invalid token)"),
    "402": (402, "insufficient balance, please top up"),
    "429": (429, "rate limit reached, please slow down"),
    "500": (500, "internal server error"),
    "503": (503, "the upstream is overloaded, please try again later"),
}
GATEWAY_PAGE = (
    b"<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>"
)
SIGNATURE = "Image part is missing a thought_signature in content position 2, part position 2"
BLOCKED = "request blocked by the content policy"


class Rejected(Exception):
    """The call is refused; nothing was made. `status` is both the HTTP status and the envelope's code."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status


@dataclass
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    sent_share: float = 1.0
    """Of the body, what is sent before the connection is closed."""


def as_json(status: int, content: object, **headers: str) -> Answer:
    return Answer(status, json.dumps(content, ensure_ascii=False).encode(), headers=headers)


def envelope(entries: list[dict[str, str]]) -> dict[str, Any]:
    return {"code": 200, "msg": "操作成功", "data": {"data": entries, "created": int(time.time())}}


def refusal(status: int, message: str, **headers: str) -> Answer:
    return as_json(status, {"code": status, "msg": message, "data": None}, **headers)


def new_api_error(status: int, message: str, code: str, request_id: str) -> Answer:
    said = f"{message} (request id: {request_id})"
    return as_json(status, {"error": {"message": said, "type": "new_api_error", "code": code}})


def oddity(name: str, request_id: str) -> Answer | None:
    """Answers that hold no picture, or none that is of use."""
    junk = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"not a picture " * 40).decode()
    entry = {"url": "", "b64_json": "", "revised_prompt": ""}
    oddities = {
        "504": Answer(504, GATEWAY_PAGE, "text/html"),
        "refusal": new_api_error(400, BLOCKED, "prompt_blocked", request_id),
        "text": as_json(200, envelope([{**entry, "revised_prompt": "I cannot draw that. What else may I do?"}])),
        "none": as_json(200, envelope([])),
        "garbage": as_json(200, envelope([{**entry, "b64_json": junk}])),
        "plain": as_json(200, envelope([{**entry, "b64_json": base64.b64encode(_plain()).decode()}])),
    }
    return oddities.get(name)


def _plain() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (1024, 1024), "teal").save(target, "PNG")
    return target.getvalue()
