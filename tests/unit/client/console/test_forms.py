"""Only the reliable parts of a browser's form are used."""

import io

import pytest
from starlette.datastructures import UploadFile

from darkroom_client.console.acting import forms
from darkroom_client.console.acting.forms import Form
from darkroom_client.errors import Invalid

PNG = b"\x89PNG\r\n\x1a\n and so on"


def form(**fields: str) -> Form:
    return Form("form-0001", fields, ())


def dropped(name: str, data: bytes = PNG) -> UploadFile:
    return UploadFile(io.BytesIO(data), filename=name)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("mug.jpg", "mug.jpg"), ("../../etc/passwd", "passwd"), ("C:\\photos\\mug.jpg", "mug.jpg"), ("..", "picture"),
        ("a\x00b\n.png", "a_b_.png"), (f"{'x' * 300}.png", f"{'x' * 80}.png"), ("猫.webp", "猫.webp"), ("/", "picture"),
    ],
)  # fmt: skip
def test_a_file_keeps_its_name_and_no_way_out_of_its_folder(given: str, kept: str) -> None:
    with forms.on_disk((dropped(given), dropped("mug.jpg"))) as paths:
        assert [path.name for path in paths] == [kept, "mug.jpg"]
        assert paths[0].read_bytes() == PNG
        folder = paths[0].parents[1]
        assert paths[1].parents[1] == folder
    assert not folder.exists()


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"<!doctype html>"])
def test_what_is_no_picture_is_refused_before_anything_is_sent(data: bytes) -> None:
    with pytest.raises(Invalid, match=r"photo\.png is no picture"), forms.on_disk((dropped("photo.png", data),)):
        pass


def test_options_are_those_that_were_chosen() -> None:
    assert form(**{"option.size": "16:9", "option.quality": "", "words": "x"}).options == {"size": "16:9"}
    assert form(words="x").options is None


@pytest.mark.parametrize("said", ["-1", "1.5", "x", "٣", "12345678"])
def test_a_number_is_one(said: str) -> None:
    with pytest.raises(Invalid):
        form(parent_turn=said).number("parent_turn")


def test_variations_are_few() -> None:
    assert (form().variations, form(variations="3").variations, form(variations="0").variations) == (1, 3, 1)
    with pytest.raises(Invalid):
        _ = form(variations="100").variations
