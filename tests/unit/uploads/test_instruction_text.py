"""The words of an upload, from a text file or an object's metadata."""

import base64
from contextlib import suppress
from email.header import Header
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.errors import Rejected
from darkroom.uploads import instruction_text
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
        (b"first line\r\nsecond line\r\n", "first line\nsecond line"),
        (b"first line\rsecond line\r", "first line\nsecond line"),
        (SNOW.encode("utf-16"), SNOW),
        (b"\xfe\xff" + "été 雪 👻".encode("utf-16-be"), "été 雪 👻"),
        (b"\xff\xfe" + "a\r\nb".encode("utf-16-le"), "a\nb"),
        (b"\xef\xbb\xbf\xef\xbb\xbfmake it blue", "make it blue"),
        (b"pasted \x02 from \x1f somewhere", "pasted \x02 from \x1f somewhere"),
        ("👻".encode("utf-16") * 1 + "👻".encode("utf-16-le") * 7999, "👻" * 8000),
        (b"x" * 8000, "x" * 8000),
    ],
)
def test_a_text_file_says_what_it_says(data: bytes, said: str) -> None:
    assert instruction_text.of_text(data) == said


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \r\n",
        b"\xef\xbb\xbf",
        "\u3000\u200b\u2060\xa0".encode(),
        "\u3164\ufe0f\u2800".encode(),
        "noir et blanc, été".encode("latin-1"),
        "夜".encode("utf-16")[:-1],
        b"\xff\xfe" + b"\x3d\xd8",
        b"make it\0 blue",
        rb"{\rtf1\ansi make it blue}",
        b"????????, ???? ??!",
        "\ufffd\ufffd".encode(),
        b"x" * 8001,
    ],
)
def test_a_text_file_that_says_nothing_clear_is_refused_with_a_remedy(data: bytes) -> None:
    rejected = rejection(lambda: instruction_text.of_text(data))
    assert (rejected.code, rejected.param) == ("invalid_request", "instruction")
    assert rejected.hint


@pytest.mark.parametrize(
    ("said", "codec", "name"),
    [
        (SNOW, "gb18030", "GB18030 (Chinese)"),
        ("变成红色", "gbk", "GB18030 (Chinese)"),
        ("把景色換成夜色下雪的場景", "big5", "Big5 (Chinese)"),
        ("背景を夕焼けにして、木の枠を追加してください", "shift_jis", "Shift_JIS (Japanese)"),
        ("背景を夕焼けにして、木の枠を追加してください", "euc_jp", "EUC-JP (Japanese)"),
        ("夜の雪景色にしてください", "iso2022_jp", "ISO-2022-JP (Japanese)"),
        ("배경을 눈 오는 밤으로 바꿔 주세요", "euc_kr", "EUC-KR (Korean)"),
        ("Сделай ночь и снег, пожалуйста", "cp1251", "Windows-1251 (Cyrillic)"),
        ("Сделай ночь и снег, пожалуйста", "koi8_r", "KOI8-R (Cyrillic)"),
        ("Сделай ночь и снег, пожалуйста", "cp866", "DOS code page 866 (Cyrillic)"),
        ("café", "cp1252", "Windows-1252 (Western European)"),
        ("Mach den Himmel grün und die Tür größer – bitte", "cp1252", "Windows-1252 (Western European)"),
        ("Añade nieve al jardín", "latin-1", "Windows-1252 (Western European)"),
        ("Mach den Himmel grün", "cp850", "DOS code page 850"),
        ("Zrób noc i dodaj śnieg, proszę", "cp1250", "Windows-1250 (Central European)"),
        ("Gökyüzünü gece yap, kar yağsın lütfen", "cp1254", "Windows-1254 (Turkish)"),
        ("Κάνε το νύχτα με χιόνι", "cp1253", "Windows-1253 (Greek)"),
        ("תעשה את זה לילה עם שלג", "cp1255", "Windows-1255 (Hebrew)"),
        ("اجعلها ليلة ثلجية من فضلك", "cp1256", "Windows-1256 (Arabic)"),
        ("ทำให้เป็นกลางคืนที่มีหิมะตก", "cp874", "Windows-874 (Thai)"),
        ("make it night", "utf-16-le", "UTF-16 without a byte order mark"),
        ("make it night", "utf-16-be", "UTF-16 without a byte order mark"),
        ("Сделай", "utf-16-le", "UTF-16 without a byte order mark"),
        (SNOW, "utf-16-le", "UTF-16 without a byte order mark"),
        ("배경을 밤으로", "utf-16-be", "UTF-16 without a byte order mark"),
        ("make it night", "utf-32", "UTF-32"),
        (SNOW, "utf-32-be", "UTF-32"),
    ],
)
def test_a_text_in_another_encoding_is_refused_by_its_name(said: str, codec: str, name: str) -> None:
    rejected = rejection(lambda: instruction_text.of_text(said.encode(codec)))
    assert rejected.message == f"the file is not in UTF-8; it looks like {name}"
    assert "UTF-8" in str(rejected.hint)


def test_an_encoding_is_told_by_what_follows_a_long_plain_beginning() -> None:
    rejected = rejection(lambda: instruction_text.of_text(b"x" * 7001 + SNOW.encode("gb18030")))
    assert "GB18030" in rejected.message


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\3\4\x14\0\6\0\x08\0\0\0!\0", b"a\0b"])
def test_what_is_no_text_is_refused_as_none(data: bytes) -> None:
    assert (
        rejection(lambda: instruction_text.of_text(data)).message
        == "the file is not in UTF-8, and looks like no text at all"
    )


def test_a_file_is_about_what_its_reader_says() -> None:
    assert instruction_text.decoded("\ufeff{}".encode("utf-16"), "body") == "{}"
    assert rejection(lambda: instruction_text.decoded(b"\xff", "body")).param == "body"


@given(said=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(lambda said: "\0" not in said))
def test_a_text_in_any_script_is_read_as_it_was_meant_in_each_encoding_that_says_what_it_is(said: str) -> None:
    meant = said.lstrip("\ufeff")
    assert instruction_text.decoded(said.encode("utf-16")) == meant
    assert instruction_text.decoded(b"\xfe\xff" + said.encode("utf-16-be")) == meant
    assert instruction_text.decoded(said.encode("utf-8-sig")) == meant


@given(said=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=60))
def test_utf_8_needs_no_mark(said: str) -> None:
    assert instruction_text.decoded(said.encode()) == said.lstrip("\ufeff")


pieces = [b"\0", b"\xff\xfe", b"\xfe\xff", b"\x1b$B", b"\xa4", b"a", "é夜".encode(), b"\xd8", b"\r"]
hostile = st.binary(max_size=200) | st.lists(st.sampled_from(pieces), max_size=30).map(b"".join)


@given(data=hostile)
def test_any_text_file_is_words_or_rejected(data: bytes) -> None:
    try:
        said = instruction_text.of_text(data)
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
        ("what =? is this", "what =? is this"),
        ("=?\x80?Q??=", "=?\x80?Q??="),
        ("100%20natural", "100%20natural"),
        ("what? why??", "what? why??"),
        ("🌙❄️", "🌙❄️"),
        ("rock'n'roll", "rock'n'roll"),
        (
            "utf-8'en'un%20coucher%20de%20soleil,%20s'il%20vous%20pla%C3%AEt%20(*)!",
            "un coucher de soleil, s'il vous plaît (*)!",
        ),
        ("Utf-8''100%25%20wool", "100% wool"),
        ("utf-8''100%zz", "100%zz"),
        ("ISO-8859-1'fr'%E9t%E9", "été"),
        ("gb18030''%D1%A9", "雪"),
        ("no-such-charset''%D1%A9", "no-such-charset''%D1%A9"),
        ("=?GB18030?B?0ak=?=", "雪"),
        ("=?GB2312?B?0ak?=", "雪"),
        ("=?utf-8*fr?q?=C3=A9t=C3=A9?=", "été"),
        ("=?UTF-8?B?6Zuq?= =?UTF-8?B?5aSc?=", "雪夜"),
        ("=?UTF-8?B?6Zuq?==?UTF-8?B?5aSc?=", "雪夜"),
        ("=?UTF-8?B?6Zuq?=\r\n =?utf-8?B?5aSc?=", "雪夜"),
        ("=?UTF-8?B?6Zs=?= =?utf-8?B?qg==?=", "雪"),
        ("=?utf-8?q?=E9=9B=AA?= and =?iso-8859-1?q?caf=E9_cr=E8me?= please", "雪 and café crème please"),
        ("Mach den =?UTF-8?Q?Himmel_gr=C3=BCn?=\r\n bitte", "Mach den Himmel grün bitte"),
        ("=?UTF-8?Q?why?_=C3=A9?=", "why? é"),
        ("=?utf-8?q?one=0D=0Atwo?=", "one\ntwo"),
        ("=?utf-8?q?=E2=80=8B_?=", ""),
        ("=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?=", "ÄMÄZÕÑ S3"),  # as S3 returns words that came as UTF-8
        ("â€™tis", "’tis"),
        ("å¤œè‰²", "夜色"),
        ("été".encode().decode("latin-1").encode().decode("latin-1"), "été"),
        ("été".encode().decode("latin-1").encode().decode("cp1252"), "été"),
    ],
)
def test_metadata_is_read_as_it_was_meant(value: str, said: str) -> None:
    assert instruction_text.of_metadata(value) == said


@pytest.mark.parametrize(
    "value",
    [
        "=?no-such-charset?q?abc?=",
        "=?utf-8?q?=FF?=",
        "=?utf-8?b?A?=",
        "utf-8''%E9",
        "utf-8''a%00b",
        "=?utf-7?q?+2AA-?=",
    ],
)
def test_metadata_that_cannot_be_read_as_it_says_is_refused_by_its_name(value: str) -> None:
    rejected = rejection(lambda: instruction_text.of_metadata(value))
    assert (rejected.code, rejected.param) == ("invalid_request", "instruction")
    assert "RFC 2047" in str(rejected.hint)
    rejected = rejection(lambda: instruction_text.thread_in_metadata(value))
    assert (rejected.code, rejected.param) == ("invalid_request", "thread-id")


def test_a_threads_name_is_written_like_an_instruction() -> None:
    assert instruction_text.thread_in_metadata(" =?UTF-8?B?5rS75YqoL+eTtuWtkA==?= ") == "活动/瓶子"
    assert instruction_text.thread_in_metadata("campaign/50%25") == "campaign/50%25"
    assert instruction_text.thread_in_metadata("") == ""


def test_letters_that_were_lost_in_metadata_are_not_asked_for() -> None:
    assert "question marks" in rejection(lambda: instruction_text.of_metadata("??? ????")).message


def test_metadata_longer_than_an_instruction_is_refused() -> None:
    assert "over 8,000 characters" in rejection(lambda: instruction_text.of_metadata("x" * 8001)).message


def is_clear(said: str) -> bool:
    """Whether it cannot be taken for misread UTF-8. Two letters such as `Ã©` may be either."""
    try:
        said.encode("cp1252").decode()
    except UnicodeEncodeError:
        return True
    except UnicodeDecodeError:
        return True
    return said.isascii()


def q(data: bytes) -> str:
    return "".join(f"={byte:02X}" for byte in data)


@given(said=utf8_text.filter(is_clear).filter(lambda said: said.strip("?\ufffd \n.,:;!-")), cut=st.integers(0, 240))
@example("été, 雪 👻 שלום", 5)
def test_words_come_back_from_every_way_to_put_them_into_metadata(said: str, cut: int) -> None:
    raw = said.encode()
    ways = [
        f"=?utf-8?b?{base64.b64encode(raw).decode()}?=",
        f"=?UTF-8?Q?{q(raw)}?=",
        f"=?utf-8?q?{q(raw[:cut])}?= =?UTF-8?b?{base64.b64encode(raw[cut:]).decode()}?=",
        f"=?utf-16?b?{base64.b64encode(said.encode('utf-16')).decode()}?=",
        Header(said, "utf-8").encode(linesep="\r\n"),
        "utf-8''" + quote(said, safe=""),
        "UTF-8'x'" + quote(said),
        "gb18030''" + quote(said, encoding="gb18030"),
    ]
    if not said.isascii():
        misread = raw.decode("latin-1")
        ways += [
            misread,
            misread.encode().decode("latin-1"),
            f"=?utf-8?b?{base64.b64encode(misread.encode()).decode()}?=",
        ]
    meant = instruction_text.of_metadata("utf-8''" + quote(said, safe=""))
    assert meant in (said.strip(), "")
    for value in ways:
        assert instruction_text.of_metadata(value) == meant, value


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
def test_any_metadata_gives_words_that_can_be_stored_or_is_refused(value: str) -> None:
    """S3 returns metadata as text without halves of surrogate pairs; encoded words in it may hold anything."""
    clean = value.encode(errors="replace").decode()
    for read in (instruction_text.of_metadata, instruction_text.thread_in_metadata):
        with suppress(Rejected):
            read(clean).encode()
