"""The errors for uploaders: each of them has a hint with a way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.picture_formats import ENDINGS
from darkroom.domain.upload import KINDS, Upload
from darkroom.errors import Rejected
from darkroom.uploads import hints


def upload(key: str) -> Upload:
    return Upload("uploads", key, "etag", None, "1", 5, 0.0)


@pytest.mark.parametrize(
    ("names", "way_out"),
    [
        ("IMG_1.CR2 IMG_1.dng DSC_1.NEF a.arw a.raf", "Export the photo as JPEG"),
        ("a.jxl a.jp2 a.ico a.tga", "as JPEG or PNG"),
        ("poster.psd logo.svg a.ai a.xcf a.eps", "Export the picture as PNG"),
        ("film.mp4 IMG_1.MOV a.webm", "screenshot"),
        ("memo.m4a a.mp3", ".txt"),
        ("brief.docx report.pdf notes.rtf slides.key", ".txt"),
        ("notes.md words.text", "ending .txt"),
        ("list.xlsx list.ods list.numbers list.tsv", "as CSV in UTF-8"),
        ("all.zip all.tar.gz all.7z", "Unpack it"),
        ("IMG_1.AAE a.xmp a.ini", "not needed"),
        ("README photo", "ending .jpg or .png"),
        ("what.ever a.b.c", ".jpg, .png"),
    ],
)
def test_each_family_of_files_has_its_own_way_out(names: str, way_out: str) -> None:
    for name in names.split():
        told = hints.unsupported(upload(f"shop/{name}"))
        assert told.code == "unsupported_file"
        assert repr(name) in told.message
        assert way_out in str(told.hint)


def test_no_family_claims_what_is_a_photo_or_a_text() -> None:
    claimed = {extension for family in hints.FAMILIES for extension in family.extensions.split()}
    assert not claimed & {*ENDINGS, *KINDS}
    assert all(extension == extension.lower() and extension.startswith(".") for extension in claimed)


def test_a_photo_that_nobody_said_anything_about_is_told_the_name_of_its_text() -> None:
    assert "'blue mug + 茶.txt'" in str(hints.nothing_said(upload("shop/blue mug + 茶.jpg"), {}).hint)


@pytest.mark.parametrize("name", ["instrution", "Instructions", "Instruction"])
def test_a_photo_whose_words_are_under_a_name_that_is_nearly_right_is_told_the_name(name: str) -> None:
    hint = str(hints.nothing_said(upload("shop/cat.jpg"), {"thread-id": "a", name: "at night"}).hint)
    assert f"{name!r}: did you mean 'instruction'?" in hint


def test_what_has_nothing_to_do_with_an_instruction_is_not_named() -> None:
    hint = str(hints.nothing_said(upload("shop/cat.jpg"), {"instruction": "", "thread-id": "a", "author": "b"}).hint)
    assert "did you mean" not in hint


def test_a_photo_whose_words_cannot_be_used_is_told_which_and_why() -> None:
    unusable = Rejected("invalid_request", "it is GB18030", hint="Save it as UTF-8.", param="instruction")
    told = hints.said_in_vain(upload("shop/cat.jpg"), hints.text_of_a_photo("shop/_instruction.txt", unusable))
    assert told.code == "needs_instruction"
    assert "'_instruction.txt': it is GB18030" in told.message
    assert "Save it as UTF-8. Then upload the photo again. Or write" in str(told.hint)
    assert "'cat.txt'" in str(told.hint)


@given(key=st.text(min_size=1, max_size=200))
def test_whatever_an_upload_is_called_there_is_a_hint(key: str) -> None:
    for told in (hints.unsupported(upload(key)), hints.nothing_said(upload(key), {}), hints.empty(upload(key))):
        assert told.hint
