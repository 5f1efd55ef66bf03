"""Tests that hold for every dialect of the table, and for a new row without a change here.

Each dialect calls the stand-in for the image API, at its own paths.
"""

import json
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from PIL import Image as Pillow

from darkroom.domain.context import Content, Context, Image
from darkroom.domain.outcome import Outcome
from darkroom.domain.request_schema import Body, ImageRef, validated
from darkroom.errors import PROVIDER_CAUSES, Ambiguous, Cause, DarkroomError, Rejected, Unavailable
from darkroom.providers.client import ImageApi
from darkroom.providers.dialect import Answer, ApiRequest, Dialect, DialectSettings, Encoded
from darkroom.providers.dialect_table import DIALECTS, NAMES
from darkroom.providers.reply import CUT, Reply
from darkroom.streaming.blob import Blob, File, chunks, sha256
from local.image_api import StandInServer, running
from tests.fakes import spoken
from tests.fakes.image_api import ScriptedApi, png
from tests.pictures.making import saved
from tests.unit.servers import Server, answering, http
from tests.unit.turns.world import World

KEY = "sk-the-key-of-the-tests"
CAT = png("orange", size=(64, 48))
MEGABYTE = 1_000_000
PEAK_BYTES = 12 * MEGABYTE
# A valid value of each option of any dialect. None is the one that an API assumes by itself.
OPTIONS: dict[str, Any] = {
    "aspect_ratio": "16:9", "background": "opaque", "image_size": "1K", "input_fidelity": "high",
    "mime_type": "image/png", "moderation": "low", "n": 1, "output_compression": 80, "output_format": "webp",
    "quality": "high", "response_modalities": "image", "safety_identifier": "s-1", "size": "1024x1024",
    "temperature": 0.5, "top_p": 0.5, "user": "u-1",
}  # fmt: skip


@pytest.fixture(params=NAMES)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS[request.param]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandInServer]:
    with running(StandInServer(key=KEY)) as server:
        yield server


def api_at(url: str, dialect: Dialect, key: str = KEY) -> ImageApi:
    return ImageApi(url, lambda _: key, dialect, DialectSettings(), timeout=20)


def asked(words: str, *pictures: Blob) -> Context:
    return Context((Content("user", words, tuple(image(each) for each in pictures)),))


def image(data: Blob, state: Blob = b"") -> Image:
    return Image(data, "image/png", sha256(data), state)


def answered(api: ImageApi, dialect: Dialect, context: Context, model: str = "", **options: Any) -> Answer:
    """Make one call and interpret its reply."""
    prepared = api.prepare(ApiRequest(context, model or dialect.model, options))
    return dialect.interpret(replace(api.ask(prepared), asked=context.instruction))


def failure(api: ImageApi, dialect: Dialect, words: str, model: str = "") -> DarkroomError:
    with pytest.raises((Rejected, Unavailable, Ambiguous)) as caught:
        answered(api, dialect, asked(words), model)
    return caught.value


def pictures(answer: Answer) -> list[bytes]:
    return [each.decoded()[:] for each in answer.pictures if isinstance(each, Encoded)]


# One call.


def test_words_alone_become_a_picture(dialect: Dialect, stand_in: StandInServer) -> None:
    (picture,) = pictures(answered(api_at(stand_in.url, dialect), dialect, asked("a cat in the snow")))
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"


def test_pictures_become_another(dialect: Dialect, stand_in: StandInServer) -> None:
    (picture,) = pictures(answered(api_at(stand_in.url, dialect), dialect, asked("at night", CAT)))
    assert picture != CAT


def test_a_conversation_goes_on(dialect: Dialect, stand_in: StandInServer) -> None:
    api = api_at(stand_in.url, dialect)
    first = answered(api, dialect, asked("a cat")).pictures[-1]
    assert isinstance(first, Encoded)
    turns = Content("user", "a cat"), Content("model", "(1 image)", (image(first.decoded(), first.state),))
    context = Context((*turns, Content("user", "at night")))
    if dialect.history == "newest":
        context = context.flattened()
    assert pictures(answered(api, dialect, context))


@pytest.mark.parametrize(
    ("fault", "causes"),
    [
        ("401", {"credentials"}),
        ("402", {"account"}),
        ("429 retry-after=7", {"throttled"}),
        ("500", {"unreachable"}),
        ("503", {"unreachable", "throttled"}),
    ],
)
def test_trouble_waits_by_its_cause(dialect: Dialect, stand_in: StandInServer, fault: str, causes: set[Cause]) -> None:
    trouble = failure(api_at(stand_in.url, dialect), dialect, f"a cat [fault:{fault}]")
    assert isinstance(trouble, Unavailable)
    assert trouble.cause in causes & PROVIDER_CAUSES
    assert trouble.retry_after == (7 if "retry-after" in fault else None)


def test_a_model_that_the_api_does_not_know_is_the_operators_trouble(dialect: Dialect, stand_in: StandInServer) -> None:
    trouble = failure(api_at(stand_in.url, dialect), dialect, "a cat", "a-model-of-yesterday")
    assert isinstance(trouble, Unavailable)
    assert trouble.cause == "model"


def test_a_wrong_key_is_credentials(dialect: Dialect, stand_in: StandInServer) -> None:
    trouble = failure(api_at(stand_in.url, dialect, "sk-another-key-than-that"), dialect, "a cat")
    assert isinstance(trouble, Unavailable)
    assert trouble.cause == "credentials"


@pytest.mark.parametrize(("fault", "code"), [("refusal", "refused"), ("text", "refused"), ("none", "no_image")])
def test_what_ends_a_request_is_never_retried(dialect: Dialect, stand_in: StandInServer, fault: str, code: str) -> None:
    ended = failure(api_at(stand_in.url, dialect), dialect, f"a cat [fault:{fault}]")
    assert isinstance(ended, Rejected)
    assert (ended.code, bool(ended.hint)) == (code, True)


@pytest.mark.parametrize("fault", ["504", "cut", "hang"])
def test_an_answer_that_is_lost_is_ambiguous(dialect: Dialect, stand_in: StandInServer, fault: str) -> None:
    assert isinstance(failure(api_at(stand_in.url, dialect), dialect, f"a cat [fault:{fault}]"), Ambiguous)


def test_an_option_that_it_does_not_know_is_named_for_nothing(dialect: Dialect) -> None:
    document = {"instruction": "a cat", "options": {"no_such_option": 1}}
    with pytest.raises(Rejected) as caught:
        validated(Body, document, "Fix it.", options=dialect.options)
    assert (caught.value.code, caught.value.param) == ("invalid_request", "options.no_such_option")


def test_every_option_is_sent(dialect: Dialect) -> None:
    """Some are sent only with pictures, and some only without."""

    def body(context: Context, options: Mapping[str, Any]) -> bytes:
        return dialect.call(ApiRequest(context, dialect.model, options), DialectSettings()).body[:]

    contexts = asked("a cat"), asked("at night", CAT)
    for name, option in taken(dialect).items():
        assert any(body(each, {name: option}) != body(each, {}) for each in contexts), name


def test_the_stand_in_knows_every_option(dialect: Dialect, stand_in: StandInServer) -> None:
    for context in (asked("a cat"), asked("at night", CAT)):
        answered(api_at(stand_in.url, dialect), dialect, context, **taken(dialect))
        assert not stand_in.studio.calls.listed()[-1].get("ignored")


def taken(dialect: Dialect) -> Mapping[str, Any]:
    """Every option of the dialect, as the reader of requests takes it."""
    assert dialect.options.keys() <= OPTIONS.keys(), "each option needs a valid value here"
    document = {"instruction": "a cat", "options": {name: OPTIONS[name] for name in dialect.options}}
    options = validated(Body, document, "Fix it.", options=dialect.options).options
    assert options is not None
    return options


# The key, memory, and hostile answers.


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
def test_the_key_is_never_quoted(dialect: Dialect, status: int) -> None:
    said = json.dumps({"error": {"code": status, "message": f"no such key: {KEY}", "status": "X"}}).encode()
    with Server(answering(http(status, said, x_request_id=KEY))) as server:
        trouble = failure(api_at(server.url, dialect), dialect, "a cat")
        (exchange,) = server.exchanges
    assert KEY not in f"{trouble} {trouble!r} {vars(trouble)}"
    assert KEY not in f"{exchange.request_line} {exchange.body.decode(errors='replace')}"
    assert KEY in dialect.authorise(KEY)[1]


def test_a_request_streams_from_the_disk(dialect: Dialect) -> None:
    large = [File([bytes(each for each in range(256)) * (7 * MEGABYTE // 256)]) for _ in range(3)]
    request = ApiRequest(asked("at night", *large), dialect.model, {})
    tracemalloc.start()
    try:
        body = dialect.call(request, DialectSettings()).body
        total = sum(map(len, chunks(body)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == len(body)
    assert total > 20 * MEGABYTE
    assert peak < PEAK_BYTES


def test_an_answer_streams_from_the_disk(dialect: Dialect) -> None:
    picture = CAT + bytes(30 * MEGABYTE)
    reply = spoken.made(dialect, picture)
    tracemalloc.start()
    try:
        (made,) = dialect.interpret(reply).pictures
        assert isinstance(made, Encoded)
        decoded = made.decoded()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(decoded) == len(picture)
    assert peak < PEAK_BYTES


HOSTILE = (
    b"", b"{}", b"[]", b"null", b"7", b'"words"', b"\xff\xfe\x00", b"{" * 5000, b"[" * 100_000, b'{"error": {}}',
    b'{"error": "no"}', b'{"error": {"code": {}, "message": [], "status": 7, "details": {}}}', b'{"error": []}',
    b'{"candidates": {}}', b'{"candidates": [7, {"content": {"parts": [[], {"inlineData": "x"}]}}]}',
    b'{"candidates": [{"content": {"parts": [{"inlineData": {"data": "iVBORw0KGgo!!!!"}}]}, "finishReason": 7}]}',
    b'{"promptFeedback": {"blockReason": {"x": 1}}, "candidates": null}', b'{"data": {"data": {"data": []}}}',
    b'{"data": [{"b64_json": 7, "url": {}}], "usage": "x"}', b'{"responseId": "\\u0000", "candidates": []}',
    b'{"error": {"details": [{"retryDelay": "1e9s"}, {"retryDelay": []}, 7], "code": 429, "message": "x"}}',
    b"<html>", b"data: {}\n\ndata: [DONE]\n\n", b'{"a": 1, "a": 2}', b'{"candidates": [{}], "candidates": [{}]}',
)  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_answers_end_in_our_own_words(dialect: Dialect, body: bytes) -> None:
    for status in (200, 204, 302, 400, 401, 404, 413, 429, 500, 503, 504):
        for headers in ({}, {CUT: "IncompleteRead"}):
            reply = Reply(status, cast("Mapping[str, str]", headers), body, 1.0, dialect.name)
            with pytest.raises((Rejected, Unavailable, Ambiguous)):
                dialect.interpret(reply)
            assert dialect.request_id(reply) is None


@pytest.mark.parametrize("name", ["../../v1/files", "x?key=1", "x#y", "a b", "x:other", "//elsewhere/x", "x\r\ny: z"])
def test_the_name_of_a_model_leads_nowhere_else(dialect: Dialect, name: str) -> None:
    """A request may name any model. The name stands in the body, or is refused free of charge."""
    path = dialect.call(ApiRequest(asked("a cat"), dialect.model, {}), DialectSettings()).path
    try:
        call = dialect.call(ApiRequest(asked("a cat"), name, {}), DialectSettings())
    except Rejected as refused:
        assert (refused.code, refused.param, refused.charged) == ("invalid_request", "model", False)
    else:
        assert call.path == path


def test_its_limits_and_its_headers_can_be_kept(dialect: Dialect) -> None:
    assert dialect.url.startswith("https://")
    assert dialect.model not in dialect.retired
    assert {"content-type", "date", "retry-after", CUT} <= set(dialect.kept_headers)
    assert all(name == name.lower() for name in dialect.kept_headers)
    assert {"image/png", "image/jpeg"} <= set(dialect.limits.media_types)


# Whole turns.


def world_of(dialect: Dialect, url: str) -> World:
    world = World(dialect=dialect, model=dialect.model)
    speak(world, dialect, url)
    return world


def speak(world: World, dialect: Dialect, url: str) -> None:
    """Let the stack use this dialect from now on."""
    world.dialect, world.model = dialect, dialect.model
    world.api = cast("ScriptedApi", api_at(url, dialect))


def said(world: World, words: str, number: int, **more: Any) -> Outcome:
    return world.send({"instruction": words, **more}, message_id=f"m-{number}")


def test_a_thread_has_words_a_photo_a_branch_and_a_turn_after_a_refusal(
    dialect: Dialect, stand_in: StandInServer
) -> None:
    world = world_of(dialect, stand_in.url)
    world.objects.put("uploads", "cat.png", CAT)
    photo = ImageRef("uploads", "cat.png")
    turns = [
        said(world, "a cat", 1),
        said(world, "at night", 2),
        said(world, "no [fault:refusal]", 3),
        said(world, "with this one", 4, images=[f"s3://{photo.bucket}/{photo.key}"]),
        said(world, "in snow instead", 5, parent_turn=1),
    ]
    assert [each.status for each in turns] == ["succeeded", "succeeded", "failed", "succeeded", "succeeded"]
    assert [each.parent_turn for each in turns] == [None, 1, 2, 2, 1]
    assert [each.cost.paid_calls for each in turns if each.status == "succeeded"] == [1, 1, 1, 1]
    assert {each.dialect for each in turns} == {dialect.name}


def test_a_refusal_is_one_call_and_its_words_are_told(dialect: Dialect, stand_in: StandInServer) -> None:
    world, before = world_of(dialect, stand_in.url), len(stand_in.studio.calls.listed())
    refused = said(world, "no [fault:refusal]", 1)
    assert refused.error
    assert (refused.error.code, refused.error.retryable) == ("refused", False)
    assert len(stand_in.studio.calls.listed()) - before == 1


def test_a_request_stays_within_what_the_operator_allows(dialect: Dialect) -> None:
    """Pictures become smaller if they are too large together."""
    world = World(dialect=dialect, model=dialect.model, max_request_bytes=700_000)
    noise = Pillow.effect_noise((1100, 900), 90).convert("RGB")
    for name in ("a.jpg", "b.jpg"):
        world.objects.put("uploads", name, saved(noise, "JPEG") + name.encode())
    world.script(spoken.made(dialect, CAT))
    ended = said(world, "both", 1, images=["s3://uploads/a.jpg", "s3://uploads/b.jpg"])
    assert ended.status == "succeeded"
    (question,) = world.api.questions
    assert sum(len(each.data) for each in question.context.images) > 300_000
    assert len(dialect.call(question, DialectSettings()).body) <= 700_000


def test_a_stack_that_speaks_every_dialect_in_turn_answers_every_turn_and_pays_each_once(
    stand_in: StandInServer,
) -> None:
    """The parameter changes during a conversation, there and back."""
    world, before = World(), len(stand_in.studio.calls.listed())
    spoken = [DIALECTS[name] for name in (*NAMES, *reversed(NAMES))]
    for number, each in enumerate(spoken, start=1):
        speak(world, each, stand_in.url)
        ended = said(world, f"a cat, take {number}", number)
        assert (ended.status, ended.cost.paid_calls, ended.model) == ("succeeded", 1, each.model)
    assert len(stand_in.studio.calls.listed()) - before == len(spoken), "a call was refused and made again"
