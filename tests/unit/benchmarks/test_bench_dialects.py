"""The benchmark's image API speaks each dialect at its own path, and tells exactly which pictures it received."""

import http.client
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks import scenario
from benchmarks.photographs import SMALL, SMALL_ANSWER, SMALL_RESULT, Photograph, made
from benchmarks.scenario import Request, Scenario, Stage
from benchmarks.servers.image_api import ImageApi
from benchmarks.servers.processes import Servers
from benchmarks.servers.s3 import S3
from benchmarks.servers.small_calls import SmallCalls
from darkroom.domain.context import Content, Context, Image
from darkroom.providers.dialect import ApiRequest, DialectSettings, Encoded
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.reply import Reply
from darkroom.streaming.blob import sha256

TWO = (SMALL, SMALL_RESULT)


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Servers:
    monkeypatch.setattr(scenario, "PICTURES", tmp_path)
    return Servers(S3(None), ImageApi(None), SmallCalls(None))


def prepared(servers: Servers, dialect: str) -> Request:
    ((request,),) = Stage(servers).set(Scenario("turn", TWO, (SMALL_ANSWER,), 0.0, dialect=dialect))
    return request


def asked(servers: Servers, dialect: str, words: str, pictures: Sequence[Photograph]) -> Reply:
    """Darkroom's own call in this dialect, and the API's reply."""
    files = [made(scenario.PICTURES, each).read_bytes() for each in pictures]
    context = Context((Content("user", words, tuple(Image(file, "image/jpeg", sha256(file)) for file in files)),))
    call = DIALECTS[dialect].call(ApiRequest(context, DIALECTS[dialect].model, {}), DialectSettings())
    status, headers, body = posted(servers, call.path, call.media_type, call.body[:])
    return Reply(status, headers, body, 0.0, dialect)


def posted(servers: Servers, path: str, media_type: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
    with closing(http.client.HTTPConnection(urlsplit(servers.api.url()).netloc, timeout=5)) as connection:
        connection.request("POST", path, body, {"Content-Type": media_type})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_darkroom_reads_the_picture_and_the_api_has_the_required_ones(servers: Servers, dialect: str) -> None:
    request = prepared(servers, dialect)
    reply = asked(servers, dialect, request.words, TWO)
    (picture,) = DIALECTS[dialect].interpret(reply).pictures
    assert isinstance(picture, Encoded)
    assert sha256(picture.decoded()) == request.made
    (call,) = servers.api.calls()
    assert (call.instruction, call.pictures) == (request.words, request.sent)
    assert len(request.images) == len(request.sent) == 2


@pytest.mark.parametrize("dialect", DIALECTS)
def test_another_picture_or_order_is_seen(servers: Servers, dialect: str) -> None:
    request = prepared(servers, dialect)
    for pictures in ((SMALL,), TWO[::-1], (SMALL, SMALL_ANSWER)):
        asked(servers, dialect, request.words, pictures)
    assert [call.pictures == request.sent for call in servers.api.calls()] == [False] * 3


def test_an_answer_is_given_only_in_its_dialect(servers: Servers) -> None:
    words = prepared(servers, "gemini").words
    assert [asked(servers, dialect, words, TWO).status for dialect in ("nebula", "openai", "gemini")] == [400, 400, 200]
    assert posted(servers, "/v1/other", "application/json", b"{}")[0] == 400


def test_requests_of_a_turn_share_its_attached_pictures(servers: Servers) -> None:
    (requests,) = Stage(servers).set(Scenario("two", TWO, (SMALL_ANSWER,) * 2, 0.0))
    assert [len(request.images) for request in requests] == [1, 1]
    assert requests[0].sent != requests[1].sent
