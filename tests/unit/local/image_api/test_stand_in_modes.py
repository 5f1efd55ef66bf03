"""The documented calls get the documented answers."""

from io import BytesIO
from typing import Any

import requests
from PIL import Image

from local.image_api.options import size_asked
from tests.unit.local.image_api.stand_in_client import KEY, Client, data_uri, model, picture_of, png, user


def test_a_prompt_alone_gives_a_picture_in_the_documented_envelope(client: Client) -> None:
    answer = client.generate(prompt="一只可爱的橙色小猫坐在花园里", size="256x256").json()
    assert (answer["code"], answer["msg"]) == (200, "操作成功")
    assert set(answer["data"]) == {"data", "created"}
    assert set(answer["data"]["data"][0]) == {"url", "b64_json", "revised_prompt"}


def test_the_size_is_honoured_where_there_is_no_picture(client: Client) -> None:
    assert picture_of(client.generate(prompt="a hill", size="320x180")).size == (320, 180)
    assert size_asked({"size": "16:9"}, 1536) == (1344, 768)
    assert size_asked({"aspect_ratio": "9:16", "image_size": "4K"}, 1536) == (867, 1536)


def test_one_user_turn_edits_its_picture_and_keeps_its_size(client: Client, photo: bytes) -> None:
    edited = client.edited(photo, instruction="make it darker")
    assert (edited.format, edited.size) == ("PNG", (256, 192))


def test_a_conversation_edits_the_newest_picture(client: Client, photo: bytes) -> None:
    newest = png(Image.new("RGB", (64, 48), (200, 10, 10)))
    turns = [user("a red wall", photo), model(newest), user("mirror it")]
    assert picture_of(client.generate(contents=turns)).getpixel((32, 24)) == (200, 10, 10)


def test_the_flat_style_edits_the_last_of_its_images(client: Client, photo: bytes) -> None:
    wall = png(Image.new("RGB", (64, 48), (10, 200, 10)))
    one = client.generate(prompt="mirror it", image=data_uri(wall))
    several = client.generate(prompt="mirror it", images=[data_uri(photo), data_uri(wall)])
    assert picture_of(one).size == picture_of(several).size == (64, 48)


def test_contents_and_prompt_may_come_together(client: Client, photo: bytes) -> None:
    answer = client.generate(prompt="mirror it", contents=[user("mirror it", photo)])
    assert picture_of(answer).size == (256, 192)


def test_url_is_the_default_and_the_url_can_be_fetched_and_sent_again(client: Client, photo: bytes) -> None:
    answer = client.generate(contents=[user("mirror it", photo)], response_format=None)
    (entry,) = answer.json()["data"]["data"]
    assert entry["b64_json"] == ""
    fetched = requests.get(entry["url"], timeout=5)
    assert Image.open(BytesIO(fetched.content)).size == (256, 192)
    assert fetched.headers["Content-Type"] == "image/png"
    again = {"role": "user", "parts": [{"image": entry["url"]}, {"text": "mirror it"}]}
    assert client.generate(contents=[again]).status_code == 200


def test_jpeg_several_pictures_and_words_come_where_asked_for(client: Client, photo: bytes) -> None:
    asked: dict[str, Any] = {"n": 2, "mime_type": "image/jpeg", "response_modalities": "image-text"}
    entries = client.generate(contents=[user("snow", photo)], **asked).json()["data"]["data"]
    assert len({entry["b64_json"] for entry in entries}) == 2
    assert all(entry["b64_json"].startswith("/9j/") for entry in entries)
    assert "snow" in entries[0]["revised_prompt"]


def test_an_edit_is_cropped_to_the_ratio_asked_for(client: Client, photo: bytes) -> None:
    assert client.edited(photo, instruction="mirror it", aspect_ratio="1:1").size == (192, 192)


def test_the_models_are_listed(client: Client) -> None:
    listed = client.get("/v1/models", Authorization=f"Bearer {KEY}").json()["data"]
    assert {"gemini-2.5-flash-image", "gemini-3-pro-image"} <= {entry["id"] for entry in listed}


def test_every_answer_carries_a_request_id_of_its_own(client: Client) -> None:
    answers = [client.generate(), client.generate(key="wrong"), client.get("/nowhere")]
    assert len({answer.headers["X-Oneapi-Request-Id"] for answer in answers}) == 3


def test_the_calls_are_listed_without_the_pictures_bytes(client: Client, photo: bytes) -> None:
    client.generate(contents=[user("mirror it", photo)], size="4:3", user="someone")
    client.generate(model="")
    first, second = client.get("/_stand-in/calls").json()
    picture = first["contents"][0]["parts"][1]["image"]
    assert (picture["media_type"], picture["bytes"], len(picture["sha256"])) == ("image/png", len(photo), 64)
    assert (first["n"], first["status"], first["options"]) == (1, 200, {"size": "4:3"})
    assert (first["ignored"], second["status"]) == (["user"], 400)
