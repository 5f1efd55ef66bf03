"""The answers of the stand-in in all dialects, and the errors if it makes nothing."""

import json
from dataclasses import dataclass, field

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
QUESTION = "I cannot draw that. What else may I do?"


class Rejected(Exception):
    """The call is refused, and nothing was made. `status` is the HTTP status."""

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
    """The share of the body that is sent before the connection is closed."""


def as_json(status: int, content: object, **headers: str) -> Answer:
    return Answer(status, json.dumps(content, ensure_ascii=False).encode(), headers=headers)
