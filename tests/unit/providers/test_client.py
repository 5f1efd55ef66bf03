"""The client of the image API against real sockets: the requests that it sends, and its errors."""

import base64
import gzip
import json
import socket
import ssl
import struct
import time
import traceback
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.connection import HTTPConnection

from darkroom.domain.context import Content, Context, Image
from darkroom.errors import Ambiguous, DarkroomError, Unavailable
from darkroom.providers.client import UNQUOTED, ImageApi, Secret
from darkroom.providers.dialect import Answer, ApiRequest, DialectSettings, RequestStyle, ResponseFormat
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.providers.transport import MAX_HEAD_BYTES, MAX_INTERIM_RESPONSES
from darkroom.streaming.blob import CHUNK_BYTES
from tests.unit.samples import encoded, image, pictures_in, rejection, unavailability, verdict
from tests.unit.servers import Exchange, Script, Server, answering, http, tls_context, unused_port

KEY = "sk-the-secret-of-these-tests"
MODEL = "gemini-2.5-flash-image"
PNG = encoded("PNG")
URI = "data:image/png;base64," + base64.b64encode(PNG).decode()
ANSWER = json.dumps(
    {"code": 200, "msg": "操作成功", "data": {"data": [{"url": "", "b64_json": URI.partition(",")[2]}], "created": 1}}
).encode()
STYLES: tuple[RequestStyle, ...] = ("contents", "contents_and_prompt", "flat")

FIRST = "根据这张图帮我生成一张俯瞰广州塔的图片"
THEN = "把景色换成夜色下雪的场景"
TEXT_TO_IMAGE = Context((Content("user", "一只可爱的橙色小猫"),))
IMAGE_TO_IMAGE = Context((Content("user", FIRST, (image(PNG),)),))
CONVERSATION = Context(
    (
        Content("user", FIRST, (image(PNG),)),
        Content("model", "已为您生成1张图片", (image(PNG),)),
        Content("user", THEN),
    )
)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def deadline() -> float:
    """The seconds that a call may take here."""
    return 0.6


def client(
    url: str, *, timeout: float = 10, style: RequestStyle = "contents", form: ResponseFormat = "b64_json"
) -> ImageApi:
    return ImageApi(url, lambda _: KEY, NEBULA, DialectSettings(form, style), timeout=timeout)


def question(context: Context = TEXT_TO_IMAGE, **options: Any) -> ApiRequest:
    return ApiRequest(context, MODEL, options)


def called(api: ImageApi, asked: ApiRequest | None = None) -> Answer:
    """Make one call and interpret its reply."""
    return NEBULA.interpret(api.ask(api.prepare(asked or question())))


def sent(
    context: Context, *, style: RequestStyle = "contents", form: ResponseFormat = "b64_json", **options: Any
) -> Exchange:
    """The requests that a server receives."""
    with Server(answering(http(200, ANSWER))) as server:
        assert pictures_in(called(client(server.url, style=style, form=form), question(context, **options))) == (PNG,)
        (exchange,) = server.exchanges
    return exchange


def body_of(context: Context, **more: Any) -> Any:
    return json.loads(sent(context, **more).body)


def failure(api: ImageApi, asked: ApiRequest | None = None) -> DarkroomError:
    """The error of a call. Its whole traceback never contains the key."""
    with pytest.raises((Unavailable, Ambiguous)) as caught:
        called(api, asked)
    story = "".join(traceback.format_exception(caught.value))
    assert KEY not in story
    assert KEY not in repr(caught.value)
    return caught.value


# The request.


def test_text_to_image_is_the_documented_call() -> None:
    assert body_of(TEXT_TO_IMAGE) == {
        "model": MODEL,
        "prompt": "一只可爱的橙色小猫",
        "response_format": "b64_json",
    }


def test_image_to_image_is_the_documented_call() -> None:
    assert body_of(IMAGE_TO_IMAGE) == {
        "model": MODEL,
        "response_format": "b64_json",
        "contents": [{"role": "user", "parts": [{"text": FIRST}, {"image": URI}]}],
    }


def test_a_conversation_is_the_documented_call() -> None:
    assert body_of(CONVERSATION) == {
        "model": MODEL,
        "response_format": "b64_json",
        "contents": [
            {"role": "user", "parts": [{"text": FIRST}, {"image": URI}]},
            {"role": "model", "parts": [{"text": "已为您生成1张图片"}, {"image": URI}]},
            {"role": "user", "parts": [{"text": THEN}]},
        ],
    }


def test_the_call_is_a_post_of_json_with_the_key_as_bearer() -> None:
    exchange = sent(IMAGE_TO_IMAGE)
    assert exchange.request_line == "POST /v1/images/generations HTTP/1.1"
    assert exchange.headers["authorization"] == f"Bearer {KEY}"
    assert exchange.headers["content-type"] == "application/json"
    assert int(exchange.headers["content-length"]) == len(exchange.body)
    assert "transfer-encoding" not in exchange.headers
    assert "cookie" not in exchange.headers


def test_words_are_sent_verbatim_and_as_utf8() -> None:
    words = 'He said "雪"\n\\ – 😀 </script>\t\x7f'
    exchange = sent(Context((Content("user", words),)))
    assert json.loads(exchange.body)["prompt"] == words
    assert "雪".encode() in exchange.body


def test_a_slash_at_the_end_of_the_address_is_no_other_address() -> None:
    with Server(answering(http(200, ANSWER))) as server:
        called(client(server.url + "/"))
        assert server.exchanges[0].request_line.startswith("POST /v1/images/generations ")


@pytest.mark.parametrize("form", ["b64_json", "url"])
def test_the_response_format_is_the_settings(form: ResponseFormat) -> None:
    assert body_of(TEXT_TO_IMAGE, form=form)["response_format"] == form


@pytest.mark.parametrize("context", [TEXT_TO_IMAGE, IMAGE_TO_IMAGE, CONVERSATION])
@pytest.mark.parametrize("style", STYLES)
def test_options_are_passed_as_they_stand(context: Context, style: RequestStyle) -> None:
    options = {"size": "16:9", "image_size": "2K", "temperature": 0.5, "response_modalities": ["image", "text"]}
    body = body_of(context, style=style, **options)
    assert {name: body[name] for name in options} == options


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"row-15-{style}")
def test_words_alone_are_the_documented_prompt_in_every_style(style: RequestStyle) -> None:
    assert body_of(TEXT_TO_IMAGE, style=style) == body_of(TEXT_TO_IMAGE)


@pytest.mark.parametrize("context", [IMAGE_TO_IMAGE, CONVERSATION], ids=["row-15-image", "row-15-conversation"])
def test_contents_may_be_sent_with_a_prompt_beside_them(context: Context) -> None:
    both = body_of(context, style="contents_and_prompt")
    assert both.pop("prompt") == context.instruction
    assert both == body_of(context)


def test_row_15_flat_sends_one_picture_as_image() -> None:
    assert body_of(IMAGE_TO_IMAGE, style="flat") == {
        "model": MODEL,
        "response_format": "b64_json",
        "prompt": FIRST,
        "image": URI,
    }


def test_row_15_flat_sends_several_pictures_as_images_in_order() -> None:
    jpeg = Image(encoded("JPEG"), "image/jpeg", "1")
    body = body_of(Context((Content("user", FIRST, (image(PNG), jpeg)),)), style="flat")
    assert body["images"] == [URI, "data:image/jpeg;base64," + base64.b64encode(jpeg.data[:]).decode()]
    assert not {"image", "contents"} & set(body)


def test_row_15_flat_without_a_picture_sends_words_alone() -> None:
    history = Context((Content("user", FIRST), Content("model", "(1 image)"), Content("user", THEN)))
    assert body_of(history, style="flat") == {"model": MODEL, "response_format": "b64_json", "prompt": THEN}


def test_row_16_flattened_history_is_the_newest_picture_in_one_user_turn() -> None:
    newest = image(encoded("PNG", (3, 3)))
    history = Context((CONVERSATION.contents[0], Content("model", "done", (newest,)), CONVERSATION.contents[2]))
    uri = "data:image/png;base64," + base64.b64encode(newest.data[:]).decode()
    assert body_of(history.flattened())["contents"] == [{"role": "user", "parts": [{"text": THEN}, {"image": uri}]}]


def test_a_netrc_never_takes_the_keys_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    assert sent(TEXT_TO_IMAGE).headers["authorization"] == f"Bearer {KEY}"


# The key.


def test_a_key_that_was_refused_is_fetched_anew_once() -> None:
    stale: list[bool] = []

    def key(is_stale: bool) -> str:
        stale.append(is_stale)
        return KEY

    api = ImageApi("http://127.0.0.1:1", key, NEBULA, DialectSettings(), timeout=1)
    api.prepare(question())
    api.distrust_key()
    api.prepare(question())
    api.prepare(question())
    assert stale == [False, True, False]


def test_a_key_that_cannot_be_had_stays_distrusted() -> None:
    stale: list[bool] = []

    def key(is_stale: bool) -> str:
        stale.append(is_stale)
        raise Unavailable("credentials", "the key cannot be read")

    api = ImageApi("http://127.0.0.1:1", key, NEBULA, DialectSettings(), timeout=1)
    api.distrust_key()
    for _ in range(2):
        unavailability(lambda: api.prepare(question()))
    assert stale == [True, True]


# The reply.


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500, 503, 504])
def test_whatever_the_status_the_raw_reply_comes_back_after_one_call(status: int) -> None:
    with Server(answering(http(status, b"what it said", retry_after="7", x_oneapi_request_id="abc"))) as server:
        api = client(server.url)
        reply = api.ask(api.prepare(question()))
        assert (reply.status, reply.body[:]) == (status, b"what it said")
        assert (reply.headers["retry-after"], reply.headers["x-oneapi-request-id"]) == ("7", "abc")
        assert reply.seconds >= 0
        assert len(server.exchanges) == 1


def test_the_key_is_taken_out_of_what_the_api_quotes() -> None:
    with Server(answering(http(401, f"no such key: {KEY}".encode(), x_request_id=f"of-{KEY}"))) as server:
        api = client(server.url)
        reply = api.ask(api.prepare(question()))
        assert (reply.body[:], reply.headers["x-request-id"]) == (b"no such key: [key]", "of-[key]")


def test_the_key_is_taken_out_wherever_a_long_answer_quotes_it() -> None:
    """It may span two chunks. A beginning of it at the end is no key."""
    key, said = KEY.encode(), bytearray(b"x" * 5 * CHUNK_BYTES)
    for edge, before in enumerate((1, 2, len(key) // 2, len(key) - 1), start=1):
        start = edge * CHUNK_BYTES - before
        said[start : start + len(key)] = key
    said += key[:-1]
    with Server(answering(http(200, bytes(said)))) as server:
        api = client(server.url)
        assert api.ask(api.prepare(question())).body[:] == bytes(said).replace(key, b"[key]")


ESCAPED = "".join(f"\\u{ord(character):04x}" for character in KEY)
SPELLINGS = [
    pytest.param(ESCAPED, id="json"),
    pytest.param(ESCAPED.replace("\\u002d", "-").replace("6e", "6E"), id="json-here-and-there"),
    pytest.param(ESCAPED.replace("\\", "\\\\"), id="json-within-json"),
    pytest.param("".join(f"%{ord(character):02X}" for character in KEY), id="url"),
    pytest.param("".join(f"&#{ord(character)};" for character in KEY), id="html"),
    pytest.param("".join(f"&#x{ord(character):x};" for character in KEY), id="html-hex"),
]


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_the_key_is_taken_out_however_the_api_spells_it(spelled: str) -> None:
    """A requester sees the words of an error, and may decode them as JSON."""
    said = b'{"error": {"message": "no such key: %b, sorry"}}' % spelled.encode()
    with Server(answering(http(401, said, x_request_id="of-" + spelled.replace("\\\\", "")))) as server:
        api = client(server.url)
        reply = api.ask(api.prepare(question()))
    assert json.loads(reply.body[:])["error"]["message"] == "no such key: [key], sorry"
    assert spelled not in reply.headers["x-request-id"]
    assert KEY not in str(verdict(reply))


@pytest.mark.parametrize("pieces", [(6, 12), (1, 2, 3), (9,)])
@pytest.mark.parametrize("between", ["", "\n", " ", "\r\n  "])
def test_the_key_is_taken_out_of_words_that_were_put_together(pieces: tuple[int, ...], between: str) -> None:
    edges = (0, *pieces, len(KEY))
    said = between.join(KEY[begin:end] for begin, end in pairwise(edges))
    with Server(answering(http(200, b"{}"))) as server:
        api = client(server.url)
        reply = api.ask(api.prepare(question()))
    assert reply.without_key(f"no such key: {said}, sorry") == "no such key: [key], sorry"
    assert api.without_key(f"no such key: {said}, sorry") == "no such key: [key], sorry"
    assert KEY not in repr(reply)


def test_words_are_not_quoted_without_the_key_that_may_stand_in_them() -> None:
    def key(is_stale: bool) -> str:
        raise Unavailable("credentials", "it is gone")

    api = ImageApi("http://127.0.0.1:1", key, NEBULA, DialectSettings(), timeout=1)
    assert api.without_key(f"no such key: {KEY}") == UNQUOTED


def test_a_key_with_marks_that_html_names_is_taken_out() -> None:
    key = "nk-Att4ck2/S+cr3t=="
    spelled = key.replace("/", "&sol;").replace("+", "&plus;").replace("=", "&equals;")
    assert Secret(key).without(f"no such key: {spelled}, sorry") == "no such key: [key], sorry"


def test_a_picture_that_quotes_the_key_keeps_its_length() -> None:
    picture = encoded("PNG")
    quoting = picture[:50] + f"&#37;{KEY}".encode() + picture[50:]
    found = b"".join(Secret(KEY).taken_out([quoting[:60], quoting[60:]]))
    assert len(found) == len(quoting)
    assert KEY.encode() not in found
    assert found[-len(picture) + 50 :] == picture[50:]


def test_a_key_with_a_slash_is_taken_out_as_json_may_write_it() -> None:
    key = "sk/with/slashes/and-more"
    said = b'{"error": "bad key ' + key.replace("/", "\\/").encode() + b'"}'
    assert b"".join(Secret(key).taken_out([said])) == b'{"error": "bad key [key]"}'


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_the_key_is_taken_out_of_an_answer_in_utf_16(codec: str) -> None:
    said = f'{{"error": {{"message": "no such key: {KEY}, sorry"}}}}'.encode(codec)
    with Server(answering(http(401, said))) as server:
        reply = client(server.url).ask(client(server.url).prepare(question()))
    assert b"no such key: [key], sorry" in reply.body[:]


@given(data=st.data(), spelling=st.sampled_from([each.values[0] for each in SPELLINGS]))
def test_a_spelled_key_is_found_wherever_the_chunks_end(data: st.DataObject, spelling: object) -> None:
    whole = b"\\/abc" * 3 + str(spelling).encode() + b"/9j\\/4" * 40
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    chunks = [whole[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert b"".join(Secret(KEY).taken_out(chunks)) == whole.replace(str(spelling).encode(), b"[key]")


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_a_spelled_key_is_found_wherever_a_chunk_ends(spelled: str) -> None:
    whole = b"\\/abc" + spelled.encode() + b"/9j\\/4"
    for cut in range(len(whole) + 1):
        found = b"".join(Secret(KEY).taken_out([whole[:cut], whole[cut:]]))
        assert found == whole.replace(spelled.encode(), b"[key]")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_row_22_a_redirect_is_not_followed_and_the_key_not_sent_on(status: int) -> None:
    with Server(answering(http(200, ANSWER))) as elsewhere:
        location = elsewhere.url + "/v1/images/generations"
        with Server(answering(http(status, location=location))) as server:
            error = failure(client(server.url))
            assert len(server.exchanges) == 1
        assert elsewhere.exchanges == []
    assert isinstance(error, Unavailable)
    assert error.cause == "configuration"


@pytest.mark.parametrize("location", [b"https://[", b"http://\xff\x92/", b"/\xff", b"x" * 60_000])
def test_row_22_a_redirect_to_no_address_is_a_redirect_still(location: bytes) -> None:
    response = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
    with Server(answering(response)) as server:
        error = failure(client(server.url))
    assert isinstance(error, Unavailable)
    assert error.cause == "configuration"


def test_a_compressed_answer_is_unpacked() -> None:
    with Server(answering(http(200, gzip.compress(ANSWER), content_encoding="gzip"))) as server:
        assert pictures_in(called(client(server.url))) == (PNG,)


def test_a_chunked_answer_is_put_together() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (ANSWER[:10], ANSWER[10:])) + b"0\r\n\r\n"
    with Server(answering(head + chunks)) as server:
        assert pictures_in(called(client(server.url))) == (PNG,)


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nContent-Length: 7\r\n\r\n" * 3,
    ],
    ids=["102", "100-and-102", "103"],
)
def test_an_interim_response_is_skipped(interim: bytes) -> None:
    with Server(answering(interim + http(200, ANSWER))) as server:
        assert pictures_in(called(client(server.url))) == (PNG,)
        assert len(server.exchanges) == 1


MANY = "".join(f"X-Trace-{number}: {number}\r\n" for number in range(1000))
LONG = "X-Policy: " + "a" * 200_000 + "\r\n"
CHUNKED = f"Transfer-Encoding: chunked\r\n\r\n{len(ANSWER):x}\r\n".encode() + ANSWER + b"\r\n0\r\n\r\n"
SIZED = f"Content-Length: {len(ANSWER)}\r\n\r\n".encode() + ANSWER


@pytest.mark.parametrize(
    "headers",
    [
        MANY, LONG, LONG + MANY + LONG, "X-Folded: a\r\n" + " b\r\n" * 1000, "X-" + "a" * 70_000 + ": b\r\n",
        "X-Even: " + "a" * (65_537 - 10) + "\r\n", "no header at all\r\n", "a name with spaces: b\r\n" + MANY,
    ],
    ids=["many", "long", "both", "folded", "a-long-name", "exactly-too-long", "none", "a-bad-name"],
)  # fmt: skip
@pytest.mark.parametrize("body", [CHUNKED, SIZED], ids=["chunked", "sized"])
def test_a_picture_is_not_lost_for_the_headers_before_it(headers: str, body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}X-Request-Id: 4711\r\n".encode()
    with Server(answering(head + body)) as server:
        answer = called(client(server.url))
    assert (pictures_in(answer), answer.provider_request_id) == ((PNG,), "4711")


def test_a_head_without_end_is_no_answer() -> None:
    with Server(answering(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MAX_HEAD_BYTES // 6 + 1))) as server:
        error = failure(client(server.url))
        assert isinstance(error, Ambiguous)
        assert "lost" in str(error)
        assert len(server.exchanges) == 1


@pytest.mark.parametrize("said", [b"", http(200, ANSWER)], ids=["nothing-follows", "too-many"])
def test_interim_responses_alone_are_no_answer(said: bytes) -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\n" * (MAX_INTERIM_RESPONSES + 1 if said else 1)
    with Server(answering(interim + said)) as server:
        assert isinstance(failure(client(server.url)), Ambiguous)
        assert len(server.exchanges) == 1


def test_the_connection_of_a_call_is_kept_alive_while_it_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A NAT gateway drops a connection that is idle for 350 seconds, and a call may take 780."""
    made: list[list[int]] = []
    connect = HTTPConnection.connect

    def connected(self: HTTPConnection) -> None:
        connect(self)
        tcp, options = socket.IPPROTO_TCP, (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_NODELAY)
        is_alive = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        made.append([is_alive, *(self.sock.getsockopt(tcp, option) for option in options)])

    monkeypatch.setattr(HTTPConnection, "connect", connected)
    with Server(answering(http(200, ANSWER))) as server:
        called(client(server.url))
    assert made == [[1, 60, 15, 1]]


def test_each_call_has_a_connection_of_its_own() -> None:
    with Server(answering(http(200, ANSWER))) as server:
        api = client(server.url)
        called(api)
        called(api)
        assert len(server.exchanges) == 2


# Errors before anything is sent: the call is free.


def test_a_refused_connection_is_free() -> None:
    error = failure(client(f"http://127.0.0.1:{unused_port()}"))
    assert isinstance(error, Unavailable)
    assert error.cause == "unreachable"


def test_a_name_that_leads_nowhere_is_free() -> None:
    assert isinstance(failure(client("http://nowhere.invalid")), Unavailable)


@pytest.mark.parametrize("url", ["http://", "http://a b", "http://[::1", "ftp://127.0.0.1", "llm.example.com", ""])
def test_an_address_that_is_none_is_free(url: str) -> None:
    assert isinstance(failure(client(url)), Unavailable)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["closes", "speaks-plain-http"])
def test_a_failed_tls_handshake_is_free(said: bytes) -> None:
    def script(exchange: Exchange) -> None:
        exchange.connection.recv(65_536)
        exchange.send(said)

    with Server(script) as server:
        assert isinstance(failure(client(f"https://127.0.0.1:{server.port}")), Unavailable)
        assert len(server.exchanges) == 1


def test_a_certificate_of_nobody_we_know_is_free(tmp_path: Path) -> None:
    _, tls = tls_context(tmp_path, "127.0.0.1")
    with Server(answering(http(200, ANSWER)), tls=tls) as server:
        assert isinstance(failure(client(server.url)), Unavailable)
        assert [exchange.body for exchange in server.exchanges] == [b""]


def test_a_certificate_for_somebody_else_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, tls = tls_context(tmp_path, "somebody-else.example.com")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    with Server(answering(http(200, ANSWER)), tls=tls) as server:
        assert isinstance(failure(client(server.url)), Unavailable)
        assert [exchange.body for exchange in server.exchanges] == [b""]


def test_a_certificate_that_holds_is_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, tls = tls_context(tmp_path, "127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    with Server(answering(http(200, ANSWER)), tls=tls) as server:
        assert pictures_in(called(client(server.url))) == (PNG,)


# Errors after that: the call may have been paid.

PROMISED = http(200, ANSWER[:50], length=len(ANSWER))
RESET = struct.pack("ii", 1, 0)


def _reset(exchange: Exchange) -> None:
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _closes_after_head(exchange: Exchange) -> None:
    exchange.read_head()


def _resets_after_request(exchange: Exchange) -> None:
    exchange.read()
    _reset(exchange)


def _resets_within_answer(exchange: Exchange) -> None:
    exchange.read()
    exchange.send(PROMISED)
    time.sleep(0.1)  # so that the sent bytes arrive before the reset
    _reset(exchange)


LARGE = question(Context((Content("user", "make it blue", (Image(bytes(8_000_000), "image/png", "1"),)),)))


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answering(b""), id="row-10-closed-without-an-answer"),
        pytest.param(_resets_after_request, id="row-10-reset-without-an-answer"),
        pytest.param(_resets_within_answer, id="row-10-reset-within-the-answer"),
        pytest.param(_closes_after_head, id="row-10-closed-within-the-request"),
        pytest.param(answering(PROMISED), id="row-11-shorter-than-promised"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\n\r\n" + ANSWER[:50]), id="row-11-cut-without-a-length"),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + ANSWER[:50]),
            id="row-11-cut-within-a-chunk",
        ),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\nContent-Len"), id="cut-within-the-headers"),
        pytest.param(answering(b"SSH-2.0-OpenSSH_9.6\r\n"), id="no-http-at-all"),
        pytest.param(answering(b"HTTP/1.1 banana\r\n\r\n"), id="no-status"),
        pytest.param(answering(http(200, b"not gzip", content_encoding="gzip")), id="broken-compression"),
        pytest.param(answering(http(504, b"<html>504 Gateway Time-out</html>")), id="row-09-504-page"),
        pytest.param(answering(http(524, b"<html>A timeout occurred</html>")), id="row-09-524-page"),
    ],
)
def test_what_breaks_after_the_request_was_sent_is_ambiguous_and_never_repeated(script: Script) -> None:
    with Server(script) as server:
        assert isinstance(failure(client(server.url), LARGE), Ambiguous)
        assert len(server.exchanges) == 1


def test_a_port_that_resets_every_connection_is_free_only_where_nothing_was_sent() -> None:
    """A race decides between the two errors. In both cases nothing arrived."""
    with Server(_reset) as server:
        failure(client(server.url))
        assert len(server.exchanges) == 1


# The deadline.


def _hangs(exchange: Exchange) -> None:
    exchange.read()
    exchange.over.wait(10)


def _does_not_read(exchange: Exchange) -> None:
    exchange.read_head()
    exchange.over.wait(10)


def _hangs_within_answer(exchange: Exchange) -> None:
    exchange.read()
    exchange.send(PROMISED)
    exchange.over.wait(10)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(_hangs, id="row-10-no-answer"),
        pytest.param(_hangs_within_answer, id="row-10-half-an-answer"),
        pytest.param(_does_not_read, id="row-10-request-not-taken"),
    ],
)
def test_a_call_that_hangs_ends_at_the_deadline(script: Script, deadline: float) -> None:
    with Server(script) as server:
        started = time.monotonic()
        assert isinstance(failure(client(server.url, timeout=deadline), LARGE), Ambiguous)
        assert time.monotonic() - started < 8
        assert len(server.exchanges) == 1


def _drips_status(exchange: Exchange) -> None:
    exchange.read()
    exchange.drip(b"HTTP/1.1 200 " + b"O" * 200)


def _drips_headers(exchange: Exchange) -> None:
    exchange.read()
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    exchange.drip(b"X-Header: yes\r\n")


def _drips_body(exchange: Exchange) -> None:
    exchange.read()
    exchange.send(http(200, b"", length=10_000))
    exchange.drip(b" ")


def _drips_body_without_length(exchange: Exchange) -> None:
    exchange.read()
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
    exchange.drip(b" ")


DRIPS = [_drips_status, _drips_headers, _drips_body, _drips_body_without_length]


@pytest.mark.parametrize("script", DRIPS)
def test_a_server_that_drips_is_cut_off_at_the_deadline(script: Script, deadline: float) -> None:
    with Server(script) as server:
        assert isinstance(failure(client(server.url, timeout=deadline)), Ambiguous)
        assert server.exchanges[0].cut_off.wait(5)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    authority, tls = tls_context(tmp_path, "127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    return tls


def test_a_server_that_drips_over_tls_is_cut_off_too(trusted: ssl.SSLContext, deadline: float) -> None:
    with Server(_drips_body, tls=trusted) as server:
        assert isinstance(failure(client(server.url, timeout=deadline)), Ambiguous)
        assert server.exchanges[0].cut_off.wait(5)


def test_a_server_that_shakes_hands_past_the_deadline_and_drips_is_cut_off_too(
    trusted: ssl.SSLContext, deadline: float
) -> None:
    with Server(_drips_body, tls=trusted, handshake_after=2 * deadline) as server:
        failure(client(server.url, timeout=deadline))
        (exchange,) = server.exchanges
        assert exchange.cut_off.wait(2) or not exchange.head


def test_an_answer_without_end_is_cut_and_was_paid() -> None:
    """161 MB of zeros, compressed to a few bytes."""
    parcel = gzip.compress(bytes(161_000_000), 1)
    with Server(answering(http(200, parcel, content_encoding="gzip"))) as server:
        ended = rejection(lambda: called(client(server.url)))
    assert (ended.code, ended.charged) == ("no_image", True)


# Answers that are complete although their transport is broken.


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(http(200, ANSWER, content_encoding="gzip"), id="not-packed-in-spite-of-its-header"),
        pytest.param(http(200, gzip.compress(ANSWER)), id="packed-without-a-header"),
        pytest.param(http(200, gzip.compress(ANSWER)[:-8] + bytes(8), content_encoding="gzip"), id="wrong-checksum"),
        pytest.param(http(200, zlib.compress(ANSWER), content_encoding="deflate"), id="deflate"),
        pytest.param(http(200, zlib.compress(ANSWER)[2:-4], content_encoding="deflate"), id="deflate-bare"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER) + 10, ANSWER), id="too-long"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(ANSWER), ANSWER),
            id="no-last-chunk",
        ),
    ],
)
def test_an_answer_that_came_whole_is_an_answer_whatever_its_line_did(sent: bytes) -> None:
    with Server(answering(sent)) as server:
        assert pictures_in(called(client(server.url))) == (PNG,)


@pytest.mark.parametrize(("status", "cause"), [(401, "credentials"), (429, "throttled"), (503, "unreachable")])
@pytest.mark.parametrize("end", [b"", b'{"error": {"message": "', b"<html>"])
def test_a_status_that_proves_a_call_free_does_so_though_its_body_breaks(status: int, cause: str, end: bytes) -> None:
    head = b"HTTP/1.1 %d X\r\nContent-Length: 500\r\n\r\n" % status
    with Server(answering(head + end)) as server:
        trouble = failure(client(server.url))
    assert isinstance(trouble, Unavailable)
    assert trouble.cause == cause


@pytest.mark.parametrize("megabytes", [0.1, 1.5])
def test_json_of_which_the_line_cut_half_is_ambiguous(megabytes: float) -> None:
    body = b'{"data": [{"b64_json": "' + base64.b64encode(PNG + bytes(int(megabytes * 1_000_000)))
    with Server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + body)) as server:
        assert isinstance(failure(client(server.url)), Ambiguous)


def test_a_picture_of_which_the_line_cut_half_is_ambiguous() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(PNG)
    with Server(answering(head + PNG[:-30])) as server:
        assert isinstance(failure(client(server.url)), Ambiguous)
