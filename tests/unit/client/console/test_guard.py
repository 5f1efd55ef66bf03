"""The console's guard admits and refuses requests, and sets the headers of each answer."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from darkroom_client.console.guard import Door, Guard, new_token

TOKEN = "a-token-of-many-letters"
DOOR = Door(4711, TOKEN)


def visitor(door: Door = DOOR, host: str = "127.0.0.1:4711") -> TestClient:
    """A browser without the cookie. The application behind the guard answers `in`."""

    def inside(_: Request) -> Response:
        return PlainTextResponse("in")

    app = Starlette(routes=[Route("/{path:path}", inside, methods=["GET", "POST"])])
    return TestClient(Guard(app, door), base_url=f"http://{host}", follow_redirects=False)


def guest(door: Door = DOOR) -> TestClient:
    """A browser that has opened the first address."""
    browser = visitor(door)
    assert browser.get(f"/?token={door.token}").status_code == 303
    return browser


def test_the_token_becomes_a_cookie_and_leaves_the_address() -> None:
    answer = visitor().get(f"/threads/a%2Fb?words=x&token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/threads/a%2Fb?words=x")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("darkroom-4711=", "httponly", "samesite=strict", "path=/"))


def test_a_redirect_never_leads_to_another_machine() -> None:
    answer = visitor().get(f"http://127.0.0.1:4711//evil.example/x?token={TOKEN}")
    assert answer.headers["location"] == "/evil.example/x"


@pytest.mark.parametrize("path", ["/", "/index.json", "/static/console.js", "/live/", "/pictures/a/1/1"])
def test_nothing_is_shown_without_the_cookie(path: str) -> None:
    for address in (path, f"{path}?token=", f"{path}?token=wrong", f"{path}?token=%F0%9F%A6%8A"):
        answer = visitor().get(address)
        assert (answer.status_code, answer.text == "in") == (403, False)
    assert guest().get(path).text == "in"


def test_a_form_needs_the_cookie_and_no_token_in_its_address_stands_for_it() -> None:
    assert visitor().post(f"/send?token={TOKEN}").status_code == 403


@pytest.mark.parametrize("host", ["evil.example:4711", "evil.example", "127.0.0.1", "127.0.0.1:80", "localhost"])
def test_a_name_that_is_not_the_consoles_is_not_answered(host: str) -> None:
    browser = guest()
    assert browser.get("/", headers={"host": host}).status_code == 421
    assert "set-cookie" not in visitor().get(f"/?token={TOKEN}", headers={"host": host}).headers


@pytest.mark.parametrize("host", ["127.0.0.1:4711", "localhost:4711"])
def test_the_consoles_own_names_are(host: str) -> None:
    assert guest().get("/", headers={"host": host}).text == "in"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
        {"origin": "https://127.0.0.1:4711"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    ],
)  # fmt: skip
def test_a_form_of_another_page_does_nothing(headers: dict[str, str]) -> None:
    assert guest().post("/send", headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{"origin": "http://127.0.0.1:4711"}, {"sec-fetch-site": "same-origin"}, {}])
def test_the_consoles_own_forms_pass(headers: dict[str, str]) -> None:
    assert guest().post("/send", headers=headers).text == "in"


def test_one_that_only_looks_takes_no_form() -> None:
    browser = guest(DOOR._replace(is_read_only=True))
    assert browser.get("/").text == "in"
    assert browser.post("/send").status_code == 403


def test_each_answer_allows_only_what_is_the_consoles_own() -> None:
    for answer in (guest().get("/"), visitor().get("/"), visitor().get("/", headers={"host": "evil"})):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;")
        assert "unsafe" not in policy
        assert all(f"{each} 'none'" in policy for each in ("base-uri", "frame-ancestors"))
        assert "form-action 'self'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_two_tokens_are_never_the_same_and_long() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 40
