"""The course of one conversation in the console: a photo is dropped, answered, followed up, branched and compared."""

import json
from pathlib import Path

from tests.browser.driver import Page
from tests.e2e.console.consoles import Console, thread_page
from tests.e2e.road import Road, photo

COMPOSER = "form.composer"


def asked(page: Page, words: str, button: str) -> None:
    """Enter an instruction into the form at the page's foot or head, and send it."""
    page.fill(f"{COMPOSER} textarea", words)
    page.click(f'aria/{button}[role="button"]')


def is_shown(page: Page, turn: int) -> None:
    """Wait until the picture of a turn appears by itself."""
    page.until(f"document.querySelector('#turn-{turn} figure img')?.naturalWidth")


def is_in_view(page: Page, selector: str) -> None:
    """Wait until the last of these elements can be seen without scrolling."""
    box = f"[...document.querySelectorAll({json.dumps(selector)})].at(-1).getBoundingClientRect()"
    page.until(f"(({{top, bottom}}) => top < innerHeight - 100 && bottom > 0)({box})")


def test_a_photo_is_dropped_answered_followed_up_branched_and_compared(
    console: Console, road: Road, thread: str, tmp_path: Path
) -> None:
    mug = tmp_path / f"{thread}.jpg"
    mug.write_bytes(photo("indianred"))
    with console.entered() as page:
        page.drop(COMPOSER, mug)
        page.until(f"document.querySelectorAll('{COMPOSER} [data-previews] img').length === 1")
        asked(page, "make it night", "Make it")
        page.until(f"location.pathname === '{thread_page(thread)}'")
        is_shown(page, 1)
        page.see("#turn-1 .sources img")

        page.look(width=1024, height=500)
        page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        asked(page, "add snow", "Reply")
        page.until("document.querySelectorAll('#turns > li, #waiting > li').length === 2")
        is_in_view(page, "#turns > li, #waiting > li")
        is_shown(page, 2)

        page.click("#turn-1 details.reply summary")
        page.fill("#words-1", "mirror it")
        page.click('aria/Branch[role="button"]')
        is_shown(page, 3)
        assert page.evaluate("document.querySelector('#turn-3').innerText").count("answers turn 1")

        page.click("#turn-1 [data-zoom^='/pictures']")
        page.until(WHOLE)
        page.press("Escape")

        page.click(".head [data-compare]")
        page.see("#compare[open]")
        assert page.evaluate("document.querySelector('[data-pick=right]').selectedOptions[0].text") == "Turn 3"
        sides = "[...document.querySelectorAll('#compare img')].map((image) => image.naturalWidth > 0)"
        page.until(f"{sides}.join() === 'true,true'")
        page.click("#compare [data-mode]")
        page.press("Escape")
        page.until("!document.querySelector('#compare').open")
        assert page.notes().errors == ()

        page.click('aria/Recent[role="link"]')
        page.see(f"[data-key='{thread}'] img")
    results = road.results(thread)
    assert [(each["turn"], each["parent_turn"], each["status"]) for each in results] == [
        (1, None, "succeeded"), (2, 1, "succeeded"), (3, 1, "succeeded")
    ]  # fmt: skip
    assert results[0]["mode"] == "image_to_image"
    assert len(road.calls("mirror it")) >= 1


def test_a_double_click_pays_once_and_so_does_a_form_that_is_sent_twice_at_once(
    console: Console, road: Road, thread: str
) -> None:
    words = f"a lighthouse, {thread}"
    with console.entered() as page:
        page.fill(f"{COMPOSER} textarea", words)
        statuses = page.evaluate(TWICE)
        assert statuses == [200, 200]
        page.click('aria/Make it[role="button"]', count=2)
        page.until("location.pathname.startsWith('/threads/')")
        is_shown(page, 1)
    assert len(road.calls(words)) == 1


WHOLE = """(() => {
  const stage = document.querySelector("#zoom .stage"), picture = stage.querySelector("img");
  return picture.naturalWidth > 0 && picture.clientHeight <= stage.clientHeight;
})()"""
TWICE = f"""(() => {{
  const form = document.querySelector("{COMPOSER}");
  const send = () => fetch(form.action, {{ method: "POST", body: new FormData(form) }}).then((answer) => answer.status);
  return Promise.all([send(), send()]);
}})()"""
