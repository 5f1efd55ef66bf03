"""The list of models is read from the image API's own address only, with the key."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from darkroom.providers.dialect import Dialect
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.dialects.nebula import NEBULA
from darkroom_client.operating.doctor import image_api
from darkroom_client.operating.doctor.image_api import Listed
from local.image_api import StandInServer, running


class _Elsewhere(BaseHTTPRequestHandler):
    """Redirects to itself, and records the requests with a key."""

    heard: list[str]

    def do_GET(self) -> None:
        self.heard.append(self.path)
        self.send_response(302 if self.path == "/v1/models" else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    _Elsewhere.heard = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", _Elsewhere.heard
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_good_key_gets_the_models_and_a_bad_one_a_401(dialect: Dialect) -> None:
    with running(StandInServer(key="sk-good")) as server:
        found = image_api.listed(server.url, "sk-good", dialect)
        assert found.status == 200
        assert "gemini-3.1-flash-image" in (found.models or ())
        assert image_api.listed(server.url, "sk-bad", dialect) == Listed(401, None)
        assert server.studio.calls.listed() == [], "nothing is generated"


def test_no_redirect_is_followed_with_the_key(elsewhere: tuple[str, list[str]]) -> None:
    url, heard = elsewhere
    assert image_api.listed(url, "sk-good", NEBULA) == Listed(302, None)
    assert heard == ["/v1/models"]


@pytest.mark.parametrize("key", ["sk-good", "two\nlines", "鑰匙"])
def test_what_cannot_be_asked_says_no_word_of_the_key(key: str) -> None:
    found = image_api.listed("http://127.0.0.1:9", key, NEBULA)
    assert found[:2] == (None, None)
    assert key not in found.said
