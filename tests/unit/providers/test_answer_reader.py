"""Pictures in relays' answers: in the forms that people reported, and in any other form."""

import base64
import functools
import gzip
import io
import json
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.errors import Ambiguous, Unavailable
from darkroom.pictures.inspect import inspect
from darkroom.providers import shown_pictures
from darkroom.providers.dialects.nebula_reply import interpret
from darkroom.providers.reply import Reply
from tests.unit.samples import encoded, noise, pictures_in, rejection, reply

PNG, OTHER = encoded("PNG"), encoded("PNG", (9, 9))
B64, OTHER_B64 = base64.b64encode(PNG).decode(), base64.b64encode(OTHER).decode()
LONG_PNG = PNG + bytes(100_000)  # long enough to stay on disk
LONG_B64 = base64.b64encode(LONG_PNG).decode()
DATA_URI = f"data:image/png;base64,{B64}"
URL = "https://cdn.example.com/a.png"


def gemini(*parts: object, reason: str = "STOP") -> dict[str, object]:
    """An answer of Gemini's `generateContent`."""
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}]}


def inline(data: str, **more: object) -> dict[str, object]:
    return {"inlineData": {"mimeType": "image/png", "data": data}} | more


def chat(content: object, **more: object) -> dict[str, object]:
    """An answer of a chat's completion."""
    return {"choices": [{"message": {"role": "assistant", "content": content} | more, "finish_reason": "stop"}]}


def stream(*events: object, end: str = "data: [DONE]\n\n", line: str = "\n") -> bytes:
    """Server-sent events."""
    said = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + end
    return said.replace("\n", line).encode()


def partial(data: str, number: int) -> dict[str, object]:
    return {"type": "image_generation.partial_image", "b64_json": data, "partial_image_index": number}


def codes(given: Reply) -> list[str]:
    return [warning.code for warning in interpret(given).warnings]


@pytest.mark.parametrize(
    ("document", "pictures"),
    [
        pytest.param(gemini(inline(B64)), [PNG], id="A1-gemini"),
        pytest.param({"code": 200, "data": gemini(inline(B64))}, [PNG], id="A1-gemini-wrapped"),
        pytest.param(gemini({"inline_data": {"mime_type": "image/png", "data": B64}}), [PNG], id="A1-gemini-snake"),
        pytest.param(gemini(inline(OTHER_B64, thought=True), inline(B64)), [PNG], id="A1-a-thought-gives-way"),
        pytest.param(chat("", images=[{"image_url": {"url": DATA_URI}}]), [PNG], id="A3-chat-images"),
        pytest.param(chat(None, images=[{"image_url": URL}]), [URL], id="A3-chat-images-by-address"),
        pytest.param(chat(f"Here it is:\n![cat]({DATA_URI})"), [PNG], id="A4-markdown-data-uri"),
        pytest.param(chat(f"![cat]({URL})"), [URL], id="A4-markdown-address"),
        pytest.param(chat([{"type": "image_url", "image_url": {"url": DATA_URI}}]), [PNG], id="A4-content-in-parts"),
        pytest.param(chat(DATA_URI), [PNG], id="A4-a-bare-data-uri"),
        pytest.param({"output": [{"type": "image_generation_call", "result": B64}]}, [PNG], id="A5-output"),
        pytest.param({"data": [{"url": [URL]}]}, [URL], id="A6-url-is-a-list"),
        pytest.param({"images": [{"url": URL}]}, [URL], id="A6-images"),
        pytest.param({"data": B64}, [PNG], id="A6-data-is-a-string"),
        pytest.param({"data": [B64, OTHER_B64]}, [PNG, OTHER], id="A6-data-is-a-list-of-strings"),
        pytest.param({"image_base64": B64}, [PNG], id="A6-image_base64"),
        pytest.param({"data": {"images": [{"b64_json": B64}]}}, [PNG], id="A6-data-images"),
        pytest.param({"data": {"images": [URL]}}, [URL], id="A6-data-images-are-addresses"),
        pytest.param({"data": [{"text": f'![a cat]({URL} "the title")'}]}, [URL], id="A12-a-title"),
        pytest.param({"data": [{"text": f"![a [b] c]({URL})"}]}, [URL], id="A12-brackets"),
        pytest.param({"data": [{"text": f'<img alt="a" src="{URL}">'}]}, [URL], id="A12-html"),
        pytest.param({"data": [{"text": f"<IMG SRC='{DATA_URI}'/>"}]}, [PNG], id="A12-html-data-uri"),
        pytest.param({"data": [{"text": f"It is at {URL}."}]}, [URL], id="A12-a-bare-address"),
        pytest.param([gemini(inline(B64))], [PNG], id="G10-a-list"),
        pytest.param({"body": json.dumps({"data": [{"b64_json": B64}]})}, [PNG], id="json-in-json"),
        pytest.param({"body": json.dumps({"text": "ä\n", "images": [LONG_B64]})}, [LONG_PNG], id="long-json-in-json"),
    ],
)
def test_a_picture_is_found_where_relays_put_it(document: Any, pictures: list[bytes | str]) -> None:
    answer = interpret(reply(document))
    assert list(pictures_in(answer)) == pictures
    assert answer.warnings == ()


@pytest.mark.parametrize(
    ("body", "picture"),
    [
        pytest.param(stream({"data": [{"b64_json": B64}]}), PNG, id="A8-events"),
        pytest.param(stream({"data": [{"b64_json": LONG_B64}]}), LONG_PNG, id="A8-a-long-event"),
        pytest.param(stream({"data": [{"b64_json": B64}]}, line="\r\n"), PNG, id="A8-lines-of-windows"),
        pytest.param(stream({"data": [{"b64_json": B64}]}, end=""), PNG, id="A8-no-mark-at-its-end"),
        pytest.param(json.dumps({"data": [{"b64_json": B64}]}).encode() + b"\n\ndata: [DONE]", PNG, id="A8-a-mark"),
        pytest.param(b": keep-alive\n\n" * 9 + json.dumps({"data": [{"b64_json": B64}]}, indent=1).encode(), PNG,
                     id="A8-comments"),
        pytest.param(stream(partial(OTHER_B64, 0), partial(OTHER_B64, 1),
                            {"type": "image_generation.completed", "b64_json": B64}), PNG, id="A8-partial-pictures"),
        pytest.param(b"data: {}\ndata: " + json.dumps(gemini(inline(B64))).encode() + b"\n", PNG, id="A8-dense-lines"),
        pytest.param(b"\n".join(json.dumps(each).encode() for each in ({}, {"image": B64})), PNG, id="A8-json-lines"),
        pytest.param(b" \n" * 5000 + json.dumps({"data": [{"b64_json": B64}]}).encode(), PNG, id="A16-white-space"),
        pytest.param(b"\xef\xbb\xbf" + stream({"data": [{"b64_json": B64}]}), PNG, id="A16-bom-before-events"),
        pytest.param(b'{"n": %b, "image": "%b"}' % (b"9" * 6000, B64.encode()), PNG, id="G10-a-number-of-6000-digits"),
        pytest.param(PNG, PNG, id="the-picture-itself"),
        pytest.param(DATA_URI.encode(), PNG, id="a-data-uri-as-the-body"),
        pytest.param(B64.encode(), PNG, id="base64-as-the-body"),
        pytest.param(json.dumps(DATA_URI).encode(), PNG, id="a-string-of-json"),
    ],
)  # fmt: skip
def test_a_picture_is_found_in_whatever_a_relay_makes_of_a_body(body: bytes, picture: bytes) -> None:
    answer = interpret(reply(body))
    assert pictures_in(answer) == (picture,)
    assert answer.warnings == ()


def test_words_that_a_stream_says_in_pieces_are_one_text() -> None:
    pieces = [{"choices": [{"delta": {"content": piece}}]} for piece in ("a ", "white", " cat")]
    made = {"choices": [{"delta": {"images": [{"image_url": {"url": DATA_URI}}]}}]}
    answer = interpret(reply(stream(*pieces, made)))
    assert (pictures_in(answer), answer.text) == ((PNG,), "a white cat")


def test_of_drafts_alone_the_newest_is_published_with_a_warning() -> None:
    given = reply(stream(partial(OTHER_B64, 0), partial(B64, 1)))
    assert (pictures_in(interpret(given)), codes(given)) == ((PNG,), ["draft"])
    given = reply(gemini(inline(B64, thought=True)))
    assert (pictures_in(interpret(given)), codes(given)) == ((PNG,), ["draft"])


@pytest.mark.parametrize(
    "body",
    [
        stream(partial(B64, 0), end=""),
        stream(partial(B64, 0), end='data: {"type": "image_generation.completed", "b64_json": "iVBOR'),
        stream({"choices": [{"delta": {"content": "a "}}]}, {"choices": [{"delta": {"content": "white"}}]}, end=""),
    ],
)
def test_a_stream_that_was_cut_is_ambiguous(body: bytes) -> None:
    with pytest.raises(Ambiguous):
        interpret(reply(body))


@pytest.mark.parametrize(
    "reason",
    ["IMAGE_SAFETY", "SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "IMAGE_RECITATION", "RECITATION"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["finish", "block", "wrapped"])
def test_a_reason_of_gemini_is_a_refusal_that_quotes_it(reason: str, form: str) -> None:
    """A2."""
    blocked = {"promptFeedback": {"blockReason": reason}}
    documents = {"finish": gemini(reason=reason), "block": blocked, "wrapped": {"code": 200, "data": blocked}}
    refused = rejection(lambda: interpret(reply(documents[form])))
    assert (refused.code, refused.charged) == ("refused", True)
    assert reason in refused.message


def test_a_reason_that_is_no_refusal_is_quoted_too() -> None:
    missing = rejection(lambda: interpret(reply(gemini(reason="MAX_TOKENS"))))
    assert missing.code == "no_image"
    assert "MAX_TOKENS" in missing.message


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    "document",
    [
        {"code": 200, "data": [{"status": "submitted", "task_id": "t"}]},
        {"id": "p", "status": "starting", "urls": {"get": "https://api.example.com/p"}},
        {"data": {"taskId": "t", "state": "IN_PROGRESS"}, "message": "task submitted"},
    ],
)
def test_a_task_ends_the_request_and_is_the_operators_trouble(document: object, status: int) -> None:
    """A7. A second call would buy the same task."""
    task = rejection(lambda: interpret(reply(document, status)))
    assert (task.code, task.charged, task.trouble) == ("no_image", True, "configuration")
    assert "task" in task.message


@pytest.mark.parametrize(
    "text", [f"See {URL}", f"I refuse. ({URL})", "https://cdn.example.com/pictures/ä.webp?token=1&x=2"]
)
def test_a_bare_address_that_shows_no_picture_is_as_if_it_were_not_there(text: str) -> None:
    """A12."""
    answer = interpret(reply({"data": [{"text": text}]}))
    assert answer.otherwise
    assert (answer.otherwise.code, answer.otherwise.text) == ("refused", text)


def test_an_address_that_is_no_pictures_is_only_words() -> None:
    said = rejection(lambda: interpret(reply({"data": [{"text": "See https://example.com/rules.html"}]})))
    assert said.code == "refused"


@pytest.mark.parametrize(
    "document",
    [
        {"weird": {"png": B64}},
        {"status": "ok", "message": "done", "files": [{"name": "a.png", "content_base64": DATA_URI}]},
        {"a": [[[{"b": {"c": LONG_B64}}]]]},
        {"note": f"here: ![]({DATA_URI})"},
        {"xml": f"<image>{B64}</image>"},
        {"xml": f"<image>{LONG_B64}</image>"},
        {"event": json.dumps({"strange": {"place": LONG_B64}})},
    ],
)
def test_a_picture_in_an_unusual_place_is_published_with_a_warning(document: object) -> None:
    given = reply(document)
    assert pictures_in(interpret(given)) in ((PNG,), (LONG_PNG,))
    assert codes(given) == ["unusual_answer"]


def test_a_picture_that_was_sent_gives_way_to_the_one_that_was_made() -> None:
    given = reply({"request": {"image": OTHER_B64}, "strange": {"place": B64}, "logo": OTHER_B64})
    assert pictures_in(interpret(given)) == (PNG,)


def test_a_picture_that_was_sent_is_no_answer_where_the_model_refuses() -> None:
    given = {"request": {"image": OTHER_B64}, "data": [{"text": "I cannot do that."}]}
    assert rejection(lambda: interpret(reply(given))).code == "refused"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": ' * 150_000 + json.dumps({"b64_json": B64}).encode() + b"}" * 150_000,
        json.dumps({"data": [{"b64_json": B64}]}).encode()[:-2],
        json.dumps({"data": [{"b64_json": B64}]}).encode().replace(b"}]", b",}]"),
        b'{"log": [' + b"1," * 600_000 + b'1], "b64_json": "' + B64.encode() + b'"}',
        b"callback(" + json.dumps({"data": [{"b64_json": B64}]}).encode() + b");",
        str({"data": [{"b64_json": DATA_URI}]}).encode(),
        b"<?xml version='1.0'?><image>" + B64.encode() + b"</image>",
    ],
    ids=["deep", "cut-after-the-picture", "a-comma-too-many", "endless", "a-call", "python", "xml"],
)
def test_a_whole_picture_in_json_that_cannot_be_read_is_found(body: bytes) -> None:
    """G10."""
    assert (pictures_in(interpret(reply(body))), codes(reply(body))) == ((PNG,), ["unusual_answer"])


@pytest.mark.parametrize("body", [b"[" * 150_000 + b"]" * 150_000, b'{"data": [,]}', b'{"a": 1} {"b": }'])
def test_json_that_came_to_its_end_was_paid_and_is_not_paid_again(body: bytes) -> None:
    """G10."""
    ended = rejection(lambda: interpret(reply(body)))
    assert (ended.code, ended.charged) == ("no_image", True)


def test_an_error_in_a_stream_is_that_error() -> None:
    with pytest.raises(Unavailable) as caught:
        interpret(reply(stream({"error": {"code": 429, "message": "slow down"}})))
    assert caught.value.cause == "throttled"


def test_a_picture_before_an_error_in_a_stream_was_made() -> None:
    given = reply(stream({"data": [{"b64_json": B64}]}, {"error": {"code": 500, "message": "lost"}}))
    assert pictures_in(interpret(given)) == (PNG,)


names = st.text("abcdefgh_", min_size=1, max_size=8)
leaves = st.none() | st.booleans() | st.integers() | st.text("xyz .!", max_size=12)


@st.composite
def nested(draw: st.DrawFn, picture: object) -> Any:
    """A JSON document of any shape with the picture somewhere in it."""
    document = picture
    for _ in range(draw(st.integers(1, 6))):
        beside = draw(st.dictionaries(names, leaves, max_size=3))
        if draw(st.booleans()):
            document = {**beside, draw(names): document}
        else:
            document = [*beside.values(), document, *draw(st.lists(leaves, max_size=2))]
    return document


@given(document=st.sampled_from([B64, DATA_URI, LONG_B64, f"![x]({DATA_URI})"]).flatmap(nested))
def test_a_picture_anywhere_in_json_of_any_shape_is_found(document: Any) -> None:
    answer = interpret(reply(document))
    assert pictures_in(answer) in ((PNG,), (LONG_PNG,))


# Findings of an attack.


@pytest.mark.parametrize(
    ("document", "pictures"),
    [
        ({"size": "1", "data": [{"b64_json": B64, "url": URL}]}, [PNG]),
        ({"data": [{"b64_json": B64, "url": URL}]}, [PNG]),
        ({"input_images": [OTHER_B64], "output_images": [B64]}, [PNG]),
        ({"before": OTHER_B64, "after": B64}, [PNG]),
    ],
)
def test_in_one_item_the_bytes_come_before_the_address_and_what_was_sent_is_left_out(
    document: object, pictures: list[bytes]
) -> None:
    assert list(pictures_in(interpret(reply(document)))) == pictures


@pytest.mark.parametrize("status", [200, 418, 500, 999])
@pytest.mark.parametrize(
    "error", [{"message": "one of 2 images was filtered", "code": "partial"}, {"code": 0, "message": "success"}]
)
def test_a_picture_beside_an_error_was_made(status: int, error: object) -> None:
    assert pictures_in(interpret(reply({"error": error, "data": [{"b64_json": B64}]}, status))) == (PNG,)


@pytest.mark.parametrize("status", [200, 400, 500, 503])
@pytest.mark.parametrize(
    "named",
    [
        {"data": [{"url": "https://cdn.example.com/a"}]},
        {"data": {"data": [{"url": "https://cdn.example.com/a"}]}},
        {"code": 500, "data": {"url": "https://cdn.example.com/a"}},
        {"output": ["https://cdn.example.com/a"]},
        chat("![a](https://cdn.example.com/a)"),
    ],
)
def test_a_picture_by_address_beside_an_error_was_made(status: int, named: dict[str, Any]) -> None:
    answer = interpret(reply({"error": {"message": "watermark failed"}, **named}, status))
    assert answer.pictures == ("https://cdn.example.com/a",)
    assert answer.otherwise
    assert answer.otherwise.charged
    assert "watermark failed" in answer.otherwise.message


@pytest.mark.parametrize(
    "named", [{"url": "https://docs.example.com/errors"}, {"input": {"url": URL}}, {"image_url": URL}, {"help": URL}]
)
def test_an_address_of_a_page_or_of_what_was_sent_makes_no_answer_of_an_error(named: dict[str, Any]) -> None:
    with pytest.raises(Unavailable) as caught:
        interpret(reply({"error": {"message": "slow down", "code": 429}, **named}, 429))
    assert caught.value.cause == "throttled"


def events(*said: str, between: str = "\n\n", end: str = "data: [DONE]\n\n") -> bytes:
    """Server-sent events of any text."""
    return "".join(f"data: {each}{between}" for each in said).encode() + end.encode()


def plain(body: bytes) -> Reply:
    return replace(reply({}), body=body)


DATA_B64 = json.dumps({"data": [{"b64_json": B64}]})


@pytest.mark.parametrize(
    "body",
    [
        events(f"data: {DATA_B64}"),
        events(DATA_URI),
        events(B64),
        events(LONG_B64),
        events(f"b'{B64}'"),
        events(f"Here it is: ![a]({DATA_URI})"),
        events("Here it is", DATA_URI),
        events('{"created": 1}', DATA_URI),
        events(json.dumps(json.loads(DATA_B64), indent=1)),
        events(json.dumps(json.loads(DATA_B64), indent=1).replace("\n", "\ndata: ")),
        events('{"created": 1}', DATA_B64, between=""),
    ],
)
def test_a_picture_in_a_stream_that_is_no_json_is_found(body: bytes) -> None:
    (found,) = pictures_in(interpret(plain(body)))
    assert found in (PNG, LONG_PNG)


@pytest.mark.parametrize(
    "body", [events(URL), events(f"![a]({URL})"), events(f"See {URL}"), URL.encode(), f"Here: ![a]({URL})".encode()]
)
def test_an_address_in_a_stream_or_a_text_that_is_no_json_is_found(body: bytes) -> None:
    assert interpret(plain(body)).pictures == (URL,)


def test_words_in_a_stream_that_came_to_its_end_are_an_answer() -> None:
    refused = rejection(lambda: interpret(plain(events("I cannot draw that", "at all"))))
    assert (refused.code, refused.text, refused.charged) == ("refused", "I cannot draw that\nat all", True)


@pytest.mark.parametrize("body", [events(), events("", ""), events("{broken", "…")])
def test_a_stream_of_nothing_that_came_to_its_end_was_paid(body: bytes) -> None:
    assert rejection(lambda: interpret(plain(body))).charged


@pytest.mark.parametrize(
    "body",
    [
        events("I cannot draw", end=""),
        events(B64[:50], end=""),
        events('{"choices": [{"finish_reason": "stop"}]}', DATA_B64[:-40], end=""),
        b"upstream request timeout",
        f"<head></head><img src='{URL}'>".encode(),
    ],
)
def test_what_did_not_come_to_its_end_or_is_a_page_is_no_answer(body: bytes) -> None:
    with pytest.raises(Ambiguous):
        interpret(plain(body))


@pytest.mark.parametrize(
    "said",
    [
        f"已生成：{URL}，满意吗？", f"（{URL}）", f"“{URL}”", f"《{URL}》", f"{URL}の", f"图片{URL}请查看",
        f"a {URL}|b", f"{URL};b", f"{URL}\\nb", f"&lt;img src=&quot;{URL}&quot;&gt;", URL.replace("/", "\\/"),
        f"{URL}&gt;", f"[{URL}]", f"HTTPS{URL[5:]}, as asked", f"{URL}**",
    ],
)  # fmt: skip
def test_an_address_ends_where_nothing_of_an_address_follows(said: str) -> None:
    (found,) = interpret(reply(chat(said))).pictures
    assert str(found).replace("HTTPS", "https") == URL


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("https://cdn.example.com/图.png，好吗", "https://cdn.example.com/图.png"),
        (f"{URL}?a=1&amp;b=2&quot;", f"{URL}?a=1&b=2"),
        (f"{URL}?sig=%2Fa，好", f"{URL}?sig=%2Fa"),
        ("https://cdn.example.com/a.png/b.jpg!", "https://cdn.example.com/a.png/b.jpg"),
    ],
)
def test_what_belongs_to_an_address_stays_with_it(said: str, address: str) -> None:
    assert interpret(reply(chat(said))).pictures == (address,)


@pytest.mark.parametrize("said", ["https://cdn.example.com/a.pngs", "https://example.com/gallery，a.txt"])
def test_an_address_of_something_else_is_no_picture(said: str) -> None:
    assert rejection(lambda: interpret(reply(chat(said)))).code == "refused"


@pytest.mark.parametrize(
    "written",
    [
        f"data:image/png;base64,{DATA_URI}",
        f"```base64\n{B64}\n```",
        f"```\n{DATA_URI}\n```\n",
        f"-----BEGIN IMAGE-----\n{B64}\n-----END IMAGE-----\n",
        f"data: image/png; base64, {B64}",
        f"data:image/png;base64,b'{B64}'",
        f"data:image/png;base64,data:image/png;base64,{LONG_B64}",
        f"```base64\n{LONG_B64}\n```",
        f"-----BEGIN IMAGE-----\n{LONG_B64}\n-----END IMAGE-----",
    ],
)
@pytest.mark.parametrize("name", ["b64_json", "url"])
def test_base64_is_read_whatever_stands_around_it(name: str, written: str) -> None:
    (found,) = pictures_in(interpret(reply({"data": [{name: written}]})))
    assert found in (PNG, LONG_PNG)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("/f/x.png", "/f/x.png"),
        ("//cdn.example.com/x.png", "//cdn.example.com/x.png"),
        (f"HTTPS{URL[5:]}", f"HTTPS{URL[5:]}"),
        (f"![a]({URL})", URL),
    ],
)
def test_an_address_is_read_however_it_is_written(written: str, address: str) -> None:
    assert interpret(reply({"data": [{"url": written}]})).pictures == (address,)


def test_a_picture_that_an_error_quotes_was_sent_and_not_made() -> None:
    quoting = {"error": {"code": 400, "message": f"bad image {DATA_URI}", "image": B64}}
    assert rejection(lambda: interpret(reply(quoting, 400))).code == "invalid_request"


@pytest.mark.parametrize(
    ("document", "status", "cause"),
    [
        ({"status": "error", "message": "insufficient balance"}, 200, "account"),
        ({"errors": [{"message": "rate limit exceeded", "code": "429"}]}, 200, "throttled"),
        ({"code": 200, "data": {"error": {"message": "too many requests"}}}, 200, "throttled"),
        ([{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}], 400, "credentials"),
        ([{"error": {"code": 429, "message": "slow down"}}], 200, "throttled"),
    ],
)
def test_an_error_is_found_wherever_it_is_stated(document: object, status: int, cause: str) -> None:
    with pytest.raises(Unavailable) as caught:
        interpret(reply(document, status))
    assert caught.value.cause == cause


@pytest.mark.parametrize("size", [7, 40, 200, 2000])
def test_a_picture_that_a_stream_cuts_into_pieces_is_one_picture(size: int) -> None:
    said = f"Here: ![cat]({DATA_URI}) done"
    pieces = [{"choices": [{"delta": {"content": said[at : at + size]}}]} for at in range(0, len(said), size)]
    answer = interpret(reply(stream(*pieces)))
    assert (pictures_in(answer), answer.text) == ((PNG,), "Here:  done")


def test_a_long_picture_in_pieces_is_one_picture_too() -> None:
    said = f"![cat](data:image/png;base64,{LONG_B64})"
    for size in (9000, 70_000):
        pieces = [{"choices": [{"delta": {"content": said[at : at + size]}}]} for at in range(0, len(said), size)]
        assert pictures_in(interpret(reply(stream(*pieces)))) == (LONG_PNG,)


@pytest.mark.parametrize(
    "written",
    [
        "b'{}'", '"{}"', "base64,{}", "image/png;base64,{}", "DATA:IMAGE/PNG;BASE64,{}", "data:;base64,{}",
        'data:image/png;name="a, b.png";base64,{}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("data", [PNG, LONG_PNG])
def test_base64_is_read_however_its_beginning_is_written(written: str, data: bytes) -> None:
    text = written.replace("{}", base64.b64encode(data).decode())
    assert pictures_in(interpret(reply({"data": [{"b64_json": text}]}))) == (data,)


def test_a_line_break_that_json_does_not_allow_is_passed_over() -> None:
    body = b'{"data": [{"b64_json": "%b"}]}' % base64.encodebytes(PNG)
    assert pictures_in(interpret(reply(body))) == (PNG,)


def test_an_answer_without_content_was_paid() -> None:
    ended = rejection(lambda: interpret(reply(b"", 204)))
    assert (ended.code, ended.charged) == ("no_image", True)


def asked(document: object, instruction: str, status: int = 400) -> Reply:
    return replace(reply(document, status), asked=instruction)


@pytest.mark.parametrize(
    "words",
    ["a sign that says: insufficient balance", "a headline: model gpt not found, in red", "the image is too large"],
)
@pytest.mark.parametrize("quoted", ["bad prompt: {}", "bad prompt: {} (request id: 2026)", "cannot paint '{}'"])
def test_the_words_of_an_instruction_say_nothing_of_an_error(words: str, quoted: str) -> None:
    said = {"error": {"code": 400, "message": quoted.replace("{}", words)}}
    assert rejection(lambda: interpret(asked(said, words))).code == "invalid_request"
    cut = {"error": {"code": 400, "message": f"bad prompt: {words[:30]}…"}}
    assert rejection(lambda: interpret(asked(cut, words))).code == "invalid_request"


def test_a_word_of_an_instruction_is_no_request_id() -> None:
    words = "paint a cat (request id: MyWord)"
    said = {"error": {"code": 400, "message": f"cannot do {words}"}}
    assert rejection(lambda: interpret(asked(said, words))).provider_request_id is None


# Findings of a second attack: pictures that were packed once more.

NOISE = noise("PNG")  # too large for one chunk, and its Base64 has every letter
LONG_NOISE = noise("PNG", side=200)
NOISY_JPEG = noise("JPEG")


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def uri_of(data: bytes) -> str:
    return f"data:image/png;base64,{base64_of(data)}"


def percent(text: str) -> str:
    return quote(text, safe="")


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def buffer(data: bytes) -> dict[str, object]:
    """As Node writes one."""
    return {"type": "Buffer", "data": list(data)}


def gateway(body: bytes) -> dict[str, object]:
    """An answer that an API gateway wrapped and did not unwrap."""
    return {"statusCode": 200, "headers": {}, "isBase64Encoded": True, "body": base64_of(body)}


def as_json(data: bytes) -> bytes:
    return json.dumps({"data": [{"b64_json": base64_of(data)}]}).encode()


def archive(data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        made.writestr("image_0.png", data)
    return target.getvalue()


Packed = Callable[[bytes], object]
PACKED: dict[str, Packed] = {
    "percent-encoded": lambda data: percent(base64_of(data)),
    "percent-encoded-in-lowercase": lambda data: base64_of(data).replace("+", "%2b").replace("/", "%2f"),
    "a-data-uri-with-percent-encoded-base64": lambda data: "data:image/png;base64," + percent(base64_of(data)),
    "a-percent-encoded-data-uri": lambda data: percent(uri_of(data)),
    "a-data-uri-percent-encoded-twice": lambda data: percent(percent(uri_of(data))),
    "a-data-uri-of-percent-encoded-bytes": lambda data: "data:image/png," + quote(data),
    "lines-that-are-percent-encoded": lambda data: percent(base64.encodebytes(data).decode()),
    "entities-of-html": lambda data: base64_of(data).replace("+", "&#43;").replace("/", "&#x2F;").replace("=", "&#61;"),
    "escaped-twice": lambda data: base64_of(data).replace("/", "\\/").replace("+", "\\u002b"),
    "lines-that-are-escaped-twice": lambda data: "\\n".join(cut(base64_of(data), 76)),
    "spaces-for-its-pluses": lambda data: base64_of(data).replace("+", " "),
    "invisible-letters": lambda data: "\ufeff" + "\u200b".join(cut(base64_of(data), 76)),
    "a-comma-after-it": lambda data: base64_of(data) + ",",
    "a-bracket-after-it": lambda data: uri_of(data) + ")",
    "nul-after-it": lambda data: base64_of(data) + "\0",
    "base64-of-base64": lambda data: base64_of(base64_of(data).encode()),
    "base64-of-a-data-uri": lambda data: base64_of(uri_of(data).encode()),
    "base64-of-gzip": lambda data: base64_of(gzip.compress(data)),
    "base64-of-zlib": lambda data: base64_of(zlib.compress(data)),
    "base64-of-an-archive": lambda data: base64_of(archive(data)),
    "hexadecimal": bytes.hex,
    "hexadecimal-as-databases-write-it": lambda data: "\\x" + data.hex().upper(),
    "hexadecimal-with-spaces-and-lines": lambda data: "\n".join(cut(data.hex(" "), 48)),
    "hexadecimal-with-colons": lambda data: data.hex(":", 1),
    "hexadecimal-in-lines": lambda data: "\n  ".join(cut(data.hex(), 64)),
    "hexadecimal-as-programs-write-it": lambda data: ", ".join(f"0x{byte:02x}" for byte in data),
    "hexadecimal-in-escapes": lambda data: "".join(f"\\x{byte:02x}" for byte in data),
    "letters-for-bytes": lambda data: data.decode("latin-1"),
    "numbers": list,
    "numbers-with-a-sign": lambda data: [byte - 256 * (byte > 127) for byte in data],
    "numbers-by-their-index": lambda data: {str(number): byte for number, byte in enumerate(data)},
    "a-buffer": buffer,
    "chunks": lambda data: cut(base64_of(data), 1000),
    "chunks-of-a-data-uri": lambda data: cut(uri_of(data), 1000),
    "short-chunks": lambda data: cut(base64_of(data), 16),
    "chunks-that-are-lines": lambda data: base64.encodebytes(data).decode().splitlines(keepends=True),
    "chunks-with-padding-each": lambda data: [base64_of(data[at : at + 1000]) for at in range(0, len(data), 1000)],
}


@pytest.mark.parametrize("data", [NOISE, NOISY_JPEG, LONG_NOISE], ids=["png", "jpeg", "long"])
@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED.keys())
def test_a_picture_that_was_encoded_once_more_is_found(packed: Packed, data: bytes) -> None:
    """It may be in its documented place, in any other, and in JSON within JSON."""
    documented = reply({"data": [{"b64_json": packed(data)}]})
    assert (pictures_in(interpret(documented)), codes(documented)) == ((data,), [])
    elsewhere = reply({"status": "ok", "strange": {"place": packed(data)}})
    assert (pictures_in(interpret(elsewhere)), codes(elsewhere)) == ((data,), ["unusual_answer"])
    assert pictures_in(interpret(reply({"body": json.dumps({"strange": packed(data)})}))) == (data,)


@pytest.mark.parametrize(
    "packed", [PACKED["percent-encoded"], PACKED["base64-of-base64"], PACKED["a-buffer"], PACKED["chunks"]]
)
def test_what_was_sent_gives_way_however_it_was_encoded(packed: Packed) -> None:
    given = reply({"input": packed(NOISE), "draft": {"partial": True, "a": packed(NOISE)}, "b": packed(NOISY_JPEG)})
    assert pictures_in(interpret(given)) == (NOISY_JPEG,)


@pytest.mark.parametrize(
    "body",
    [
        gateway(as_json(NOISE)), gateway(NOISE), gateway(gzip.compress(as_json(NOISE))), json.dumps(gateway(NOISE)),
        gateway(json.dumps(gateway(as_json(NOISE))).encode()), gateway(archive(NOISE)),
    ],
    ids=["json", "the-picture", "compressed", "a-string", "twice", "an-archive"],
)  # fmt: skip
def test_what_a_gateway_wrapped_in_base64_is_unwrapped(body: object) -> None:
    assert (pictures_in(interpret(reply(body))), codes(reply(body))) == ((NOISE,), [])


@pytest.mark.parametrize("kept", [f'"{B64}"', f'["{B64}"]', f'[{{"url": "{B64}"}}]'])
@pytest.mark.parametrize("empty", ["null", "[]", '""', "{}"])
@pytest.mark.parametrize("is_first", [True, False])
def test_of_a_name_that_stands_twice_the_picture_is_found(kept: str, empty: str, *, is_first: bool) -> None:
    first, second = (kept, empty) if is_first else (empty, kept)
    body = f'{{"code": 200, "code": 200, "images": {first}, "images": {second}}}'.encode()
    assert (pictures_in(interpret(reply(body))), codes(reply(body))) == ((PNG,), [])


def test_the_documented_form_may_say_a_name_twice() -> None:
    for body in (f'{{"data": [{{"b64_json": "{LONG_B64}", "b64_json": ""}}]}}',
                 f'{{"data": [{{"b64_json": "{LONG_B64}"}}], "data": null}}'):  # fmt: skip
        assert pictures_in(interpret(reply(body.encode()))) == (LONG_PNG,)


def test_strings_beside_a_whole_picture_are_no_chunks_of_it() -> None:
    documents = ({"images": [B64, OTHER_B64]}, {"images": [cut(base64_of(NOISE), 1000), cut(OTHER_B64, 60)]})
    assert pictures_in(interpret(reply(documents[0]))) == (PNG, OTHER)
    assert pictures_in(interpret(reply(documents[1]))) == (NOISE, OTHER)
    assert pictures_in(interpret(reply({"images": [base64_of(NOISY_JPEG), "thanks"]}))) == (NOISY_JPEG,)


def test_chunks_of_a_picture_may_come_in_objects_and_events() -> None:
    chunks = [{"index": number, "data": chunk} for number, chunk in enumerate(cut(base64_of(NOISE), 1000))]
    for body in ({"chunks": chunks}, stream(*chunks), b"\n".join(json.dumps(chunk).encode() for chunk in chunks)):
        assert pictures_in(interpret(reply(body))) == (NOISE,)


@pytest.mark.parametrize("size", [4, 20, 40, 1000])
@pytest.mark.parametrize("name", ["piece", "piece_{}"])
@pytest.mark.parametrize("written", [base64_of, uri_of])
def test_chunks_of_a_picture_may_have_names_that_nobody_documented(
    written: Callable[[bytes], str], name: str, size: int
) -> None:
    chunks = cut(written(NOISY_JPEG), size)
    events = [{"seq": number, name.format(number): chunk} for number, chunk in enumerate(chunks)]
    whole = {name.format(number): chunk for number, chunk in enumerate(chunks)}
    lines = b"\n".join(json.dumps(event).encode() for event in events)
    for body in (stream(*events), lines, {"parts": events}, *([whole] if len(whole) > 1 else [])):
        assert pictures_in(interpret(reply(body))) == (NOISY_JPEG,)


def test_short_chunks_may_stand_where_whole_pictures_do() -> None:
    """Each counts as a picture, and the publisher leaves it out because it does not decode."""
    events = [{"data": [{"b64_json": chunk}]} for chunk in cut(base64_of(NOISE), 20)]
    assert pictures_in(interpret(reply(stream(*events))))[-1] == NOISE


def test_a_stream_that_was_cut_between_chunks_of_a_picture_is_ambiguous() -> None:
    events = [{"seq": number, "piece": chunk} for number, chunk in enumerate(cut(base64_of(NOISE), 1000))]
    with pytest.raises(Ambiguous):
        interpret(reply(stream(*events[:-2], end="")))
    assert pictures_in(interpret(reply(stream(*events, end="")))) == (NOISE,)


def test_chunks_that_come_in_another_order_are_no_picture_and_paid_once() -> None:
    """No API documents a number beside them. The raw answer of a failed request is kept."""
    events = [{"seq": number, "piece": chunk} for number, chunk in enumerate(cut(base64_of(NOISE), 16))]
    refused = rejection(lambda: interpret(reply(stream(*reversed(events)))))
    assert (refused.code, refused.charged) == ("no_image", True)


def test_base64_in_events_may_read_like_numbers() -> None:
    body = b"".join(b"data: %b\n\n" % chunk.encode() for chunk in cut(base64_of(NOISE), 4)) + b"data: [DONE]\n\n"
    assert pictures_in(interpret(reply(body))) == (NOISE,)


WHITE_SPACE = ("\n ", "\n", "\r\n", "\t", " ", "  ", "\n    ", "\\n", "\\t")


@pytest.mark.parametrize("data", [NOISE, NOISY_JPEG, LONG_NOISE, PNG], ids=["png", "jpeg", "long", "short"])
@pytest.mark.parametrize("space", WHITE_SPACE, ids=map(repr, WHITE_SPACE))
def test_white_space_before_in_and_after_base64_is_passed_over(space: str, data: bytes) -> None:
    forms = [
        f"{space}{base64_of(data)}{space}",
        f"{space}{uri_of(data)}{space}",
        f"data:image/png;base64,{space}{base64_of(data)}",
        space + space.join(cut(base64_of(data), 76)) + space,
        f"data:image/png;base64,{space.join(cut(base64_of(data), 64))}{space}",
        space * 90 + base64_of(data) + space * 90,
    ]
    for text in forms:
        for document in (
            {"data": [{"b64_json": text}]},
            {"data": [{"url": text}]},
            gemini(inline(text)),
            {"images": [text]},
            {"strange": {"place": text}},
            {"body": json.dumps({"strange": text})},
        ):
            assert pictures_in(interpret(reply(document))) == (data,)
        assert pictures_in(interpret(reply(stream({"data": [{"b64_json": text}]})))) == (data,)


def test_spaces_are_pluses_only_where_no_plus_is_left() -> None:
    text = base64_of(NOISE)
    assert "+" in text
    for written in (f"{text[:9]} {text[9:30]}  {text[30:]}", text.replace("+", " ")):
        assert pictures_in(interpret(reply({"data": [{"b64_json": written}]}))) == (NOISE,)


def multipart(picture: bytes, *headers: str) -> bytes:
    head = "".join(f"{header}\r\n" for header in ("Content-Type: image/png", *headers)).encode()
    return (
        b'--b\r\nContent-Type: application/json\r\n\r\n{"ok": true}\r\n--b\r\n'
        + head
        + b"\r\n"
        + picture
        + b"\r\n--b--"
    )


BODIES: dict[str, Callable[[bytes], bytes]] = {
    "compressed-twice": lambda data: gzip.compress(as_json(data)),
    "base64": lambda data: base64.b64encode(as_json(data)),
    "base64-of-base64": lambda data: base64.b64encode(base64.b64encode(data)),
    "percent-encoded": lambda data: percent(as_json(data).decode()).encode(),
    "a-form": lambda data: b"status=ok&image=" + percent(base64_of(data)).encode(),
    "a-form-with-a-data-uri": lambda data: b"status=ok&image=" + percent(uri_of(data)).encode(),
    "an-archive": archive,
    "an-archive-that-is-not-compressed": lambda data: archive(data, zipfile.ZIP_STORED),
    "an-archive-of-json": lambda data: archive(as_json(data)),
    "parts": multipart,
    "parts-in-base64": lambda data: multipart(base64.encodebytes(data), "Content-Transfer-Encoding: base64"),
    "json-and-then-the-picture": lambda data: b'{"ok": true}\n' + data,
    "a-message-of-bytes": lambda data: b"\x81\xa5image\xc6" + len(data).to_bytes(4, "big") + data,
    "xml-with-lines": lambda data: b"<?xml version='1.0'?><image>\n" + base64.encodebytes(data) + b"</image>",
    "yaml": lambda data: b"image: !!binary |\n  " + base64.encodebytes(data).replace(b"\n", b"\n  "),
    "yaml-with-data": lambda data: (
        b"code: 200\ndata:\n- b64_json: !!binary |\n    "
        + base64.encodebytes(data).replace(b"\n", b"\n    ")
        + b"\n  revised_prompt: a cat\n"
    ),
    "yaml-with-data-first": lambda data: (
        b"data:\r\n  b64_json: !!binary |\r\n    " + "\r\n    ".join(cut(base64_of(data), 64)).encode() + b"\r\n"
    ),
    "hexadecimal-with-spaces": lambda data: data.hex(" ").encode(),
    "a-block-of-mail": lambda data: b"-----BEGIN PNG-----\n" + base64.encodebytes(data) + b"-----END PNG-----\n",
    "numbers-that-python-wrote": lambda data: str({"image": list(data)}).encode(),
}


@pytest.mark.parametrize("data", [NOISE, NOISY_JPEG, LONG_NOISE], ids=["png", "jpeg", "long"])
@pytest.mark.parametrize("packed", BODIES.values(), ids=BODIES.keys())
def test_a_picture_is_found_in_a_body_that_was_packed_once_more(packed: Callable[[bytes], bytes], data: bytes) -> None:
    (found,) = pictures_in(interpret(reply(packed(data))))
    assert isinstance(found, bytes)
    assert inspect(found).facts.width == inspect(data).facts.width
    assert found.startswith(data)


def test_an_error_in_a_body_that_was_packed_is_that_error() -> None:
    said = json.dumps({"error": {"code": 429, "message": "slow down"}}).encode()
    for body in (gzip.compress(said), base64.b64encode(said)):
        with pytest.raises(Unavailable) as caught:
            interpret(reply(body))
        assert caught.value.cause == "throttled"


def test_words_that_were_packed_are_not_quoted() -> None:
    """They may hold the key, because it is removed only from the answer as it arrives."""
    key = "the-key-of-these-tests"
    said = {"error": {"code": 400, "message": f"bad image {key}", "type": f"(request id: {key})"}}
    worded = {"choices": [{"message": {"content": f"I cannot {key}."}, "finish_reason": f"safety {key}"}]}
    for document in (said, worded):
        inner = json.dumps(document).encode()
        for body in (gateway(inner), gateway(gzip.compress(inner)), gzip.compress(inner), base64.b64encode(inner)):
            refused = rejection(functools.partial(interpret, reply(body)))
            assert key not in f"{refused} {refused.text} {refused.hint} {refused.provider_request_id}"
    shown = {"choices": [{"message": {"content": f"{key} ![]({DATA_URI})"}}]}
    answer = interpret(reply(gateway(json.dumps(shown).encode())))
    assert (pictures_in(answer), answer.text) == ((PNG,), None)


@pytest.mark.parametrize("packed", [multipart, archive, gzip.compress, BODIES["a-message-of-bytes"]])
def test_a_packed_body_of_which_the_line_cut_half_is_ambiguous(packed: Callable[[bytes], bytes]) -> None:
    half = packed(NOISE)[: len(NOISE) // 2]
    for cut_off in (reply(half), reply(half, darkroom_cut="IncompleteRead")):
        with pytest.raises(Ambiguous):
            interpret(cut_off)


@pytest.mark.parametrize(
    "part",
    [b'data: {"choices":[{"delta":{"content":"abc"}}]}\n\n', b"\0/A+z9", b"A", b"\\", b"/", b"AAAA", b"xUklGR",
     b"data:image.", b"\\/9jx", b"%2C", b"R0lGODxx"],
)  # fmt: skip
def test_a_long_answer_without_a_picture_is_searched_in_little_time(part: bytes) -> None:
    """An answer may have 160 MB. A search that read each byte took four seconds for these 64 MB; this one takes one."""
    body = part * (64_000_000 // len(part))
    started = time.process_time()
    assert list(shown_pictures.quoted(body)) == []
    assert time.process_time() - started < 2.5


@pytest.mark.parametrize("before", ["", " ", '"', ",", "\\n", "\\r", "%2C", "%2c", ":", "-"])
def test_a_picture_in_a_text_begins_where_no_letter_of_base64_stands_before_it(before: str) -> None:
    for data in (NOISE, NOISY_JPEG):
        for written in (base64_of(data), percent(base64_of(data)), base64_of(data).replace("/", "\\/")):
            (found,) = shown_pictures.quoted(f"{before}{written} .".encode())
            assert found.start == len(before)
        assert list(shown_pictures.quoted(f"{before}x{base64_of(data)} .".encode())) == []


def test_layers_have_an_end() -> None:
    packed = base64_of(NOISE)
    for _ in range(6):
        packed = base64_of(packed.encode())
    assert rejection(lambda: interpret(reply({"image": packed}))).code == "no_image"


def test_what_unpacks_to_more_than_an_answer_is_left_out() -> None:
    bomb = zlib.compressobj(wbits=31)
    many = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    bombs = {"a": base64_of(many), "b": base64_of(archive(bytes(200 << 20))), "c": B64}
    assert pictures_in(interpret(reply(bombs))) == (PNG,)


@pytest.mark.parametrize(
    "text", ["100% sure", "a &#43; b", "%89PNG is what it should begin with", "data:,hello", "[137, 80, 78] is a list"]
)
def test_words_with_marks_are_words(text: str) -> None:
    assert rejection(lambda: interpret(reply({"data": [{"text": text}]}))).text == text


@pytest.mark.parametrize("data", [NOISE, NOISY_JPEG], ids=["png", "jpeg"])
@pytest.mark.parametrize("packed", [packed for name, packed in PACKED.items() if name != "letters-for-bytes"])
def test_base64_may_hold_any_of_them(packed: Packed, data: bytes) -> None:
    inner = packed(data)
    text = inner if isinstance(inner, str) else json.dumps({"image": inner})
    assert pictures_in(interpret(reply({"image": base64_of(text.encode())}))) == (data,)
