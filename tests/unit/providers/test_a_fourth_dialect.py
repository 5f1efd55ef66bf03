"""A provider takes one module and one name: a dialect of twenty lines answers a whole conversation."""

import json
from base64 import b64encode
from typing import cast

import pytest

from darkroom.domain.context import ApiLimits
from darkroom.domain.validation import choice, optional, value
from darkroom.errors import Unavailable
from darkroom.providers import any_form, error_rules
from darkroom.providers.client import ImageApi
from darkroom.providers.dialect import ApiCall, ApiRequest, Dialect, DialectSettings
from darkroom.providers.dialect_table import DIALECTS
from darkroom.streaming import json_document
from darkroom.streaming.base64_blob import Base64
from darkroom.streaming.blob import Joined
from darkroom.streaming.json_document import Spelled
from tests.fakes import spoken
from tests.fakes.image_api import ScriptedApi, png
from tests.unit.servers import Exchange, Server, http
from tests.unit.turns.world import World


def call(request: ApiRequest, _: DialectSettings) -> ApiCall:
    pictures = [Spelled((b'"', Base64(image.data), b'"')) for image in request.context.images]
    document = {"words": request.context.instruction, "look_at": pictures, "model": request.model, **request.options}
    return ApiCall("/paint", "application/json", Joined(json_document.written(document)))


FOURTH = Dialect(
    name="fourth",
    url="https://paint.example",
    model="brush-1",
    retired=frozenset(("crayon-1",)),
    history="newest",
    call=call,
    interpret=any_form.interpret,
    authorise=lambda key: ("x-brush-key", key),
    request_id=error_rules.request_id,
    options={"style": optional(value(choice("oil", "ink")))},
    limits=ApiLimits(image_bytes=1_000_000, side=1024, media_types=("image/png",), encoded_share=3 / 4),
    kept_headers=("content-type", "retry-after"),
)


def painting(exchange: Exchange) -> None:
    """Its API, which returns a picture to every caller with the key."""
    exchange.read()
    if exchange.headers["x-brush-key"] != "the-key-of-the-brush":
        exchange.send(http(401, b'{"error": "unauthorized"}'))
    else:
        exchange.send(http(200, json.dumps({"images": [b64encode(png("teal")).decode()]}).encode()))


def world_at(url: str, key: str) -> World:
    world = World(dialect=FOURTH, dialects={**DIALECTS, FOURTH.name: FOURTH}, model=FOURTH.model)
    world.api = cast("ScriptedApi", ImageApi(url, lambda _: key, FOURTH, DialectSettings(), timeout=10))
    return world


def test_twenty_lines_answer_a_conversation_and_each_turn_is_paid_once() -> None:
    with Server(painting) as server:
        world = world_at(server.url, "the-key-of-the-brush")
        world.objects.put("uploads", "cat.png", png())
        first = world.send({"instruction": "a cat", "options": {"style": "ink"}})
        second = world.send({"instruction": "at night", "images": ["s3://uploads/cat.png"]}, message_id="m-2")
        bodies = [json.loads(exchange.body) for exchange in server.exchanges]
    assert [(each.status, each.dialect, each.cost.paid_calls) for each in (first, second)] == [
        ("succeeded", "fourth", 1)
    ] * 2
    assert [(each["words"], len(each["look_at"]), each["style"]) for each in bodies] == [
        ("a cat", 0, "ink"),
        ("at night", 2, "ink"),
    ]


def test_its_trouble_waits_by_its_cause() -> None:
    with Server(painting) as server:
        trouble = world_at(server.url, "another-key-than-that").wait({"instruction": "a cat"})
    assert isinstance(trouble, Unavailable)
    assert trouble.cause == "credentials"


def test_an_option_of_another_dialect_is_refused_by_its_name_before_anything_is_sent() -> None:
    with Server(painting) as server:
        refused = world_at(server.url, "the-key-of-the-brush").send(
            {"instruction": "a", "options": {"quality": "high"}}
        )
        assert server.exchanges == []
    assert refused.error
    assert (refused.error.code, refused.error.param) == ("invalid_request", "options.quality")


@pytest.mark.parametrize("answered_in", sorted(DIALECTS))
def test_it_goes_on_with_threads_of_the_others(answered_in: str) -> None:
    with Server(painting) as server:
        world = world_at(server.url, "the-key-of-the-brush")
        api, world.api = world.api, ScriptedApi()
        world.dialect, world.model = DIALECTS[answered_in], "m"
        world.script(spoken.made(DIALECTS[answered_in], png("navy")))
        world.send({"instruction": "a cat"})
        world.dialect, world.model, world.api = FOURTH, FOURTH.model, api
        ended = world.send({"instruction": "at night"}, message_id="m-2")
        (body,) = [json.loads(exchange.body) for exchange in server.exchanges]
    assert (ended.status, ended.parent_turn, ended.model) == ("succeeded", 1, "brush-1")
    assert len(body["look_at"]) == 1
