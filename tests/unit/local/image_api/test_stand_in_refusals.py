"""Calls that the documentation does not allow are refused, with a sentence that names the field."""

import base64
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.unit.local.image_api.stand_in_client import KEY, Client, data_uri, model, png, user

TINY = data_uri(png(Image.new("RGB", (32, 32))))
JPEG_LABEL = TINY.replace("image/png", "image/jpeg")
HEAVY = data_uri(b"\0" * (7 * 1024 * 1024 + 1))


def turn(*parts: object, role: str = "user") -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": list(parts)}]}


def picture(uri: object) -> dict[str, Any]:
    return turn({"text": "mirror it"}, {"image": uri})


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"model": ""}, "model: must be a non-empty string"),
        ({"model": 7, "prompt": "x"}, "model: must be a string"),
        ({}, "prompt or contents: at least one"),
        ({"prompt": ["x"]}, "prompt: must be a string"),
        ({"contents": {}}, "contents: must be a non-empty list"),
        ({"contents": [user("x"), model()]}, "contents: the last turn must be the user's"),
        (turn({"text": "x"}, role="assistant"), "contents[0].role: must be user or model"),
        (turn(), "contents[0].parts: must be a non-empty list"),
        (turn({"text": "x", "image": TINY}), "contents[0].parts[0]: must hold exactly one"),
        (turn({"text": " "}), "contents[0].parts[0].text: must be a non-empty string"),
        (turn({"image": TINY}), "the last user turn must hold a text"),
        (picture("iVBORw0KGgo="), "contents[0].parts[1].image: must be a full data URI"),
        (picture(TINY.replace("image/png", "image/jpg")), "not image/jpg"),
        (picture(JPEG_LABEL), "is labelled image/jpeg, but its bytes are image/png"),
        (picture(TINY[:-4] + "!!"), "is not valid base64"),
        (picture(data_uri(b"no picture")), "cannot be decoded"),
        (picture(HEAVY), "7340033 bytes, more than the 7340032 allowed"),
        (picture("https://example.com/cat.png"), "fetches no URLs but those it gave out itself"),
        ({"prompt": "x", "images": TINY}, "images: must be a list"),
        ({"prompt": "x", "image": 5}, "image: must be a string"),
        ({"prompt": "x", "response_format": "png"}, "response_format: must be url or b64_json"),
        ({"prompt": "x", "size": "17:9"}, "size: must be one of"),
        ({"prompt": "x", "aspect_ratio": 1.5}, "aspect_ratio: must be"),
        ({"prompt": "x", "image_size": "8K"}, "image_size: must be 1K, 2K or 4K"),
        ({"prompt": "x", "n": True}, "n: must be a whole number"),
        ({"prompt": "x", "mime_type": "image/jpg"}, "mime_type: must be"),
        ({"prompt": "x", "temperature": 3}, "temperature: must be"),
        ({"prompt": "x", "top_p": "high"}, "top_p: must be"),
        ({"prompt": "x [fault:499]"}, "fault: '499' is not one of"),
    ],
)
def test_a_bad_call_is_refused_by_name(client: Client, call: dict[str, Any], said: str) -> None:
    answer = client.generate(**call)
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (400, 400, None)
    assert said in answer.json()["msg"]


def test_a_body_that_is_not_json_is_refused(client: Client) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{client.url}/v1/images/generations"
    for body in (b"{", b"[]", b"\xff"):
        assert client.session.post(url, data=body, headers=headers, timeout=5).json()["code"] == 400


@pytest.mark.parametrize("key", ["wrong", "", "sk-for-the-tests2"])
def test_a_wrong_key_is_refused_in_the_documented_form(client: Client, key: str) -> None:
    answer = client.generate(key=key, prompt="a hill")
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (401, 401, None)


def test_no_key_is_refused(client: Client) -> None:
    assert client.post("/v1/images/generations", {"model": "m", "prompt": "p"}).status_code == 401
    assert client.get("/v1/models").status_code == 401


def test_an_unknown_model_has_no_channel(client: Client) -> None:
    answer = client.generate(model="gemini-2.5-flash-image-preview", prompt="a hill")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_not_found")
    assert "no available channel for model gemini-2.5-flash-image-preview" in answer.json()["error"]["message"]


def test_a_body_over_20_mb_is_refused_and_the_client_hears_it(client: Client) -> None:
    answer = client.generate(prompt="x" * (20 * 1024 * 1024))
    assert (answer.status_code, answer.json()["code"]) == (413, 413)


def test_a_client_that_goes_away_leaves_no_trace(
    client: Client, photo: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    address = urlsplit(client.url)
    with socket.create_connection((address.hostname, address.port or 0)) as line:
        line.sendall(b"POST /v1/images/generations HTTP/1.1\r\nContent-Length: 500\r\n\r\n{")
    secret = base64.b64encode(photo).decode()[:80]
    client.generate(contents=[user("a secret wish", photo)])
    written = "".join(capfd.readouterr())
    assert "Traceback" not in written
    assert "secret wish" not in written
    assert secret not in written
