"""A person's actions in the console: with keys only, on batches, photos without words, a thread, and the stack."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from darkroom_client.room import Darkroom
from tests.browser.driver import Page
from tests.e2e import operating
from tests.e2e.console.consoles import VIEWS, Console, thread_page
from tests.e2e.console.test_console_road import is_shown
from tests.e2e.road import Road, eventually, photo

pytestmark = pytest.mark.slow

SECONDS = 120.0
MOST_STOPS = 150
FOCUSED = """(() => {
  const element = document.activeElement, box = element.getBoundingClientRect();
  const drawn = (each) => each && ((getComputedStyle(each).outlineStyle !== "none"
    && parseFloat(getComputedStyle(each).outlineWidth) > 0) || getComputedStyle(each).boxShadow !== "none");
  const shown = [element, element.closest("label"), element.parentElement];
  return {
    name: `${element.tagName} ${element.id} ${(element.ariaLabel ?? element.innerText ?? "").slice(0, 40)}`,
    is_end: element === document.body, is_drawn: shown.some(drawn), is_there: box.width > 0 && box.height > 0,
  };
})()"""


def tabbed_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus, as a person without a mouse does."""
    for _ in range(MOST_STOPS):
        page.press("Tab")
        if page.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
            return
    raise AssertionError(f"{selector} cannot be reached by Tab")


@pytest.mark.parametrize("view", VIEWS)
def test_each_stop_of_the_focus_is_seen_and_it_is_caught_nowhere(console: Console, view: str) -> None:
    with console.entered(view) as page:
        stops = []
        for _ in range(MOST_STOPS):
            page.press("Tab")
            stop = page.evaluate(FOCUSED)
            if stop["is_end"]:
                break
            stops.append(stop)
        assert len({stop["name"] for stop in stops}) > len(VIEWS)
        assert [stop["name"] for stop in stops if not (stop["is_drawn"] and stop["is_there"])] == []


def test_a_conversation_is_held_by_keys_alone(console: Console, thread: str) -> None:
    with console.entered() as page:
        tabbed_to(page, "#words")
        page.type(f"a lighthouse, {thread}")
        tabbed_to(page, "button[type=submit]")
        page.press("Enter")
        page.until("location.pathname.startsWith('/threads/')")
        is_shown(page, 1)
        tabbed_to(page, "form.composer textarea")
        page.type("add snow")
        tabbed_to(page, "form.composer button[type=submit]")
        page.press("Enter")
        is_shown(page, 2)
        page.goto(page.evaluate("location.href"))
        tabbed_to(page, ".head [data-compare]")
        page.press("Enter")
        page.see("#compare[open]")
        tabbed_to(page, "#compare [type=range]")
        before = page.evaluate("document.querySelector('#compare [type=range]').value")
        page.press("ArrowRight")
        assert page.evaluate("document.querySelector('#compare [type=range]').value") != before
        page.press("Escape")
        page.until("!document.querySelector('#compare').open")
        tabbed_to(page, "[data-zoom]")
        page.press("Enter")
        page.see("#zoom[open]")
        first = page.evaluate("document.querySelector('#zoom .name').textContent")
        page.press("ArrowRight")
        page.until(f"document.querySelector('#zoom .name').textContent !== {json.dumps(first)}")
        page.press("ArrowLeft")
        page.until(f"document.querySelector('#zoom .name').textContent === {json.dumps(first)}")
        page.press("Escape")
        page.until("!document.querySelector('#zoom').open")


def test_the_wall_shows_what_ends_by_itself_and_is_searched(console: Console, room: Darkroom, thread: str) -> None:
    with console.entered() as page:
        room.send(thread, f"a lighthouse of {thread}", images=[photo()]).wait(timeout=SECONDS)
        page.until(f"document.querySelector('[data-key=\"{thread}\"] img')?.naturalWidth")
        page.fill("[name=words][type=search]", f"LIGHTHOUSE of {thread}")
        page.click('aria/Find[role="button"]')
        page.until("location.search.includes('words=') && document.querySelectorAll('#wall li').length")
        assert page.evaluate("document.querySelectorAll('#wall li').length") == 1
        page.click('aria/This page as JSON[role="link"]')
        page.until("JSON.parse(document.body.innerText).count === 1")


def test_a_batch_is_looked_at_begun_and_stopped(console: Console, thread: str, tmp_path: Path) -> None:
    file = tmp_path / f"{thread}.jsonl"
    lines = [{"custom_id": str(each), "instruction": f"a house {each} [fault:slow 5]"} for each in range(40)]
    file.write_text("\n".join(map(json.dumps, [*lines, {"instruction": ""}])), encoding="utf-8")
    with console.entered("/batches") as page:
        page.choose("[name=file]", file)
        page.click('aria/Check the file[role="button"]')
        page.read("Nothing was uploaded. line 41")
        file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        page.choose("[name=file]", file)
        page.click('aria/Check the file[role="button"]')
        page.click(".question button.main")
        page.click('aria/Go on[role="link"]')
        stop = f"[data-key='{file.name}'] a[href^='/questions/stop/']"
        page.click(stop)
        page.read("No more of its lines are sent")
        page.click('aria/Stop the batch[role="button"]')
        page.read("is stopped")
        page.click('aria/Go on[role="link"]')
        page.until(f"document.querySelector(\"[data-key='{file.name}']\")?.innerText.includes('stopped')")
        assert page.evaluate(f'document.querySelectorAll("{stop}").length') == 0


def test_a_photo_without_words_is_given_some(console: Console, road: Road, thread: str) -> None:
    road.upload(f"{thread}.jpg", photo())
    road.rejected_upload(f"{thread}.jpg")
    with console.entered("/needs-you") as page:
        form = f"[data-key^='{thread}'] form"
        page.fill(f"{form} [name=words]", "make it night")
        page.click(f"{form} [type=submit]")
        page.until("location.pathname === '/'")
    assert road.turn(thread, 1)["status"] == "succeeded"


@pytest.fixture
def goes_on(road: Road) -> Iterator[None]:
    yield
    operating.run(road.stack, "resume")


@pytest.mark.usefixtures("goes_on")
def test_the_stack_is_paused_and_goes_on(console: Console) -> None:
    with console.entered("/status") as page:
        for verb, is_paused in (("Pause", True), ("Resume", False)):
            page.click(f'aria/{verb}…[role="link"]')
            page.click(f'aria/{verb}[role="button"]')
            page.read("Done.")
            page.click('aria/Go on[role="link"]')
            page.see('aria/Status[role="heading"]')
            page.until(f"document.body.innerText.includes('The stack is paused') === {json.dumps(is_paused)}")


def test_a_conversation_is_erased_for_good(console: Console, road: Road, room: Darkroom, thread: str) -> None:
    room.send(thread, "a lighthouse").wait(timeout=SECONDS)
    with console.entered(thread_page(thread)) as page:
        page.click(".menu summary")
        page.click('aria/Erase for good…[role="link"]')
        page.click('aria/Erase for good[role="button"]')
        page.read("Done.")
        page.click('aria/Go on[role="link"]')
        page.until("location.pathname === '/'")
        assert page.goto(console.origin + thread_page(thread)) == 404
    eventually(lambda: not road.keys(f"threads/{thread}/"))
