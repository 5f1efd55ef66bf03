"""A real browser for tests: Chromium, driven by a Node.js process that takes one command at a time.

A test finds elements by CSS, or by their name for a screen reader: `aria/Send[role="button"]`. Every action waits for
its element first.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from local.stack.home import REPOSITORY, TOOLS

FOLDER = TOOLS / "browser"
UNPACKED = FOLDER / "unpacked"
NODE = TOOLS / "node" / "bin" / "node"
LETTERS = REPOSITORY / "client" / "darkroom_client" / "sheets" / "fonts"  # Chinese, too
SCRIPT = Path(__file__).with_name("driver.mjs")
MAX_REASON = 1000
Theme = Literal["light", "dark"]


class Absent(Exception):
    """This machine has no browser. The text says why."""


class Failed(Exception):
    """The browser could not carry out a command. The text says what it waited for, or what went wrong."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A finding of axe: the rule, its severity, and the elements."""

    id: str
    impact: str
    help: str
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notes:
    """The messages and requests of a page since it was opened."""

    errors: tuple[str, ...]
    dialogs: tuple[str, ...]
    requests: tuple[tuple[str, str], ...]  # method and address

    def posts(self) -> list[str]:
        return [url for method, url in self.requests if method == "POST"]

    def leaving(self, origin: str) -> list[str]:
        """The requests to other origins. Data inside an address goes nowhere."""
        schemes = [(urlsplit(url), url) for _, url in self.requests]
        return [
            url
            for parts, url in schemes
            if parts.scheme not in ("data", "blob", "about") and f"{parts.scheme}://{parts.netloc}" != origin
        ]


@dataclass(frozen=True, slots=True)
class Page:
    """A window of its own, with its own cookies."""

    browser: "Browser"
    name: str

    def goto(self, url: str) -> int:
        """Open the address. Return the status of the answer."""
        return int(self._do("goto", url=url))

    def look(self, *, width: int, height: int = 900, theme: Theme = "light") -> None:
        self._do("look", width=width, height=height, theme=theme)

    def click(self, selector: str, *, count: int = 1) -> None:
        self._do("click", selector=selector, count=count)

    def fill(self, selector: str, text: str) -> None:
        self._do("fill", selector=selector, text=text)

    def type(self, text: str) -> None:
        """Type into the focused element, key by key."""
        self._do("type", text=text)

    def press(self, keys: str) -> None:
        """Press one key, or several together: `Enter`, `Shift+Tab`."""
        self._do("press", keys=keys)

    def choose(self, selector: str, *files: Path) -> None:
        self._do("choose", selector=selector, files=[str(file) for file in files])

    def drop(self, selector: str, *files: Path) -> None:
        self._do("drop", selector=selector, files=[str(file) for file in files])

    def see(self, selector: str) -> None:
        self._do("see", selector=selector)

    def read(self, text: str) -> None:
        """Wait until the text can be read on the page."""
        self.until(f"document.body?.innerText.includes({json.dumps(text)})")

    def until(self, expression: str) -> Any:
        return self._do("until", expression=expression)

    def settle(self) -> None:
        """Wait until every picture in sight is loaded, or has failed to load."""
        self.until(
            "document.readyState === 'complete' && [...document.images].every((image) => {"
            " const box = image.getBoundingClientRect();"
            " return image.complete || !box.width || box.top > innerHeight || box.bottom < 0; })"
        )

    def evaluate(self, expression: str) -> Any:
        return self._do("evaluate", expression=expression)

    def screenshot(self, file: Path, *, full: bool = False) -> Path:
        self._do("screenshot", path=str(file), full=full)
        return file

    def axe(self) -> list[Violation]:
        found = self._do("axe")
        return [Violation(each["id"], each["impact"], each["help"], tuple(each["where"])) for each in found]

    def notes(self) -> Notes:
        said = self._do("notes")
        requests = tuple((each["method"], each["url"]) for each in said["requests"])
        return Notes(tuple(said["errors"]), tuple(said["dialogs"]), requests)

    def close(self) -> None:
        self._do("close")

    def _do(self, command: str, **words: Any) -> Any:
        return self.browser.do({"command": command, "page": self.name, **words})


class Browser:
    """One Chromium. Its pages open and close one by one."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._pages = 0
        self.version = str(self._answer())

    def open(self, *, width: int = 1024, height: int = 900, theme: Theme = "light") -> Page:
        self._pages += 1
        page = Page(self, str(self._pages))
        self.do({"command": "open", "page": page.name, "width": width, "height": height, "theme": theme})
        return page

    def do(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed("the browser is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["value"]


@contextmanager
def browser(scratch: Path, unpacked: Path = UNPACKED) -> Iterator[Browser]:
    """Start Chromium, with its profile below `scratch`. Raises `Absent` if it does not start."""
    environment = _environment(scratch, unpacked)
    _require(unpacked / "chromium", environment)
    log = scratch / "browser.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [NODE, SCRIPT], cwd=FOLDER, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8",
        ) as process,
    ):  # fmt: skip
        try:
            yield _started(process, log)
        finally:
            _ended(process)


def _require(chromium: Path, environment: dict[str, str]) -> None:
    """Raise Absent if Chromium cannot run here. It is built for one processor and system; the loader names a lack."""
    if not chromium.is_file():
        raise Absent("No browser is installed here. `make browser` installs one.")
    try:
        tried = subprocess.run([chromium, "--version"], env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Absent(f"Chromium does not start here: {error}") from None
    if tried.returncode:
        raise Absent(f"Chromium does not start here: {tried.stderr.strip() or tried.returncode}")


def _started(process: "subprocess.Popen[str]", log: Path) -> Browser:
    try:
        return Browser(process)
    except Failed:
        said = " ".join(log.read_text(encoding="utf-8").split())
        raise Absent(f"Chromium cannot be driven here: {said[:MAX_REASON]}") from None


def _ended(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    try:
        process.stdin.close()
        process.wait(timeout=10)
    except (BrokenPipeError, subprocess.TimeoutExpired):
        process.kill()


def _environment(scratch: Path, unpacked: Path) -> dict[str, str]:
    """The environment. Its own libraries help machines without them; its own fonts make pages the same everywhere."""
    fonts = scratch / "fonts.conf"
    fonts.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{unpacked / 'fonts'}</dir><dir>{LETTERS}</dir><dir>/usr/share/fonts</dir>"
        f"<cachedir>{scratch / 'fonts'}</cachedir></fontconfig>",
        encoding="utf-8",
    )
    libraries = [str(unpacked / "al2023" / "lib"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return {
        **os.environ,
        "CHROMIUM": str(unpacked / "chromium"),
        "FONTCONFIG_FILE": str(fonts),
        "LD_LIBRARY_PATH": ":".join(libraries),
        "TMPDIR": str(scratch),
    }
