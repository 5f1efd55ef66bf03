"""The console's door: it lets in the browser with its token, from the console's own pages, and nothing else."""

import http.client
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.console import consoles
from tests.e2e.console.consoles import VIEWS, Console
from tests.e2e.road import Road

pytestmark = pytest.mark.slow

ADDRESSES = (*VIEWS, "/index.json", "/batches.json", "/needs-you.json", "/status.json")


def asked(console: Console, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """The status, the cookie and the body of the answer to a program with these headers."""
    connection = http.client.HTTPConnection(urlsplit(console.origin).netloc, timeout=60)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Set-Cookie", "").partition(";")[0], answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def cookie(console: Console) -> str:
    """The cookie of a browser that has opened the first address."""
    status, cookie, _ = asked(console, console.address.removeprefix(console.origin))
    assert status in (302, 303)
    return cookie


@pytest.mark.parametrize("path", ADDRESSES)
def test_nobody_sees_anything_without_the_token(console: Console, cookie: str, path: str) -> None:
    assert asked(console, path, Cookie=cookie)[0] == 200
    for refused in (asked(console, path), asked(console, f"{path}?token=abc"), asked(console, path, Cookie="a=b")):
        assert refused[0] == 403
        assert len(refused[2]) < 200


def test_a_name_of_somebody_elses_is_not_answered(console: Console, cookie: str) -> None:
    host = urlsplit(console.origin).netloc
    for name in ("evil.example", f"evil.example:{host.rpartition(':')[2]}", "127.0.0.1", f"{host}.evil.example"):
        status, _, said = asked(console, "/", Host=name, Cookie=cookie)
        assert (status, len(said) < 200) == (421, True)
        assert asked(console, console.address.removeprefix(console.origin), Host=name)[:2] == (421, "")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_form_of_another_page_does_nothing(console: Console, cookie: str, origin: str) -> None:
    status, _, said = asked(console, "/send", "POST", Cookie=cookie, Origin=origin)
    assert (status, "nothing was done" in said) == (403, True)
    assert asked(console, "/send", "POST", Cookie=cookie, Sec_Fetch_Site="cross-site")[0] == 403


def test_a_page_of_this_machine_can_neither_send_nor_look(console: Console, road: Road) -> None:
    """Such a page is on the same site, because the port does not count, and so the browser sends the cookie."""
    page = console.browser.open()
    page.goto(console.address)
    with _served(EVIL.format(console=console.origin)) as evil:
        page.goto(evil)
        assert page.until("document.title") == "could not look"
        page.click("button")
        page.read("nothing was done")
    assert page.evaluate("location.origin") == console.origin
    page.close()
    assert road.calls("an evil request") == []


def test_a_console_that_only_looks_offers_nothing_and_does_nothing(
    console: Console, road: Road, tmp_path: Path
) -> None:
    with consoles.running(road.stack, console.browser, tmp_path, "--read-only") as looking:
        for view in VIEWS:
            with looking.entered(view) as page:
                assert page.evaluate("document.querySelectorAll('form[method=post]').length") == 0
        _, cookie, _ = asked(looking, looking.address.removeprefix(looking.origin))
        assert asked(looking, "/send", "POST", Cookie=cookie, Origin=looking.origin)[0] == 403


EVIL = """<!doctype html><title></title><form method="post" action="{console}/send"><input name="request_id"
value="evil-form-4711"><input name="words" value="an evil request"><button>Win a prize</button></form><script>
fetch("{console}/index.json", {{ credentials: "include" }}).then(
  () => (document.title = "could look"), () => (document.title = "could not look"));
</script>"""


@contextmanager
def _served(page: str) -> Iterator[str]:
    """The address of another program's page."""

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
