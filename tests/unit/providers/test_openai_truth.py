"""Compares the requests of the dialect `openai` with those of the official SDK, field by field."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from darkroom.domain.context import Content, Context, Image
from darkroom.providers.client import ImageApi
from darkroom.providers.dialect import ApiRequest, DialectSettings
from darkroom.providers.dialects.openai import OPENAI, OPTIONS
from tests.unit.providers.forms import fields
from tests.unit.samples import encoded, image
from tests.unit.servers import Exchange, Server, answering, http

KEY = "sk-the-secret-of-these-tests"
MODEL = "gpt-image-2"
WORDS = '把景色换成夜色下雪的场景\r\n--and a "quoted" line'
PNG, JPEG, WEBP = encoded("PNG"), encoded("JPEG"), encoded("WEBP")
PICTURES = (image(PNG), Image(JPEG, "image/jpeg", "1" * 64), Image(WEBP, "image/webp", "2" * 64))
FILES = [("a.png", PNG, "image/png"), ("b.jpg", JPEG, "image/jpeg"), ("c.webp", WEBP, "image/webp")]
COMMON: dict[str, Any] = {
    "size": "1536x864", "quality": "high", "n": 2, "background": "opaque", "output_format": "webp",
    "output_compression": 80, "user": "u-1", "safety_identifier": "s-1",
}  # fmt: skip
ANSWER = json.dumps({"created": 1, "data": [{"b64_json": ""}]}).encode()
CONVERSATION = Context(
    (Content("user", "a cat", ()), Content("model", "Here it is.", (image(PNG),)), Content("user", WORDS))
)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering(http(200, ANSWER))) as listening:
        yield listening


@pytest.fixture
def sdk(server: Server) -> openai.OpenAI:
    return openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0)


def ours(server: Server, context: Context, **options: Any) -> Exchange:
    """The request that Darkroom sends."""
    api = ImageApi(server.url, lambda _: KEY, OPENAI, DialectSettings(), timeout=10)
    api.ask(api.prepare(ApiRequest(context, MODEL, options)))
    return server.exchanges[-1]


def head(sent: Exchange) -> tuple[str, str, str]:
    """A request's path, its key and the kind of its body."""
    kind = sent.headers["content-type"].partition(";")[0]
    return sent.request_line, sent.headers["authorization"], kind


def form(sent: Exchange) -> list[Any]:
    """A form's fields by name: their order in a form matters only among those of one name."""
    return sorted(fields(sent.headers["content-type"], sent.body), key=lambda field: field[0])


@pytest.mark.parametrize("options", [{}, {**COMMON, "moderation": "low"}, {"size": "auto"}])
def test_words_alone_are_sent_as_the_sdk_sends_them(
    server: Server, sdk: openai.OpenAI, options: dict[str, Any]
) -> None:
    sdk.images.generate(model=MODEL, prompt=WORDS, **options)
    theirs = server.exchanges[-1]
    sent = ours(server, Context((Content("user", WORDS),)), **options)
    assert head(sent) == head(theirs)
    assert json.loads(sent.body) == json.loads(theirs.body)


@pytest.mark.parametrize("options", [{}, {**COMMON, "input_fidelity": "high"}])
@pytest.mark.parametrize("count", [1, 3])
def test_pictures_are_sent_as_the_sdk_sends_them(
    server: Server, sdk: openai.OpenAI, count: int, options: dict[str, Any]
) -> None:
    sdk.images.edit(model=MODEL, prompt=WORDS, image=FILES[:count], **options)
    theirs = server.exchanges[-1]
    sent = ours(server, Context((Content("user", WORDS, PICTURES[:count]),)), **options)
    assert head(sent) == head(theirs)
    assert form(sent) == form(theirs)


def test_a_conversation_is_sent_as_an_edit_of_its_newest_picture(server: Server, sdk: openai.OpenAI) -> None:
    sdk.images.edit(model=MODEL, prompt=WORDS, image=FILES[:1], size="1024x1024")
    theirs = server.exchanges[-1]
    sent = ours(server, CONVERSATION.flattened(), size="1024x1024")
    assert (head(sent), form(sent)) == (head(theirs), form(theirs))


def test_the_sdk_knows_every_option_that_we_take() -> None:
    """Each of the two calls gets the options that it takes."""
    from openai.types.image_edit_params import ImageEditParamsBase
    from openai.types.image_generate_params import ImageGenerateParamsBase

    generations, edits = ImageGenerateParamsBase.__annotations__, ImageEditParamsBase.__annotations__
    assert OPTIONS.keys() - generations.keys() == {"input_fidelity"}
    assert OPTIONS.keys() - edits.keys() == {"moderation"}
