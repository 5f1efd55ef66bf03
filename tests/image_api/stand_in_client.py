"""A client that speaks to the stand-in as to the real image API."""

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import requests
from PIL import Image

KEY = "sk-for-the-tests"


@dataclass
class Client:
    url: str
    session: requests.Session

    def generate(self, key: str = KEY, **call: Any) -> requests.Response:
        asked = {"model": "gemini-3.1-flash-image", "response_format": "b64_json", **call}
        return self.post("/v1/images/generations", asked, {"Authorization": f"Bearer {key}"})

    def post(self, path: str, call: object, headers: dict[str, str] | None = None) -> requests.Response:
        return self.session.post(self.url + path, json=call, headers=headers, timeout=20)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.url + path, headers=headers, timeout=20)

    def edited(self, *pictures: bytes, instruction: str, **call: Any) -> Image.Image:
        return picture_of(self.generate(contents=[user(instruction, *pictures)], **call))


def data_uri(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def user(text: str, *pictures: bytes) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}, *({"image": data_uri(picture)} for picture in pictures)]}


def model(*pictures: bytes) -> dict[str, Any]:
    return {"role": "model", "parts": [{"text": "Done."}, *({"image": data_uri(picture)} for picture in pictures)]}


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def picture_of(response: requests.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    (entry,) = response.json()["data"]["data"]
    return Image.open(BytesIO(base64.b64decode(entry["b64_json"], validate=True)))
