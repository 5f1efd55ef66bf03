"""`darkroom console` for a stack, as a process of its own, and a browser in front of it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from local.stack import ports
from tests.browser.driver import Browser, Page, Theme
from tests.e2e import operating
from tests.e2e.conftest import Stack

VIEWS = ("/", "/batches", "/needs-you", "/status")


@dataclass(frozen=True, slots=True)
class Console:
    """A running console. `address` is the first one, with its token."""

    address: str
    browser: Browser

    @property
    def origin(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    @contextmanager
    def entered(self, path: str = "/", *, width: int = 1024, theme: Theme = "light") -> Iterator[Page]:
        """A page of the console, in a browser that has opened the first address. It must send nothing elsewhere."""
        page = self.browser.open(width=width, theme=theme)
        try:
            assert page.goto(self.address) == 200
            if path != "/":
                assert page.goto(self.origin + path) == 200
            yield page
            assert page.notes().leaving(self.origin) == []
        finally:
            page.close()


@contextmanager
def running(stack: Stack, browser: Browser, folder: Path, *words: str) -> Iterator[Console]:
    """`darkroom console --no-browser` on a free port, with these further words. Its state is in `folder`."""
    port = str(ports.any_free())
    with subprocess.Popen(
        [operating.DARKROOM, "--stack", "darkroom", "console", "--no-browser", "--port", port, *words],
        cwd=stack.home.folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder), **stack.env},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield Console(process.stdout.readline().strip(), browser)
        finally:
            process.terminate()


def thread_page(thread: str) -> str:
    return f"/threads/{quote(thread, safe='')}"
