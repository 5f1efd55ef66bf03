"""Each fault can be asked for, and is what it says it is."""

import time
from io import BytesIO

import pytest
import requests
from PIL import Image, UnidentifiedImageError

from tests.unit.local.image_api.stand_in_client import Client, model, picture_of, user


@pytest.mark.parametrize("status", [401, 402, 429, 500, 503])
def test_a_status_comes_in_the_documented_form(client: Client, status: int) -> None:
    answer = client.generate(prompt=f"a hill [fault:{status}]")
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (status, status, None)
    assert "Retry-After" not in answer.headers


def test_a_rate_limit_may_say_when_to_come_back(client: Client) -> None:
    assert client.generate(prompt="[fault:429 retry-after=3]").headers["Retry-After"] == "3"


def test_a_gateway_answers_in_html(client: Client) -> None:
    answer = client.generate(prompt="[fault:504]")
    assert (answer.status_code, answer.headers["Content-Type"]) == (504, "text/html")


def test_a_refusal_names_its_code_and_the_request(client: Client) -> None:
    answer = client.generate(prompt="[fault:refusal]")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "prompt_blocked")
    assert answer.headers["X-Oneapi-Request-Id"] in answer.json()["error"]["message"]


def test_words_may_come_without_a_picture(client: Client) -> None:
    (entry,) = client.generate(prompt="[fault:text]").json()["data"]["data"]
    assert (entry["url"], entry["b64_json"]) == ("", "")
    assert entry["revised_prompt"]


def test_nothing_at_all_may_come(client: Client) -> None:
    assert client.generate(prompt="[fault:none]").json()["data"]["data"] == []


def test_garbage_is_no_picture(client: Client) -> None:
    with pytest.raises(UnidentifiedImageError):
        picture_of(client.generate(prompt="[fault:garbage]"))


def test_a_plain_picture_is_one_colour(client: Client) -> None:
    picture = picture_of(client.generate(prompt="[fault:plain]"))
    assert (picture.size, picture.getcolors(1)) == ((1024, 1024), [(1024 * 1024, (0, 128, 128))])


def test_an_answer_may_be_cut_in_the_middle(client: Client, photo: bytes) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.generate(contents=[user("mirror it [fault:cut]", photo)])


def test_the_line_may_be_closed_without_an_answer(client: Client) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        client.generate(prompt="[fault:hang]")
    (call,) = client.get("/_stand-in/calls").json()
    assert (call["status"], call["fault"]) == (None, "hang")


def test_an_answer_may_be_slow(client: Client, photo: bytes) -> None:
    start = time.monotonic()
    assert client.edited(photo, instruction="mirror it [fault:slow 0.4]").size == (256, 192)
    assert time.monotonic() - start >= 0.4


def test_a_signature_is_missed_only_where_the_model_showed_a_picture(client: Client, photo: bytes) -> None:
    asked = user("mirror it [fault:signature]")
    refused = client.generate(contents=[user("x", photo), model(photo), asked])
    assert refused.status_code == 400
    assert "missing a thought_signature" in refused.json()["msg"]
    assert client.generate(contents=[user("mirror it [fault:signature]", photo)]).status_code == 200


def test_a_counted_fault_passes_for_that_text_alone(client: Client, photo: bytes) -> None:
    def status(words: str) -> int:
        return int(client.generate(contents=[user(words, photo)]).status_code)

    assert [status("mirror it [fault:500 x2 one]") for _ in range(4)] == [500, 500, 200, 200]
    assert status("mirror it [fault:500 x2 other]") == 500


def test_only_the_last_text_can_ask_for_a_fault(client: Client, photo: bytes) -> None:
    turns = [user("snow [fault:500]", photo), model(photo), user("mirror it")]
    assert client.generate(contents=turns).status_code == 200


def test_a_fault_can_stand_for_every_call_or_for_some(client: Client, photo: bytes) -> None:
    call = [user("mirror it", photo)]
    client.post("/_stand-in/fault", {"fault": "429 retry-after=1", "times": 2})
    assert [client.generate(contents=call).status_code for _ in range(3)] == [429, 429, 200]
    client.post("/_stand-in/fault", {"fault": "503"})
    assert client.generate(contents=call).status_code == 503
    client.post("/_stand-in/fault", {"fault": None})
    assert client.generate(contents=call).status_code == 200
    assert client.post("/_stand-in/fault", {"fault": "nonsense"}).status_code == 400


def test_the_marker_is_not_drawn(client: Client, photo: bytes) -> None:
    faulty = client.edited(photo, instruction="hello [fault:slow 0]")
    assert faulty.tobytes() == client.edited(photo, instruction="hello").tobytes()
    assert faulty.tobytes() != Image.open(BytesIO(photo)).tobytes()
