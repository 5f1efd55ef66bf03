"""The words of an upload: a text file's, or those in an object's metadata."""

import base64
from email.header import Header
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom import words
from darkroom.errors import Rejected
from tests.unit.samples import rejection

SNOW = "把景色换成夜色下雪的场景"
utf8_text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"make it blue", "make it blue"),
        (SNOW.encode(), SNOW),
        (b"\xef\xbb\xbf" + SNOW.encode(), SNOW),
        (b"\r\n  make it blue \r\n\r\n", "make it blue"),
        (b"first line\nsecond line\n", "first line\nsecond line"),
        (b"x" * 8000, "x" * 8000),
    ],
)
def test_a_text_file_says_what_it_says(data: bytes, said: str) -> None:
    assert words.of_text(data) == said


@pytest.mark.parametrize(
    "data",
    [b"", b"  \r\n", b"\xef\xbb\xbf", "noir et blanc, été".encode("latin-1"), "夜".encode("utf-16"), b"x" * 8001],
)
def test_a_text_file_that_says_nothing_clear_is_refused_with_a_remedy(data: bytes) -> None:
    rejected = rejection(lambda: words.of_text(data))
    assert (rejected.code, rejected.param) == ("invalid_request", "instruction")
    assert rejected.hint


@given(data=st.binary(max_size=200))
def test_any_text_file_is_words_or_rejected(data: bytes) -> None:
    try:
        said = words.of_text(data)
    except Rejected:
        return
    assert 1 <= len(said) <= 8000


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("make it blue", "make it blue"),
        ("  make it blue ", "make it blue"),
        ("", ""),
        ("100% wool, a = b", "100% wool, a = b"),
        ("utf-8''%E9%9B%AA", "雪"),
        (
            "UTF-8''Rends%20l'image%20(s'il%20te%20pla%C3%AEt)%20*plus*%20claire!",
            "Rends l'image (s'il te plaît) *plus* claire!",
        ),
        ("UTF-8'zh-CN'%E9%9B%AA%20and%20ice", "雪 and ice"),
        ("=?UTF-8?B?6Zuq?=", "雪"),
        ("=?utf-8?q?caf=C3=A9?=", "café"),
        ("=?utf-8?q?=E9=9B?= =?utf-8?q?=AA?=", "雪"),
        ("=?iso-8859-1?q?caf=E9?=", "café"),
        ("雪".encode().decode("latin-1"), "雪"),
        ("雪", "雪"),
        ("café", "café"),
        ("=?no-such-charset?q?abc?=", "=?no-such-charset?q?abc?="),
        ("what =? is this", "what =? is this"),
    ],
)
def test_metadata_is_read_as_it_was_meant(value: str, said: str) -> None:
    assert words.of_metadata(value) == said


@given(said=utf8_text)
@example("Ã©")  # two letters, and not one that was read as Latin-1
def test_words_come_back_from_every_way_to_put_them_into_metadata(said: str) -> None:
    meant = said.strip()
    encoded = base64.b64encode(said.encode()).decode()
    assert words.of_metadata(f"=?utf-8?b?{encoded}?=") == meant
    assert words.of_metadata("utf-8''" + quote(said, safe="")) == meant
    if not said.isascii():
        assert words.of_metadata(said.encode().decode("latin-1")) == meant


def test_long_words_come_back_from_a_folded_header() -> None:
    said = SNOW * 12
    assert words.of_metadata(Header(said, "utf-8").encode(linesep="").replace("\n", "")) == said


tricky = st.text(st.sampled_from("=?utf-8?q?b?=E9%'' \r\n+AaZé\ud800"), max_size=40)


@given(value=st.text(max_size=60) | tricky)
@example("=?unicode_escape?q?=5Cud800?=")
@example("=?raw_unicode_escape?q?=5Cud800?=")
@example("=?utf-7?q?+2AA-?=")
@example("=?unknown-8bit?q?=FF=FE?=")
@example("=?idna?q?xn--?=")
@example("=?rot13?q?abc?=")
@example("=?hex?q?zz?=")
@example("=?utf-8?b?A?=")
@example("=?punycode?q?-=FF?=")
@example("=?undefined?q?abc?=")
def test_any_metadata_gives_words_that_can_be_stored(value: str) -> None:
    """S3 hands metadata out as text without half surrogate pairs; what is wrapped in it may hold anything."""
    words.of_metadata(value.encode(errors="replace").decode()).encode()


def test_an_encoded_word_in_no_charset_at_all_is_taken_as_it_stands() -> None:
    assert words.of_metadata("=?\x80?Q??=")
