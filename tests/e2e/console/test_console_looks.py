"""The console's look: at each width, in both themes, to a screen reader, and with malicious words."""

from pathlib import Path

import pytest

from darkroom_client.room import Darkroom
from tests.browser.driver import Theme
from tests.e2e.console import worlds
from tests.e2e.console.consoles import VIEWS, Console, thread_page
from tests.e2e.console.worlds import World
from tests.e2e.road import Road

pytestmark = pytest.mark.slow

WIDTHS = (360, 1024, 1920, 2560)
HEIGHT = 900
PAGES = (*VIEWS, "thread", "hostile")


@pytest.fixture(scope="module")
def world(road: Road, room: Darkroom) -> World:
    return worlds.made(road, room)


def path(view: str, world: World) -> str:
    return {"thread": thread_page(world.thread), "hostile": thread_page(world.hostile)}.get(view, view)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", PAGES)
def test_a_view_fits_every_width_and_a_screen_reader_can_read_it(
    console: Console, world: World, screenshots: Path, view: str, theme: Theme
) -> None:
    with console.entered(path(view, world), theme=theme) as page:
        for width in WIDTHS:
            page.look(width=width, height=HEIGHT, theme=theme)
            page.settle()
            page.screenshot(screenshots / f"{view.strip('/') or 'recent'}-{width}-{theme}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = [each for each in page.axe() if each.impact in ("serious", "critical")]
            assert found == [], width
        assert page.notes().errors == ()


@pytest.mark.parametrize("view", PAGES)
def test_words_that_mean_harm_are_text(console: Console, world: World, view: str) -> None:
    with console.entered(path(view, world)) as page:
        page.settle()
        assert page.evaluate("[...document.querySelectorAll('[onerror], [onload], [src=x]')].length") == 0
        if view == "hostile":
            for words in (worlds.MARKUP, worlds.HOSTILE_NAME, worlds.RIGHT_TO_LEFT, worlds.LONG.strip()):
                assert page.evaluate("document.body.textContent").count(words)
        notes = page.notes()
        assert (notes.dialogs, notes.errors) == ((), ())
