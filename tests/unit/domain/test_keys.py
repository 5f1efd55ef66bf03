"""Names: thread ids, message groups, and the keys derived from them."""

import hashlib
import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.domain import keys

any_text = st.text(st.characters(codec=None), max_size=60)  # half surrogate pairs too
# Difficult parts of names: separators, dots, controls, combining marks.
segment = st.text(st.sampled_from("ab/.\n\x00é\u0301猫😀 ~#"), max_size=12)
names = any_text | segment


@pytest.mark.parametrize(
    "name",
    [
        "campaign/bottle",
        "a",
        "猫/夜景",
        "a b/c#d?e",
        "...",
        "a/.b/..c",
        "x" * 256,
        "猫" * 85 + "x",
        "photos/cat",
        "~",
        "victim/0001-1a2b3c4d",
        "victim/00001-1a2b3c4",
        "00001-1A2B3C4D",
        "a-00001-1a2b3c4d",
    ],
)
def test_a_good_name_is_itself(name: str) -> None:
    assert keys.thread_id(name) == name
    assert keys.thread_of(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "256 bytes"),
        ("x" * 257, "256 bytes"),
        ("猫" * 86, "256 bytes"),
        ("a\nb", "control"),
        ("a\x00", "control"),
        ("a\x7f", "control"),
        ("a\x85b", "control"),
        ("/a", "segment"),
        ("a/", "segment"),
        ("a//b", "segment"),
        ("a/./b", "segment"),
        ("../a", "segment"),
        (".", "segment"),
        ("a\ud800", "surrogate"),
        ("victim/00001-1a2b3c4d", "turn's folder"),
        ("123456-00000000/a", "turn's folder"),
    ],
)
def test_a_bad_name_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        keys.thread_id(name)


@pytest.mark.parametrize("name", ["a//b", "x" * 257, "", "a\ud800"])
def test_an_upload_with_a_bad_name_gets_a_thread_of_its_own(name: str) -> None:
    thread = keys.thread_of(name)
    assert re.fullmatch("key-[0-9a-f]{32}", thread)
    assert thread == "key-" + hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]


def test_what_is_called_like_a_turns_folder_is_remembered_under_its_name_and_has_a_thread_by_its_hash() -> None:
    """It was a thread's id in earlier releases."""
    assert keys.home_of("shop/00001-1a2b3c4d") == "shop/00001-1a2b3c4d"
    assert keys.thread_of("shop/00001-1a2b3c4d").startswith("key-")
    assert keys.has_turn_folder(keys.turn_prefix("victim", 1, "r").strip("/"))


@given(name=names)
def test_an_upload_is_remembered_where_its_thread_is(name: str) -> None:
    assert keys.thread_of(keys.home_of(name)) == keys.thread_of(name)


def test_composed_and_decomposed_forms_name_one_thread() -> None:
    assert keys.thread_id("cafe\u0301") == keys.thread_id("café") == "café"


@pytest.mark.parametrize(
    ("written", "normal"), [("e\u0301", "é"), ("α\u0342\u0345", "ᾷ"), ("\u1112\u1161\u11ab", "한")]
)
def test_the_length_is_that_of_the_normal_form(written: str, normal: str) -> None:
    times = 256 // len(normal.encode())
    assert keys.thread_id(written * times) == normal * times


def test_a_letter_with_endless_marks_is_refused_before_its_marks_are_sorted() -> None:
    """Sorting them takes quadratic time: for a message of 1 MiB, a quarter of an hour."""
    started = time.process_time()
    assert keys.thread_of("a" + "\u0315\u0300" * 250_000).startswith("key-")
    assert time.process_time() - started < 5


@given(name=names)
def test_every_name_has_a_thread(name: str) -> None:
    thread = keys.thread_of(name)
    assert keys.thread_id(thread) == thread


@given(name=names)
def test_a_thread_id_is_normal_short_and_free_of_traps(name: str) -> None:
    try:
        thread = keys.thread_id(name)
    except ValueError:
        return
    assert unicodedata.is_normalized("NFC", thread)
    assert 1 <= len(thread.encode()) <= 256
    assert not {"", ".", ".."} & set(thread.split("/"))


@pytest.mark.parametrize("thread", ["campaign/bottle", "a" * 128, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"])
def test_a_thread_that_sqs_can_name_is_its_own_group(thread: str) -> None:
    assert keys.message_group(thread) == thread


@pytest.mark.parametrize("thread", ["猫", "a b", "a" * 129, "café"])
def test_any_other_thread_is_grouped_by_its_sha256(thread: str) -> None:
    assert keys.message_group(thread) == hashlib.sha256(thread.encode()).hexdigest()


@given(name=names)
def test_a_group_is_one_that_sqs_takes(name: str) -> None:
    group = keys.message_group(keys.thread_of(name))
    assert 1 <= len(group) <= 128
    assert group.isascii()
    assert group.isprintable()
    assert " " not in group


def test_a_turns_place_follows_from_thread_turn_and_request() -> None:
    digest = hashlib.sha256(b"order-4711-1").hexdigest()[:8]
    assert keys.turn_prefix("campaign/bottle", 3, "order-4711-1") == f"threads/campaign/bottle/00003-{digest}/"


@given(
    one=st.tuples(names, names, st.integers(1, 3)),
    other=st.tuples(names, names, st.integers(1, 3)),
)
@example(("a/b", "c", 1), ("a", "b/c", 1))
def test_no_two_calls_share_a_place_in_the_spool(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    def place(call: tuple[str, str, int]) -> tuple[str, str, int]:
        return keys.thread_of(call[0]), call[1].encode(errors="replace").decode(), call[2]

    same = place(one) == place(other)
    assert (keys.spool_key(*place(one)) == keys.spool_key(*place(other))) == same


def test_what_became_no_turn_is_told_under_rejected() -> None:
    digest = hashlib.sha256(b"etag").hexdigest()[:8]
    assert keys.rejected_message_key("m-1") == "rejected/messages/m-1/result.json"
    assert keys.rejected_upload_key("photos/cat.xyz", "etag") == f"rejected/uploads/photos/cat.xyz/{digest}/result.json"


def test_a_key_of_800_bytes_stands_as_it_is_and_a_longer_one_is_shortened() -> None:
    digest = hashlib.sha256(b"k" * 801).hexdigest()[:16]
    assert keys.shortened("k" * 800) == "k" * 800
    assert keys.shortened("k" * 801) == "k" * 780 + "~" + digest


@given(key=st.text(st.characters(codec="utf-8"), max_size=300), times=st.integers(1, 4))
def test_a_shortened_key_begins_as_the_key_does_and_is_one_that_s3_takes(key: str, times: int) -> None:
    long_key = key * times
    shortened = keys.shortened(long_key)
    assert len(keys.rejected_upload_key(long_key, "etag").encode()) <= 1024
    assert shortened == long_key or long_key.startswith(shortened[:-17])
