"""Compares the dialect `gemini` with Google's own client: both send the same requests and read the same answers."""

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from PIL import Image as Pillow

from darkroom.domain.context import Content, Context, Image
from darkroom.providers.client import ImageApi
from darkroom.providers.dialect import ApiRequest, DialectSettings
from darkroom.providers.dialects.gemini import GEMINI
from darkroom.streaming.blob import sha256
from local.image_api import StandInServer, running
from tests.fakes.image_api import png
from tests.unit.servers import Server, answering, http

MODEL = "gemini-3.1-flash-image"
KEY = "AIza-the-key-of-the-tests"
CAT, NIGHT = png("orange"), png("navy")
SIGNATURE = b"\x01opaque"
ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Here."}]}, "finishReason": "STOP"}]}
BOTH = ["TEXT", "IMAGE"]
BYTES = ("data", "thoughtSignature")


def image(data: bytes, state: bytes = b"") -> Image:
    return Image(data, "image/png", sha256(data), state)


def user(text: str, *pictures: bytes) -> types.Content:
    parts = [types.Part(text=text), *(types.Part.from_bytes(data=each, mime_type="image/png") for each in pictures)]
    return types.Content(role="user", parts=parts)


def model(*parts: types.Part) -> types.Content:
    return types.Content(role="model", parts=list(parts))


def signed(data: bytes) -> types.Part:
    return types.Part(inline_data=types.Blob(data=data, mime_type="image/png"), thought_signature=SIGNATURE)


STATE = json.dumps([{"text": "A night.", "thoughtSignature": "BG9w"}, {"thoughtSignature": "AW9wYXF1ZQ=="}]).encode()
TEXT_FIRST = types.Part(text="A night.", thought_signature=b"\x04op")
CASES: dict[str, tuple[Context, dict[str, Any], list[types.Content], types.GenerateContentConfigDict]] = {
    "words alone": (Context((Content("user", "a cat"),)), {}, [user("a cat")], {}),
    "pictures": (
        Context((Content("user", "both at night", (image(CAT), image(NIGHT))),)),
        {},
        [user("both at night", CAT, NIGHT)],
        {},
    ),
    "a conversation": (
        Context((Content("user", "night", (image(CAT),)), Content("model", "(1 image)"), Content("user", "snow"))),
        {},
        [user("night", CAT), model(types.Part(text="(1 image)")), user("snow")],
        {},
    ),
    "a conversation whose picture has a signature": (
        Context(
            (
                Content("user", "night", (image(CAT),)),
                Content("model", "A night.", (image(NIGHT, STATE),)),
                Content("user", "snow"),
            )
        ),
        {},
        [user("night", CAT), model(TEXT_FIRST, signed(NIGHT)), user("snow")],
        {},
    ),
    "every option": (
        Context((Content("user", "a cat"),)),
        {
            "aspect_ratio": "16:9",
            "image_size": "2K",
            "response_modalities": ["IMAGE"],
            "temperature": 0.5,
            "top_p": 0.9,
        },
        [user("a cat")],
        {
            "image_config": {"aspect_ratio": "16:9", "image_size": "2K"},
            "response_modalities": ["IMAGE"],
            "temperature": 0.5,
            "top_p": 0.9,
        },
    ),
    "words in any script": (Context((Content("user", "一只猫 \U0001f600"),)), {}, [user("一只猫 \U0001f600")], {}),
}


def theirs(contents: list[types.Content], config: types.GenerateContentConfigDict) -> tuple[str, dict[str, str], Any]:
    """The SDK's request: the path, the headers and the body."""
    with Server(answering(http(200, json.dumps(ANSWER).encode()))) as server:
        client = genai.Client(api_key=KEY, http_options={"base_url": server.url, "api_version": "v1beta"})
        wanted: types.GenerateContentConfigDict = {"response_modalities": BOTH, **config}
        client.models.generate_content(model=MODEL, contents=list(contents), config=wanted)
        (exchange,) = server.exchanges
    return exchange.request_line, exchange.headers, json.loads(exchange.body)


def ours(context: Context, options: dict[str, Any]) -> tuple[str, dict[str, str], Any]:
    with Server(answering(http(200, json.dumps(ANSWER).encode()))) as server:
        api = ImageApi(server.url, lambda _: KEY, GEMINI, DialectSettings(), timeout=10)
        api.ask(api.prepare(ApiRequest(context, MODEL, options)))
        (exchange,) = server.exchanges
    return exchange.request_line, exchange.headers, json.loads(exchange.body)


def meant(value: Any, name: str = "") -> Any:
    """A body as the API reads it: fields by their names in JSON, bytes in either alphabet of Base64.

    The SDK writes one field by the name of its definition (`mime_type`), and pictures in the URL's alphabet. Protocol
    buffers read both as the same (https://protobuf.dev/programming-guides/json).
    """
    if isinstance(value, dict):
        return {(camel := re.sub("_([a-z])", lambda found: found[1].upper(), key)): meant(each, camel)
                for key, each in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [meant(each) for each in value]
    return base64.b64decode(value.translate(str.maketrans("-_", "+/"))) if name in BYTES else value


@pytest.mark.parametrize("case", CASES)
def test_a_request_is_field_by_field_what_the_sdk_sends(case: str) -> None:
    context, options, contents, config = CASES[case]
    (line, headers, body), (their_line, their_headers, their_body) = ours(context, options), theirs(contents, config)
    assert line == their_line
    assert meant(body) == meant(their_body)
    for name in ("x-goog-api-key", "content-type", "host"):
        assert headers[name].partition(":")[0] == their_headers[name].partition(":")[0]
    assert headers["content-length"] == str(len(json.dumps(body, ensure_ascii=False).encode()))


@pytest.fixture
def stand_in() -> Iterator[StandInServer]:
    with running(StandInServer()) as server:
        yield server


@pytest.fixture(params=["v1beta", "v1"])
def sdk(request: pytest.FixtureRequest, stand_in: StandInServer) -> genai.Client:
    """Google's client, at each API version that its releases have used."""
    return genai.Client(api_key=stand_in.key, http_options={"base_url": stand_in.url, "api_version": request.param})


def test_the_sdk_reads_an_answer_of_the_stand_in(sdk: genai.Client) -> None:
    config = types.GenerateContentConfig(
        response_modalities=BOTH, image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K")
    )
    answer = sdk.models.generate_content(model=MODEL, contents="a cat", config=config)
    (candidate,) = answer.candidates or []
    parts = candidate.content.parts if candidate.content else None
    pictures = [part for part in parts or [] if part.inline_data]
    opened = Pillow.open(io.BytesIO(pictures[0].inline_data.data or b"")) if pictures[0].inline_data else None
    assert opened
    assert round(opened.width / opened.height, 1) == 1.8
    assert pictures[0].thought_signature
    assert [part.text for part in parts or [] if part.thought] == ["First I lay out the scene."]
    assert (candidate.finish_reason, answer.model_version) == (types.FinishReason.STOP, MODEL)
    assert answer.usage_metadata
    assert answer.response_id


def test_its_chat_gives_the_stand_in_the_signatures_back(sdk: genai.Client) -> None:
    chat = sdk.chats.create(model=MODEL)
    for words in ("a cat", "at night", "in snow"):
        assert chat.send_message(words).candidates


def test_the_stand_in_demands_them(sdk: genai.Client) -> None:
    bare = types.Part.from_bytes(data=NIGHT, mime_type="image/png")
    with pytest.raises(errors.ClientError, match="missing a thought_signature in content position 2, part position 1"):
        sdk.models.generate_content(model=MODEL, contents=[user("night", CAT), model(bare), user("snow")])


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("401", 400, "INVALID_ARGUMENT"),
        ("402", 400, "FAILED_PRECONDITION"),
        ("429 retry-after=3", 429, "RESOURCE_EXHAUSTED"),
        ("500", 500, "INTERNAL"),
        ("503", 503, "UNAVAILABLE"),
    ],
)
def test_the_sdk_reads_its_errors(sdk: genai.Client, fault: str, code: int, status: str) -> None:
    with pytest.raises(errors.APIError) as caught:
        sdk.models.generate_content(model=MODEL, contents=f"a cat [fault:{fault}]")
    assert (caught.value.code, caught.value.status) == (code, status)
    assert caught.value.message


def test_the_sdk_reads_its_refusal(sdk: genai.Client) -> None:
    answer = sdk.models.generate_content(model=MODEL, contents="a cat [fault:refusal]")
    assert answer.prompt_feedback
    assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT


def test_the_sdk_lists_its_models(stand_in: StandInServer) -> None:
    sdk = genai.Client(api_key=stand_in.key, http_options={"base_url": stand_in.url, "api_version": "v1beta"})
    assert f"models/{MODEL}" in [each.name for each in sdk.models.list()]
