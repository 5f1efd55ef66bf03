"""Responses of an image API, and the pictures of the scenario. All of them are fixed bytes."""

import json
from base64 import b64decode, b64encode

from tests.pictures.making import FILES
from tests.unit.servers import http

# 32 x 24 pixels in red. The bytes are fixed, because another version of an encoder may write others.
PNG_BASE64 = (
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAYCAIAAAAUMWhjAAAAJElEQVR42mP8z0BbwMQwasGoBaMWjFowasGoBaMWjFowJCwA"
    "APHIAS+0z0eXAAAAAElFTkSuQmCC"
)
PNG = b64decode(PNG_BASE64)
SCAN, DEEP, INKS = ((FILES / name).read_bytes() for name in ("scan.tif", "deep.png", "inks.jpg"))


def response(status: int, document: object, **headers: str) -> bytes:
    """A response with every header that Darkroom keeps."""
    named = {
        "content_type": "application/json", "date": "Sun, 29 Nov 2026 12:00:00 GMT",
        "x_oneapi_request_id": "provider-1", "x_request_id": "provider-2",
    }  # fmt: skip
    return http(status, json.dumps(document).encode(), None, **named, **headers)


PICTURE = response(200, {"code": 200, "data": {"data": [{"b64_json": PNG_BASE64, "revised_prompt": "red"}]}})
CUT_OFF = http(200, b"{", length=4711)
REFUSAL = response(400, {"error": {"code": "prompt_blocked", "message": "no"}})
OUT_OF_MONEY = response(402, {"error": {"code": "insufficient_quota", "message": "pay"}})
# By the cause that Darkroom names.
TROUBLES = {
    "credentials": response(401, {"error": {"code": "invalid_api_key", "message": "no"}}),
    "throttled": response(429, {"error": {"code": "rate_limit", "message": "slowly"}}, retry_after="3"),
    "unreachable": response(500, {"error": {"code": "boom", "message": "later"}}),
    "model": response(503, {"error": {"code": "model_not_found", "message": "no channel"}}),
    "configuration": response(302, {}, location="https://example.com/"),
}
ODD_ANSWERS = {
    "words": response(200, {"data": [{"revised_prompt": "What else may I do?"}]}),
    "nothing": response(200, {"data": []}),
    "undecodable": response(200, {"data": [{"b64_json": "aVZCT1J3MEtHZ28="}]}),
    "two": response(200, {"data": [{"b64_json": b64encode(DEEP).decode()}, {"b64_json": PNG_BASE64}]}),
}
# 2000 x 2000 pixels of one colour, as WebP.
PLAIN = response(200, {"data": [{"b64_json": "UklGRhwAAABXRUJQVlA4TBAAAAAvz8fzAQdQwChg/wMR0f8A"}]})
# Lambda's response after `on_picture` died.
DIED = http(200, b'{"errorType": "Runtime.ExitError"}', x_amz_function_error="Unhandled")
