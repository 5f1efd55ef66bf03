"""Tables fit a narrow terminal. Words are cut and marked, and other columns stay whole."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from darkroom_client.commands import tables
from darkroom_client.commands.talking import threads
from darkroom_client.index import Summary

WORDS = "make it night and put a red lamp on the table beside it"
THREAD = "shop/spring/sofa-that-is-long"
ENDED = [("AT", "left"), ("OUTCOME", "left"), ("OF", "whole"), ("WORDS", "cut")]


def lines(width: int, what: object) -> list[str]:
    said = io.StringIO()
    Console(file=said, width=width, color_system=None).print(what)
    return said.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 50, 60, 80, 100])
def test_words_are_cut_with_a_sign_at_every_width(width: int) -> None:
    made = tables.table(ENDED, [("12:00:01", "invalid_request", f"{THREAD}:12", WORDS)], width)
    said = lines(width, made)
    assert said[1].rstrip().endswith("…")
    names = "".join(line[27:].split("  ")[0].strip() for line in said[1:])
    assert names == f"{THREAD}:12"


@pytest.mark.parametrize(
    "words",
    ["把景色换成夜色下雪的场景，屋顶上坐着一只小猫" * 5, "😀👍🏽" * 50, "שלום עולם مرحبا " * 12],
    ids=["han", "emoji", "rtl"],
)
@pytest.mark.parametrize("width", [60, 61, 100, 101, 160, 161])
def test_words_of_any_script_are_cut_between_two_signs(width: int, words: str) -> None:
    said = lines(width, tables.table(ENDED, [("12:00:01", "refused", "商店/春天/瓶子:1", words)], width))
    assert [line for line in said if cell_len(line) > width] == []
    assert re.search(r"\S…$", said[1].rstrip())


def test_short_words_leave_their_columns_to_a_long_name() -> None:
    said = lines(80, tables.table(ENDED, [("12:00:01", "succeeded", f"{THREAD}/second:12", "a cat")], 80))
    assert f"{THREAD}/second:12  a cat" in said[1]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_threads_keep_the_words_of_their_state(width: int) -> None:
    found = [
        Summary(THREAD, 12, "failed", WORDS, "2026-10-01T23:00:00.000Z", "budget_exhausted"),
        Summary(THREAD, 12, "waiting", WORDS, "2026-10-01T23:00:00.000Z", "throttled"),
    ]
    said = lines(width, threads._table(found, width))
    assert "✗ budget_exhausted  2026-10-01" in said[1]
    assert any("… throttled" in line for line in said)
    assert said[1].count("…") == 1, "words alone are cut"
