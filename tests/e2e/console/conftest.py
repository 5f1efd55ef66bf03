"""A console of the shared stack, and a folder for its screenshots."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from darkroom_client.room import Darkroom
from darkroom_client.stacks import stack as stacks
from local.stack.home import HOMES
from tests.browser.driver import Browser
from tests.e2e.console import consoles
from tests.e2e.console.consoles import Console
from tests.e2e.road import Road
from tests.figures import Figures


@pytest.fixture(scope="session")
def console(chromium: Browser, road: Road, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with consoles.running(road.stack, chromium, tmp_path_factory.mktemp("console")) as started:
        yield started


@pytest.fixture(scope="session")
def room(road: Road) -> Darkroom:
    """The client with which tests prepare conversations."""
    return Darkroom(stacks.by_variables(road.stack.env))


@pytest.fixture
def thread() -> str:
    return f"console-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def screenshots(figures: Figures) -> Path:
    folder = HOMES / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    figures.tell(f"screenshots of the console are in {folder}")
    return folder
