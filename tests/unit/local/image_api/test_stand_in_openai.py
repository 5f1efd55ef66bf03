"""The stand-in speaks OpenAI's dialect: the official SDK reads its answers and its errors, and it checks each call."""

import base64
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import openai
import pytest
from PIL import Image

from local.image_api.answers import Rejected
from local.image_api.form import read_form
from tests.unit.local.image_api.stand_in_client import KEY, Client, png

MODEL = "gpt-image-2"


@pytest.fixture
def sdk(client: Client) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{client.url}/v1", max_retries=0) as speaking:
        yield speaking


def opened(item: Any) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(item.b64_json, validate=True)))


def error(call: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        call()
    return caught.value


def stated(caught: openai.APIStatusError) -> tuple[int, str | None, str | None]:
    return caught.status_code, caught.code, caught.param


def test_the_sdk_reads_an_answer_to_words_alone(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(model=MODEL, prompt="a cat in a garden", size="320x192", n=2, output_format="webp")
    assert answer.data
    assert [opened(item).size for item in answer.data] == [(320, 192)] * 2
    assert {opened(item).format for item in answer.data} == {"WEBP"}
    assert (answer.size, answer.output_format, answer.background) == ("320x192", "webp", "opaque")
    assert answer.data[0].b64_json != answer.data[1].b64_json


def test_the_sdk_reads_what_was_used(sdk: openai.OpenAI, photo: bytes) -> None:
    used = sdk.images.edit(model=MODEL, prompt="snow", image=[("a.png", photo, "image/png")]).usage
    assert used
    assert used.total_tokens == used.input_tokens + used.output_tokens
    assert used.input_tokens_details.image_tokens > 0


def test_an_edit_keeps_the_size_of_its_last_picture_or_has_the_size_that_is_asked_for(
    sdk: openai.OpenAI, photo: bytes
) -> None:
    other = png(Image.new("RGB", (64, 64), "red"))
    files = [("a.png", other, "image/png"), ("b.png", photo, "image/png")]
    for size, made in (("auto", (256, 192)), ("1024x1024", (1024, 1024))):
        answer = sdk.images.edit(model=MODEL, prompt="snow", image=files, size=size)
        assert answer.data
        assert opened(answer.data[0]).size == made


def test_each_call_is_named_in_a_header(sdk: openai.OpenAI) -> None:
    raw = sdk.images.with_raw_response.generate(model=MODEL, prompt="a cat", size="64x64")
    assert raw.headers["x-request-id"]
    assert "x-oneapi-request-id" not in raw.headers


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("402", openai.BadRequestError, "billing_hard_limit_reached"),
        ("429 retry-after=3", openai.RateLimitError, "rate_limit_exceeded"),
        ("500", openai.InternalServerError, None),
        ("503", openai.InternalServerError, None),
        ("refusal", openai.BadRequestError, "moderation_blocked"),
    ],
)
def test_the_sdk_reads_each_error(
    sdk: openai.OpenAI, fault: str, kind: type[openai.APIStatusError], code: str | None
) -> None:
    caught = error(lambda: sdk.images.generate(model=MODEL, prompt=f"a cat [fault:{fault}]"))
    assert (type(caught), caught.code, bool(caught.request_id)) == (kind, code, True)
    assert ("retry-after" in caught.response.headers) == ("retry-after" in fault)


def test_the_sdk_reads_a_wrong_key_and_an_unknown_model(client: Client, sdk: openai.OpenAI) -> None:
    assert stated(error(lambda: sdk.images.generate(model="gpt-image-1", prompt="a cat"))) == (
        404, "model_not_found", None,
    )  # fmt: skip
    stranger = sdk.with_options(api_key="sk-another")
    assert stated(error(lambda: stranger.images.generate(model=MODEL, prompt="a cat")))[:2] == (401, "invalid_api_key")


def test_a_call_may_have_no_picture_or_garbage(sdk: openai.OpenAI) -> None:
    assert sdk.images.generate(model=MODEL, prompt="[fault:none]").data == []
    words = sdk.images.generate(model=MODEL, prompt="[fault:text]").data
    assert words
    assert (words[0].b64_json, bool(words[0].revised_prompt)) == (None, True)
    garbage = sdk.images.generate(model=MODEL, prompt="[fault:garbage]").data
    assert garbage
    with pytest.raises(OSError, match="cannot identify"):
        opened(garbage[0])


@pytest.mark.parametrize(
    ("options", "code", "param"),
    [
        ({"size": "1000x1000"}, "invalid_value", "size"),
        ({"size": "3840x3840"}, "invalid_value", "size"),
        ({"n": 11}, "invalid_value", "n"),
        ({"quality": "hd"}, "invalid_value", "quality"),
        ({"output_compression": 101}, "invalid_value", "output_compression"),
        ({"extra_body": {"response_format": "url"}}, "unknown_parameter", "response_format"),
        ({"extra_body": {"input_fidelity": "high"}}, "unknown_parameter", "input_fidelity"),
        ({"prompt": ""}, "missing_required_parameter", "prompt"),
        ({"prompt": "x" * 32_001}, "invalid_value", "prompt"),
    ],
)
def test_a_wrong_parameter_is_named(sdk: openai.OpenAI, options: dict[str, Any], code: str, param: str) -> None:
    caught = error(lambda: sdk.images.generate(**{"model": MODEL, "prompt": "a cat", **options}))
    assert stated(caught) == (400, code, param)


def test_a_wrong_file_is_named(sdk: openai.OpenAI, photo: bytes) -> None:
    def edit(*files: tuple[str, bytes, str], **options: Any) -> tuple[int, str | None, str | None]:
        return stated(error(lambda: sdk.images.edit(model=MODEL, prompt="snow", image=list(files), **options)))

    good = ("a.png", photo, "image/png")
    assert edit(("a.png", b"no picture", "image/png")) == (400, "invalid_value", "image")
    assert edit(("a.jpg", photo, "image/jpeg")) == (400, "invalid_value", "image")
    assert edit(*[good] * 17) == (400, "invalid_value", "image")
    assert edit(good, extra_body={"moderation": "low"}) == (400, "unknown_parameter", "moderation")


def test_at_the_path_that_two_dialects_share_the_model_tells(client: Client) -> None:
    answer = client.generate(prompt="a hill [fault:401]", response_format=None)
    assert answer.json()["code"] == 401
    answer = client.generate(prompt="a hill [fault:401]", response_format=None, model=MODEL)
    assert answer.json()["error"]["param"] == "response_format"


PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", PART + b"--b--\r\n"),
        ("multipart/form-data", PART + b"--b--\r\n"),
        ("multipart/form-data; boundary=b", PART),
        ("multipart/form-data; boundary=b", b"x" + PART + b"--b--\r\n"),
        ("multipart/form-data; boundary=b", PART + b"--b--\r\nmore"),
        ("multipart/form-data; boundary=b", PART.replace(b"\r\n", b"\n") + b"--b--\r\n"),
        ("multipart/form-data; boundary=b", PART.replace(b"1\r\n", b"1\r\n--bb\r\n") + b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nno header\r\n\r\n1\r\n--b--\r\n"),
    ],
)
def test_a_form_that_is_not_well_made_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(Rejected):
        read_form(content_type, body)


def test_a_form_that_is_well_made_is_read() -> None:
    (field,) = read_form("multipart/form-data; boundary=b", PART + b"--b--\r\n")
    assert (field.name, field.content, field.filename) == ("a", b"1", None)
