"""A backfill's batch files, its bill, and its instruction as an argument of make."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.batches import batch_file
from darkroom.domain import request_file
from darkroom.domain.price import Price
from darkroom.domain.request import Request
from darkroom.domain.request_schema import ImageRef, can_be_seen
from darkroom.domain.upload import Upload
from darkroom_client.operating import backfill
from darkroom_client.operating.batches import batch_lines
from tests.fakes.stack import rules

ROOT = Path(__file__).parents[4]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
names = texts.filter(bool)


def upload(key: str, size: int = 1, etag: str = "e") -> Upload:
    return Upload("uploads", key, etag, None, "", size, 0.0)


@given(names, names.filter(can_be_seen))
def test_a_line_is_one_line_and_asks_for_what_was_meant(key: str, instruction: str) -> None:
    picture = upload(key)
    wanted = Request(
        picture.thread,
        batch_lines.custom_id(instruction.strip(), picture, 1),
        instruction.strip(),
        (ImageRef("uploads", key),),
        parent_turn=0,
        metadata={},
    )
    line = batch_lines.line(wanted)
    assert line.count(b"\n") == 1
    folder = batch_file.folder_of("uploads", "backfill/0.jsonl")
    assert (
        request_file.of_line(line.removesuffix(b"\n"), folder=folder, stem="backfill/0", rules=rules("uploads"))
        == wanted
    )


@given(names, names, names, names, st.integers(1, 3))
def test_an_id_tells_words_keys_contents_and_attempts_apart(a: str, b: str, key: str, etag: str, attempt: int) -> None:
    one = batch_lines.custom_id(a, upload(key, etag=etag), attempt)
    assert one == batch_lines.custom_id(a, upload(key, etag=etag, size=7), attempt)
    others = [
        batch_lines.custom_id(a, upload(key, etag=etag), attempt + 1),
        batch_lines.custom_id(a, upload(key + b, etag=etag), attempt),
        batch_lines.custom_id(a, upload(key, etag=etag + b), attempt),
        batch_lines.custom_id(a + b, upload(key, etag=etag), attempt),
        batch_lines.custom_id(a, upload(b + key, etag=etag), attempt),
    ]
    assert one not in others


@given(names, names, names)
def test_a_file_is_named_by_prefix_and_words(prefix: str, words: str, more: str) -> None:
    assert batch_lines.key(prefix, words, 1) != batch_lines.key(prefix + more, words, 1)
    assert batch_lines.key(prefix + more, words, 1) != batch_lines.key(prefix, more + words, 1)


def test_the_second_file_bears_a_number() -> None:
    first, second = (batch_lines.key("shop/", "Make it night", number) for number in (1, 2))
    assert first.startswith("backfill/")
    assert second == first.replace(".jsonl", "-2.jsonl")


@given(st.lists(st.binary(min_size=1, max_size=9)), st.integers(1, 5), st.integers(1, 20))
def test_files_hold_all_lines_in_order_and_none_more_than_it_may(
    lines: list[bytes], most: int, most_bytes: int
) -> None:
    parts = list(batch_lines.parts(lines, most, most_bytes))
    assert [line for part in parts for line in part] == lines
    assert all(0 < len(part) <= most for part in parts)
    assert all(sum(map(len, part)) <= most_bytes for part in parts if len(part) > 1)
    assert all(len(part) == most or sum(map(len, part)) + len(after[0]) > most_bytes for part, after in pairwise(parts))


@pytest.mark.parametrize(
    ("key", "is_picture"),
    [
        ("shop/a.jpg", True),
        ("shop/B.HEIC", True),
        ("shop/a.txt", False),
        ("shop/_instruction.txt", False),
        ("shop/", False),
        (".thumbnails/a.jpg", False),
        ("shop/.a.jpg", False),
        ("shop/a.jpg.part", False),
        ("backfill/0123456789abcdef.jsonl", False),
    ],
)
def test_pictures_are_told_by_their_names(key: str, is_picture: bool) -> None:
    assert backfill.is_picture(upload(key)) is is_picture


def test_an_empty_object_is_no_picture_yet() -> None:
    assert not backfill.is_picture(upload("shop/a.jpg", size=0))


def test_the_bill_is_exact() -> None:
    first, again = backfill.bill([1] * 1234, Price(0.039, "USD"), 2)
    assert first == "At most 1,234 calls, 48.126 USD."
    assert again.endswith("never more than 2,468 calls, 96.252 USD.")
    assert backfill.bill([1], Price(0.1), 1) == ["At most 1 call, 0.1."]


def test_a_call_for_several_pictures_costs_as_much_as_they_do() -> None:
    first, again = backfill.bill([4, 1, 1], Price(0.039, "USD"), 2)
    assert first == "At most 3 calls for 6 pictures, 0.234 USD."
    assert again.endswith("never more than 6 calls for 12 pictures, 0.468 USD.")


def test_a_price_that_is_unknown_is_no_price_of_zero() -> None:
    said = backfill.bill([1] * 3, Price(), 2)
    assert said[:2] == ["At most 3 calls.", "The price is unknown: the stack's PricePerImage is empty."]
    assert said[2].endswith("never more than 6 calls.")


def test_what_is_done_costs_nothing() -> None:
    assert backfill.bill([], Price(0.039, "USD"), 2) == ["No new call is needed."]


HARD = [
    'it\'s "so"',
    "costs $5, $(shell false) $$ ${x}",
    "a $( b",
    "`id` \\ # end\\",
    "两行\n\n  把景色换成夜色",
    "-n",
    "%s",
]


@pytest.mark.parametrize("words", HARD)
@pytest.mark.parametrize("is_exported", [False, True])
def test_words_come_through_make_as_they_were_typed(tmp_path: Path, words: str, is_exported: bool) -> None:
    assert through_make(tmp_path, words, is_exported=is_exported) == [f"{words}/", words]


@settings(max_examples=20)
@given(words=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_words_come_through_make(tmp_path_factory: pytest.TempPathFactory, words: str) -> None:
    """Make drops the space before the words. An instruction loses it anyway."""
    prefix, instruction = through_make(tmp_path_factory.mktemp("make"), words.strip() or "x", is_exported=False)
    assert (prefix, instruction) == (f"{words.strip() or 'x'}/", words.strip() or "x")


def through_make(folder: Path, words: str, *, is_exported: bool) -> list[str]:
    """The arguments that `make backfill` passes on, recorded by a program in place of the command."""
    listener = folder / "listener.py"
    listener.write_text("import json, sys; print(json.dumps(sys.argv[1:]))", encoding="utf-8")
    given = {"PREFIX": f"{words}/", "INSTRUCTION": words}
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    typed = [] if is_exported else [f"{name}={value}" for name, value in given.items()]
    done = subprocess.run(
        ["make", "--silent", "--old-file=tools", "backfill", f"DARKROOM={sys.executable} {listener}", *typed],  # noqa: S607
        cwd=ROOT,
        env={**env, **(given if is_exported else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heard: list[str] = json.loads(done.stdout)
    assert heard[:4] == ["backfill", "--stack", "local", "--"]
    return heard[4:]
