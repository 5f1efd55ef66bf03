"""The form of moments, money and words for a person, and the terminals that show pictures."""

import io
import re
from datetime import UTC, datetime, timedelta

import click
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from darkroom_client.commands import moments, terminal
from darkroom_client.commands.talking import preview

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-22T11:59:30.500Z", "now"), ("2026-11-22T12:00:20Z", "now"), ("2026-11-22T11:57:00Z", "3 min ago"),
        ("2026-11-22T10:00:00Z", "2 h ago"), ("2026-11-20T10:00:00Z", "2 d ago"),
        ("2026-10-01T10:00:00Z", "2026-10-01"), (None, ""),
    ],
)  # fmt: skip
def test_a_moment_is_told_by_how_long_ago_it_was(moment: str | None, said: str) -> None:
    assert terminal.when(moment, NOW) == said


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ({"paid_calls": 1, "amount": 0.039, "currency": "USD"}, "0.039 USD"),
        ({"paid_calls": 5, "amount": 0.2, "currency": None}, "0.20"),
        ({"paid_calls": 1, "amount": 12, "currency": "EUR"}, "12.00 EUR"),
        ({"paid_calls": 2, "amount": None, "currency": None}, "2 calls"),
        ({"paid_calls": 0, "amount": None, "currency": None}, ""),
    ],
)
def test_money_is_told_where_the_price_is_known(cost: dict[str, object], said: str) -> None:
    assert terminal.money(cost) == said


def test_times_are_written_as_people_write_them() -> None:
    for said, back in (("30m", {"minutes": 30}), ("12h", {"hours": 12}), ("2d", {"days": 2}), ("3w", {"weeks": 3})):
        assert abs(datetime.now(UTC) - timedelta(**back) - moments.since(said)) < timedelta(seconds=10)
    assert moments.since("2026-11-22T12:00:00Z") == NOW
    for wrong in ("yesterday", "2x", "99999999w", "999999w"):
        with pytest.raises(click.BadParameter, match="write 30m, 12h, 2d"):
            moments.since(wrong)


def test_words_are_one_line_of_a_length_and_keep_the_joiners_that_scripts_need() -> None:
    assert terminal.words("red\n\n blue\t", None) == "red blue"
    assert terminal.words("make it night", 8) == "make it…"
    assert terminal.words("把景色换成夜色", 8) == "把景色…"
    assert terminal.words("\u0645\u06cc\u200c\u062e a\x1b[2J") == "\u0645\u06cc\u200c\u062e a\\u001b[2J"
    assert terminal.name("a\u200db\u202e") == "a\\u200db\\u202e"
    for joined in ("\U0001f469\u200d\U0001f467", "\u0645\u06cc\u200c\u062e"):
        assert terminal.name(joined) == joined


def test_wrapped_words_hang_below_their_head_and_facts_break_between_each_other_alone() -> None:
    console = Console(file=(said := io.StringIO()), width=40)
    terminal.hang(console, "1 ", Text("one two three four five six seven eight nine ten"), "├─ ", "│  ")
    assert said.getvalue().splitlines() == ["├─ 1 one two three four five six seven", "│    eight nine ten"]
    assert terminal.filled(["1024×768", "", "9.8 s", "18 min ago"], 20) == "1024×768 · 9.8 s\n18 min ago"


@pytest.mark.parametrize("width", [60, 100, 160])
def test_a_sentence_breaks_between_words_and_an_address_stays_whole(width: int) -> None:
    address = f"s3://results/{'瓶/' * width}result.json"
    said = terminal.sentence(f"  two  spaces {'and שלום 😀👍🏽 words ' * 20}lie at {address}", width).split("\n")
    assert [line for line in said if cell_len(line) > width] == [f"  {address}"]
    assert said[0].startswith("  two  spaces and שלום")
    assert all(line.startswith("  ") and re.search(r"(שלום|words|and|👍🏽|at|json)$", line) for line in said)


@pytest.mark.parametrize(
    ("environ", "known"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"), ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"), ({"TERM": "xterm-256color"}, None),
        ({"TERM": "screen-256color", "TERM_PROGRAM": "iTerm.app"}, None), ({"TERM": "xterm-kitty", "TMUX": "1"}, None),
        ({"TERM": "dumb"}, None),
    ],
)  # fmt: skip
def test_a_picture_is_shown_by_the_protocol_that_the_terminal_knows(environ: dict[str, str], known: str | None) -> None:
    assert preview.protocol(environ) == known
