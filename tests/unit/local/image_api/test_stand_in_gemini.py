"""The stand-in as Google's API: strict about its form, and about signatures. Its client reads it, in `providers`."""

import base64
from typing import Any

import pytest
import requests

from tests.unit.local.image_api.stand_in_client import KEY, Client

PATH = "/v1beta/models/gemini-3.1-flash-image:generateContent"
WORDS = [{"role": "user", "parts": [{"text": "a cat"}]}]


def generate(client: Client, path: str = PATH, key: str = KEY, **call: Any) -> requests.Response:
    return client.post(path, {"contents": WORDS, **call}, {"x-goog-api-key": key})


def error(response: requests.Response, status: int = 400) -> dict[str, Any]:
    assert response.status_code == status
    told: dict[str, Any] = response.json()["error"]
    assert told["code"] == status
    return told


def picture(client: Client) -> dict[str, Any]:
    """A part with a picture that it made."""
    (*_, part) = generate(client).json()["candidates"][0]["content"]["parts"]
    return dict(part)


def conversation(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [*WORDS, {"role": "model", "parts": [part]}, {"role": "user", "parts": [{"text": "at night"}]}]


def test_a_picture_comes_after_a_draft_and_with_a_signature(client: Client) -> None:
    (candidate,) = generate(client, generationConfig={"responseModalities": ["IMAGE"]}).json()["candidates"]
    draft, part = candidate["content"]["parts"]
    assert draft["thought"]
    assert base64.b64decode(part["inlineData"]["data"]).startswith(b"\x89PNG")
    assert part["thoughtSignature"]


def test_the_signature_comes_back_with_the_same_model_and_a_smaller_copy_will_do(client: Client) -> None:
    part = picture(client)
    assert generate(client, contents=conversation(part)).status_code == 200
    other = PATH.replace("3.1-flash", "3-pro")
    assert "Thought signature is not valid" in error(generate(client, other, contents=conversation(part)))["message"]
    del part["thoughtSignature"]
    said = error(generate(client, contents=conversation(part)))
    assert said["message"] == "Image part is missing a thought_signature in content position 2, part position 1."
    assert said["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "call",
    [
        {"model": "x"},
        {"contents": []},
        {"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]},
        {"contents": [{"role": "user", "parts": []}]},
        {"contents": [{"role": "user", "parts": [{"text": "a", "inlineData": {}}]}]},
        {"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "!"}}]}]},
        {"contents": [*WORDS, {"role": "model", "parts": [{"text": "b"}]}]},
        {"generationConfig": {"quality": "high"}},
        {"generationConfig": {"imageConfig": {"aspectRatio": "7:3"}}},
        {"generationConfig": {"responseModalities": ["TEXT"]}},
        {"generationConfig": []},
    ],
)
def test_what_the_api_does_not_take_is_an_invalid_argument(client: Client, call: dict[str, Any]) -> None:
    assert error(generate(client, **call))["status"] == "INVALID_ARGUMENT"


def test_a_wrong_key_is_told_as_google_tells_it(client: Client) -> None:
    (detail,) = error(generate(client, key="AIza-wrong"))["details"]
    assert detail["reason"] == "API_KEY_INVALID"


def test_a_model_that_is_not_there_is_not_found(client: Client) -> None:
    response = generate(client, PATH.replace("gemini-3.1-flash-image", "nope"))
    assert "models/nope is not found" in error(response, 404)["message"]
