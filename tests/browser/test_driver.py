"""The browser for tests of the console: it acts like a person, and reports the page's messages and requests."""

import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.driver import Absent, Browser, Failed, Page, Theme, browser

STRICT = "default-src 'none'; script-src 'self'; style-src 'self'; img-src *; connect-src 'self'; form-action 'self'"
PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>A page</title>
<link rel="stylesheet" href="/style.css"><script src="/script.js" defer></script>
<main><h1>A page</h1><form method="post" action="/"><label>Words <input name="words"></label>
<button>Send</button></form><p id="drop">Drop a photo here</p><label>Or choose it <input type="file"></label>
<output></output></main>"""
FILES = {
    "/": ("text/html", PAGE),
    "/style.css": ("text/css", "html { color-scheme: light dark } #drop { padding: 40px }"),
    "/script.js": (
        "text/javascript",
        """const say = (text) => setTimeout(() => (document.querySelector("output").textContent = text), 300);
        const of = ([file]) => file.text().then((text) => say(`${file.name}: ${text}`));
        const area = document.querySelector("#drop");
        area.addEventListener("dragover", (event) => event.preventDefault());
        area.addEventListener("drop", (event) => (event.preventDefault(), of(event.dataTransfer.files)));
        document.querySelector("[type=file]").addEventListener("change", (event) => of(event.target.files));
        document.addEventListener("keydown", (event) => event.key === "?" && say("help"));""",
    ),
}


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind, text = FILES.get(self.path, ("text/plain", ""))
        self._answer(200 if self.path in FILES else 404, kind, text)

    def do_POST(self) -> None:
        words = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(200, "text/html", f"<!doctype html><title>Sent</title><p>Got {words}")

    def _answer(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Security-Policy", STRICT)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def page(chromium: Browser, origin: str) -> Iterator[Page]:
    opened = chromium.open()
    assert opened.goto(origin) == 200
    yield opened
    opened.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "mug, blue.txt").write_text("a mug", encoding="utf-8")
    return tmp_path / "mug, blue.txt"


def test_a_form_is_filled_and_sent_by_its_names(page: Page) -> None:
    page.fill('aria/Words[role="textbox"]', "night")
    page.click('aria/Send[role="button"]')
    page.read("Got words=night")
    assert len(page.notes().posts()) == 1


def test_a_form_is_filled_and_sent_by_keys_alone(page: Page) -> None:
    page.press("Tab")
    page.type("day")
    page.press("Tab")
    page.press("Shift+Tab")
    page.press("Enter")
    page.read("Got words=day")


def test_a_file_is_dropped_and_another_is_chosen(page: Page, file: Path) -> None:
    page.drop("#drop", file)
    page.read("mug, blue.txt: a mug")
    page.choose("[type=file]", file.rename(file.with_name("cup.txt")))
    page.read("cup.txt: a mug")


def test_a_page_is_waited_for_and_asked(page: Page) -> None:
    page.type("?")
    page.until("document.querySelector('output').textContent === 'help'")
    assert page.evaluate("[1, document.title]") == [1, "A page"]
    with pytest.raises(Failed, match="no such thing"):
        page.evaluate("(() => { throw new Error('no such thing') })()")


@pytest.mark.parametrize(("theme", "width", "is_bright"), [("light", 360, True), ("dark", 1024, False)])
def test_a_picture_of_the_page_has_its_width_and_its_theme(
    page: Page, tmp_path: Path, theme: Theme, width: int, is_bright: bool
) -> None:
    page.look(width=width, height=600, theme=theme)
    with Image.open(page.screenshot(tmp_path / "page.png")) as picture:
        assert picture.size == (width, 600)
        corner = picture.convert("L").crop((width - 1, 599, width, 600)).tobytes()
        assert (corner > b"\x80") == is_bright


def test_axe_finds_what_has_no_name(page: Page) -> None:
    assert [each for each in page.axe() if each.impact in ("serious", "critical")] == []
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert [(each.id, each.impact) for each in page.axe()] == [("image-alt", "critical")]


def test_what_a_page_runs_says_and_asks_for_is_noted(page: Page, origin: str) -> None:
    page.evaluate("fetch('/absent').then(() => 0)")
    page.evaluate("Object.assign(new Image(), {src: 'http://example.com/spy.png'}) && 0")
    page.evaluate("alert('hallo')")
    page.evaluate("void document.body.setAttribute('onclick', 'alert(1)'), document.body.click()")
    notes = page.notes()
    assert notes.dialogs == ("hallo",)
    assert notes.leaving(origin) == ["http://example.com/spy.png"]
    assert any("404" in error for error in notes.errors)
    assert any("Content Security Policy" in error for error in notes.errors)


def test_pages_share_no_cookies(chromium: Browser, page: Page, origin: str) -> None:
    page.evaluate("document.cookie = 'token=1'")
    other = chromium.open()
    other.goto(origin)
    assert (page.evaluate("document.cookie"), other.evaluate("document.cookie")) == ("token=1", "")
    other.close()


def test_where_it_does_not_start_it_says_why(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="`make browser` installs one"), browser(tmp_path, tmp_path):
        pass
    (tmp_path / "chromium").write_text("#!/bin/sh\necho no such library >&2; exit 127\n")
    (tmp_path / "chromium").chmod(0o755)
    with pytest.raises(Absent, match="does not start here: no such library"), browser(tmp_path, tmp_path):
        pass
