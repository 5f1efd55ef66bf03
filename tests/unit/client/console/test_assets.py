"""All files of the console are installed, and none needs anything that the policy forbids."""

import re
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import darkroom_client.console

FOLDER = Path(darkroom_client.console.__file__).parent
ROOT = FOLDER.parents[2]
PAGES = sorted((FOLDER / "templates").glob("*.html"))
STATIC = sorted((FOLDER / "static").iterdir())
SCRIPTS = [each for each in STATIC if each.suffix == ".js"]


def test_the_wheel_holds_every_file() -> None:
    held = {each.distribution_path for each in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"darkroom_client/console/{each.parent.name}/{each.name}" for each in (*PAGES, *STATIC)} <= held


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_nothing_inline_and_escapes_every_word(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
    assert re.findall(r"\|\s*safe|autoescape|Markup", text) == []
    assert re.findall(r"https?://|//[a-z]", text) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_list_and_its_empty_text_are_on_the_page_always_so_that_live_changes_show(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"data-list|class=\"nothing\"", text):
        before = text[: found.start()]
        assert len(re.findall(r"\{%-? if ", before)) == len(re.findall(r"\{%-? endif ", before)), found.group()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_makes_no_markup_of_words(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert re.findall(r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\b|new Function", text) == []
    assert re.findall(r"https?://", text) == []


def test_the_styles_get_nothing_from_elsewhere() -> None:
    for each in STATIC:
        assert re.findall(r"@import|url\(", each.read_text(encoding="utf-8")) == []
