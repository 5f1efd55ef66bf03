"""Pictures for a page: their type follows from their bytes, and thumbnails are made once and kept within a bound."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from darkroom_client.console.media import sniff
from darkroom_client.console.media.thumbnails import NoThumbnail, Thumbnails, drawn


def picture(width: int = 60, height: int = 40, form: str = "PNG", mode: str = "RGB") -> bytes:
    data = io.BytesIO()
    Image.new(mode, (width, height), "teal" if mode == "RGB" else 0).save(data, form)
    return data.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "AVIF"])
def test_a_raster_picture_is_told_by_its_bytes(form: str) -> None:
    head = picture(form=form)[: sniff.HEAD_BYTES]
    assert sniff.media_type(head) == f"image/{form.lower()}"
    assert sniff.is_picture(head)


@pytest.mark.parametrize(
    "data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!doctype html>", b"%PDF-1.7", b"RIFF....WAVE"]
)
def test_nothing_else_is_one(data: bytes) -> None:
    assert sniff.media_type(data) is None
    assert not sniff.is_picture(data)


@pytest.mark.parametrize("head", [b"II*\0....", b"\0\0\0\x18ftypheic"])
def test_some_pictures_are_sent_and_not_shown(head: bytes) -> None:
    assert (sniff.media_type(head), sniff.is_picture(head)) == (None, True)


def test_a_thumbnail_has_the_shape_of_its_picture_and_is_small() -> None:
    small = Image.open(io.BytesIO(drawn(picture(3000, 2000, "JPEG"), 640)))
    assert (small.format, small.size) == ("WEBP", (640, 427))
    assert Image.open(io.BytesIO(drawn(picture(30, 20), 640))).size == (30, 20)


def test_a_photo_is_turned_upright() -> None:
    sideways = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(sideways, "JPEG", exif=exif)
    assert Image.open(io.BytesIO(drawn(sideways.getvalue(), 640))).size == (20, 40)


@pytest.mark.parametrize("data", [b"", b"<svg/>", picture()[:50], b"GIF89a/*" + b"\0" * 40])
def test_what_is_no_whole_picture_has_none(data: bytes) -> None:
    with pytest.raises(NoThumbnail):
        drawn(data, 640)


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    with pytest.raises(NoThumbnail):
        drawn(picture(20_000, 10_000, mode="1"), 640)


def test_it_is_read_once_however_many_ask_at_once(tmp_path: Path) -> None:
    thumbnails, reads, begun = Thumbnails(tmp_path), list[int](), threading.Event()

    def read() -> bytes:
        reads.append(1)
        begun.wait(5)
        return picture()

    found = list[Path]()
    askers = [threading.Thread(target=lambda: found.append(thumbnails.of("a", 64, read))) for _ in range(5)]
    for each in askers:
        each.start()
    begun.set()
    for each in askers:
        each.join()
    assert (len(reads), len(set(found))) == (1, 1)
    thumbnails.close()
    assert Thumbnails(tmp_path).of("a", 64, read).exists()
    assert len(reads) == 1


def test_every_format_is_known_before_two_workers_ask_at_once() -> None:
    """The test runs in its own process, in which nothing has opened a picture yet."""
    program = (
        "import pathlib; from PIL import Image; from darkroom_client.console.media import thumbnails as t;"
        " t.Thumbnails(pathlib.Path('none')); print(set(t.FORMATS) - set(Image.OPEN))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_one_that_failed_is_tried_again(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path)
    with pytest.raises(NoThumbnail):
        thumbnails.of("a", 64, lambda: b"no")
    assert thumbnails.of("a", 64, picture).exists()
    thumbnails.close()


def test_those_that_nobody_looks_at_go_first_once_there_are_too_many(tmp_path: Path) -> None:
    size = len(drawn(picture(), 64))
    thumbnails = Thumbnails(tmp_path, max_bytes=4 * size)
    made = [thumbnails.of(name, 64, picture) for name in "abcd"]
    for age, path in enumerate(made):
        os.utime(path, (age, age))
    thumbnails.of("a", 64, picture)
    newest = thumbnails.of("e", 64, picture)
    left = set(tmp_path.glob("*.webp"))
    assert {made[0], newest} <= left
    assert made[1] not in left
    assert sum(path.stat().st_size for path in left) <= 4 * size
    thumbnails.close()


def test_those_of_an_erased_picture_go(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path)
    for edge in (64, 128):
        thumbnails.of("a", edge, picture)
    kept = thumbnails.of("b", 64, picture)
    thumbnails.forget("a")
    assert list(tmp_path.glob("*.webp")) == [kept]
    thumbnails.close()
