"""Pictures leave the account upright, in right colours and without metadata. Suitable pixels stay unchanged."""

import hashlib
import io
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageChops, ImageCms, ImageFilter

from darkroom.domain.context import Image
from darkroom.pictures import colour, inspect, strip_metadata
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.turns.input_images import Reader
from tests.fakes.objects import MemoryObjects, developed
from tests.pictures.making import (
    ADOBE_RGB,
    DISPLAY_P3,
    FILES,
    HELD,
    SECRET,
    SRGB,
    Colours,
    corners,
    furthest,
    grey_profile,
    in_mode,
    ink_profile,
    photographed,
    rgb_profile,
    saved,
    scene,
)
from tests.unit.samples import opened, sent_of
from tests.unit.samples import picture as sample_picture

MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I", "F"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("L", "P"),
    "HEIF": ("L", "RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
}
TURNING = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF")
TOLERANCE = 8  # of 256: a lossy encoder changes a plain colour by so many
TOLERANCES = {"LAB": 24}  # its steps are wide in 8 bits
HARMLESS = {
    "jfif", "jfif_version", "jfif_unit", "jfif_density", "adobe", "adobe_transform", "progressive", "progression",
    "loop", "background", "timestamp", "duration", "transparency", "gamma", "srgb", "chromaticity",
}  # fmt: skip


def shown(mode: str) -> Colours:
    """The scene as it looks in a mode."""
    if mode in ("I;16", "I", "F"):
        mode = "L"
    return corners(scene() if mode == "LAB" else scene(mode).convert("RGBA"))


def assert_bare(image: Image) -> None:
    assert SECRET.encode() not in image.data[:]
    picture = opened(image.data)
    assert set(picture.info) <= HARMLESS
    assert not picture.getexif()
    assert getattr(picture, "n_frames", 1) == 1


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_any_mode_of_any_format_has_its_colours(kind: str, mode: str) -> None:
    image = sent_of(photographed(kind, scene(mode)))
    assert furthest(corners(opened(image.data)), shown(mode)) <= TOLERANCES.get(mode, TOLERANCE)
    assert_bare(image)


@pytest.mark.parametrize("kind", TURNING)
@pytest.mark.parametrize("orientation", HELD)
def test_a_photo_stands_upright_however_the_camera_was_held(kind: str, orientation: int) -> None:
    data = photographed(kind, scene(), orientation)
    assert SECRET.encode() in data
    image = sent_of(data)
    assert opened(image.data).size == (96, 64)
    assert furthest(corners(opened(image.data)), shown("RGB")) <= TOLERANCE
    assert_bare(image)


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_so_do_the_files_of_other_programs(path: Path) -> None:
    image = sent_of(path.read_bytes())
    assert opened(image.data).size == (96, 64)
    assert furthest(corners(opened(image.data)), shown("RGB")) <= TOLERANCE
    assert_bare(image)


@given(
    chosen=st.sampled_from([(kind, mode) for kind in TURNING for mode in MODES[kind]]),
    orientation=st.sampled_from(sorted(HELD)),
    width=st.integers(40, 90).map(lambda half: 2 * half),
    height=st.integers(40, 90).map(lambda half: 2 * half),
)
def test_any_photo_is_sent_upright_in_its_colours_and_bare(
    chosen: tuple[str, str], orientation: int, width: int, height: int
) -> None:
    kind, mode = chosen
    image = sent_of(photographed(kind, scene(mode, (width, height)), orientation))
    assert opened(image.data).size == (width, height)
    assert furthest(corners(opened(image.data)), shown(mode)) <= TOLERANCES.get(mode, TOLERANCE)
    assert_bare(image)


def sent_again(data: bytes) -> Image:
    """A result with these bytes, as the next turn of its thread sends it."""
    objects = MemoryObjects()
    objects.put("results", "image.png", data)
    made = sample_picture(sha256=hashlib.sha256(data).hexdigest())
    ((_, image),) = Reader(objects, developed(objects), NEBULA.limits).older([made])
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_result_is_sent_again_as_it_came(kind: str) -> None:
    data = photographed(kind, scene())
    assert sent_again(data).data[:] == data


@pytest.mark.parametrize("kind", TURNING)
def test_unless_it_does_not_stand_upright(kind: str) -> None:
    image = sent_again(photographed(kind, scene(), 6))
    assert opened(image.data).size == (96, 64)
    assert furthest(corners(opened(image.data)), shown("RGB")) <= TOLERANCE
    assert_bare(image)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_or_moves(kind: str) -> None:
    image = sent_again(saved(scene(), kind, save_all=True, append_images=[scene().rotate(180)]))
    assert getattr(opened(image.data), "n_frames", 1) == 1


# Pictures that may be sent as they are.

FINE = [
    ("JPEG", "RGB", {"quality": 80}), ("JPEG", "L", {}), ("JPEG", "RGB", {"progressive": True, "quality": 60}),
    ("JPEG", "RGB", {"subsampling": "4:4:4", "restart_marker_rows": 1}), ("JPEG", "RGB", {"optimize": True}),
    ("PNG", "RGB", {}), ("PNG", "L", {}), ("PNG", "LA", {}), ("PNG", "RGBA", {}), ("PNG", "RGB", {"compress_level": 0}),
    ("WEBP", "RGB", {}), ("WEBP", "RGBA", {}), ("WEBP", "RGBA", {"lossless": True}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "mode", "options"), FINE)
def test_what_is_fine_goes_byte_for_byte(kind: str, mode: str, options: dict[str, Any]) -> None:
    data = saved(noisy(mode), kind, **options)
    assert sent_of(data).data == data


@pytest.mark.parametrize(("kind", "mode", "options"), FINE)
def test_what_is_fine_but_talkative_keeps_every_pixel(kind: str, mode: str, options: dict[str, Any]) -> None:
    data = photographed(kind, noisy(mode), **options)
    image = sent_of(data + SECRET.encode() * 100)
    assert opened(image.data).tobytes() == opened(data).tobytes()
    assert opened(image.data).format == opened(data).format
    assert len(image.data) < len(data)
    assert_bare(image)


def test_the_pictures_that_follow_in_a_phones_file_are_cut_off() -> None:
    first, second = scene(), scene().rotate(90)
    data = saved(first, "MPO", save_all=True, append_images=[second])
    image = sent_of(data)
    assert opened(data).tobytes() == opened(image.data).tobytes()
    assert image.data[:].count(b"\xff\xd8") == 1
    assert_bare(image)


def test_the_film_of_a_phone_does_not_count_as_the_photos_size() -> None:
    data = photographed("JPEG", scene())
    image = sent_of(data + bytes(8_000_000))
    assert opened(image.data).tobytes() == opened(data).tobytes()


def test_the_thumbnail_in_a_head_is_cut_out() -> None:
    whole = saved(scene(), "JPEG")
    with_thumbnail = whole.replace(b"\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", b"\0\x43JFIF\0\1\1\0\0\1\0\1\4\4" + b"RGB" * 17)
    assert with_thumbnail != whole
    assert sent_of(with_thumbnail).data == whole.replace(b"\0\x10JFIF\0\1\1", b"\0\x10JFIF\0\1\1")


def test_a_remark_between_two_scans_is_cut_out() -> None:
    data = saved(noisy("RGB"), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xc4")
    talkative = data[:at] + b"\xff\xfe" + (2 + len(SECRET)).to_bytes(2) + SECRET.encode() + data[at:]
    assert sent_of(talkative).data == data


def chunk(name: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)


COLOURS = [(b"gAMA", (45455).to_bytes(4)), (b"cHRM", bytes(32)), (b"sRGB", b"\0"), (b"tRNS", bytes(6))]


@pytest.mark.parametrize(("name", "content"), COLOURS)
def test_what_is_appended_to_a_chunk_of_colours_is_cut_out_with_it(name: bytes, content: bytes) -> None:
    data = saved(noisy("RGB"), "PNG")
    after_head = 33
    for said, kept in ((content, True), (content + SECRET.encode() * 20, False)):
        talkative = data[:after_head] + chunk(name, said) + data[after_head:]
        assert strip_metadata.stripped(talkative)[:] == (talkative if kept else data)


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE", b"IEND"])
def test_a_picture_with_something_appended_to_a_chunk_that_is_needed_is_made_anew(name: bytes) -> None:
    data = saved(noisy("RGB"), "PNG")
    chunks = {b"IHDR": data[16:29], b"PLTE": bytes(768), b"IEND": b""}
    chunks[name] += SECRET.encode() * 99
    before_end = chunk(b"IHDR", chunks[b"IHDR"]) + chunk(b"PLTE", chunks[b"PLTE"]) + data[33:-12]
    talkative = data[:8] + before_end + chunk(b"IEND", chunks[b"IEND"])
    with pytest.raises(strip_metadata.Unusual):
        strip_metadata.stripped(talkative)
    image = sent_of(talkative)
    assert opened(image.data).tobytes() == opened(data).tobytes()
    assert_bare(image)


@pytest.mark.parametrize("marker", [b"\xff\xc0", b"\xff\xc4", b"\xff\xda", b"\xff\xdb", b"\xff\xdd"])
def test_a_photo_with_something_appended_to_a_segment_that_is_needed_is_not_cut(marker: bytes) -> None:
    data = saved(noisy("RGB"), "JPEG", restart_marker_rows=1)
    start = data.index(marker)
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4])
    segment = data[start + 4 : end] + SECRET.encode() * 99
    talkative = data[:start] + marker + (2 + len(segment)).to_bytes(2) + segment + data[end:]
    with pytest.raises(strip_metadata.Unusual):
        strip_metadata.stripped(talkative)


def test_of_a_moving_picture_the_first_is_sent() -> None:
    for kind in ("GIF", "PNG", "WEBP"):
        first, *others = (Pillow.new("RGB", (40, 30), shade) for shade in ("red", "lime", "blue"))
        image = sent_of(saved(first, kind, save_all=True, append_images=others))
        assert furthest(corners(opened(image.data)), corners(first)) <= TOLERANCE
        assert_bare(image)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\x10", b"\x89PNG\r\n\x1a\n\0\0", b"RIFF", b"x",
        b"RIFF\x1c\0\0\0WEBPVP8X\x10\0\0\0\0\0\0\0\x01\0\0\x01\0\0secret",
    ],
)  # fmt: skip
def test_what_is_put_together_oddly_is_not_cut(data: bytes) -> None:
    with pytest.raises(strip_metadata.Unusual):
        strip_metadata.stripped(data)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0", b"II*\0\x08\0\0\0\xff\xff"]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_that_is_broken_spoils_no_photo(kind: str, exif: bytes) -> None:
    assert furthest(corners(opened(sent_of(saved(scene(), kind, exif=exif)).data)), shown("RGB")) <= TOLERANCE


def noisy(mode: str) -> Pillow.Image:
    noise = [Pillow.effect_noise((97, 61), 80).filter(ImageFilter.GaussianBlur(n)) for n in range(4)]
    return Pillow.merge("RGBA", noise).convert(mode)


# Colours.


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB])
def test_a_profile_is_turned_into_srgb(kind: str, primaries: tuple[tuple[float, ...], ...]) -> None:
    """The same muted scene looks the same if it is encoded in other colours."""
    muted = scene().point(lambda value: 60 + value // 2)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(rgb_profile(primaries)))
    there = ImageCms.profileToProfile(
        muted, ImageCms.createProfile("sRGB"), profile, ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert there
    assert furthest(corners(there), corners(muted)) > 10
    image = sent_of(photographed(kind, there, icc_profile=profile.tobytes()))
    assert furthest(corners(opened(image.data)), corners(muted)) <= TOLERANCE
    assert_bare(image)


def test_a_grey_profile_is_turned_into_srgb() -> None:
    grey = Pillow.new("L", (64, 64), 100)
    image = sent_of(saved(grey, "PNG", icc_profile=grey_profile(1.0)))
    assert opened(image.data).getpixel((9, 9)) == pytest.approx(168, abs=2)  # linear light
    assert opened(image.data).mode == "L"


def test_inks_look_as_their_profile_says() -> None:
    """In this profile, cyan is a pure green, and all other inks stay."""
    paper = {(0, 0, 0, 0): (255, 128, 128), (1, 0, 0, 0): (150, 60, 180)}
    profile = ink_profile(lambda *inks: paper.get(inks, (0, 128, 128)))
    cyan = Pillow.new("CMYK", (64, 64), (255, 0, 0, 0))
    for kind in ("JPEG", "TIFF"):
        image = sent_of(saved(cyan, kind, icc_profile=profile))
        red, green, blue = corners(opened(image.data))[0]
        assert green > 140 > 80 > red
        assert blue < 90


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("profile", [b"junk", rgb_profile(SRGB)[:200], grey_profile(2.2), bytes(128)])
def test_a_profile_that_is_broken_or_of_other_channels_is_passed_over(kind: str, profile: bytes) -> None:
    image = sent_of(photographed(kind, scene(), icc_profile=profile))
    assert furthest(corners(opened(image.data)), shown("RGB")) <= TOLERANCE
    assert_bare(image)


def test_srgb_in_any_words_changes_nothing() -> None:
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert colour.is_standard("RGB", own)
    assert colour.is_standard("RGB", None)
    assert colour.is_standard("RGBA", b"junk")
    assert not colour.is_standard("RGB", rgb_profile(DISPLAY_P3))
    data = saved(noisy("RGB"), "JPEG", icc_profile=own)
    assert opened(sent_of(data).data).tobytes() == opened(data).tobytes()


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = Pillow.linear_gradient("L")
    deep = in_mode(ramp, "I;16")
    for kind in ("PNG", "TIFF"):
        difference = ImageChops.difference(opened(sent_of(saved(deep, kind)).data), ramp)
        assert difference.getextrema()[1] <= 1  # type: ignore[operator]


def test_sixteen_bits_whose_zero_is_white_are_a_negative() -> None:
    deep = Pillow.new("I;16", (8, 8), 60_000)
    data = saved(deep, "TIFF").replace(b"\x06\x01\x03\0\x01\0\0\0\x01", b"\x06\x01\x03\0\x01\0\0\0\0")
    assert opened(sent_of(data).data).getpixel((4, 4)) == pytest.approx(255 - 60_000 / 257, abs=1)


@pytest.mark.parametrize(("value", "seen"), [(0.5, 127), (1.0, 255), (-1.0, 0), (float("nan"), 0), (float("inf"), 255)])
def test_samples_of_32_bits_have_a_white(value: float, seen: int) -> None:
    picture = Pillow.new("F", (8, 8), 1.0)
    picture.paste(value, (0, 0, 4, 8))
    assert opened(sent_of(saved(picture, "TIFF")).data).getpixel((1, 1)) == pytest.approx(seen, abs=1)


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_colour_that_stands_for_nothing_is_transparent(mode: str) -> None:
    picture = scene(mode)
    nothing = picture.getpixel((1, 1))
    image = opened(sent_of(saved(picture, "PNG", transparency=nothing)).data).convert("RGBA")
    assert image.getpixel((1, 1))[3] == 0  # type: ignore[index]
    assert image.getpixel((90, 60))[3] == 255  # type: ignore[index]


# Phones' containers.


def test_a_turn_in_the_container_is_made_once_whatever_the_exif_says() -> None:
    data = photographed("HEIF", scene(), 6)
    kept = data.index(b"\x01\x12\x00\x03\x00\x00\x00\x01\x00")
    twice = data[: kept + 8] + b"\0\x06" + data[kept + 10 :]
    for said in (data, twice):
        assert furthest(corners(opened(sent_of(said).data)), shown("RGB")) <= TOLERANCE


def test_a_picture_of_hevc_is_told_by_its_bytes() -> None:
    facts = inspect.inspect(photographed("HEIF", scene())).facts
    assert (facts.media_type, facts.extension, facts.width, facts.height) == ("image/heic", ".heic", 96, 64)
    facts = inspect.inspect(photographed("AVIF", scene())).facts
    assert (facts.media_type, facts.extension, facts.width, facts.height) == ("image/avif", ".avif", 96, 64)


# Size.


def test_what_is_over_the_useful_size_is_made_smaller() -> None:
    image = opened(sent_of(saved(scene(size=(6000, 500)), "PNG")).data)
    assert image.size == (4096, 341)
    assert furthest(corners(image), shown("RGB")) <= 1


def test_a_photo_gives_up_quality_before_size() -> None:
    noise = Pillow.merge("RGB", [Pillow.effect_noise((3600, 2700), 60)] * 3)
    data = saved(noise, "JPEG", quality=99, subsampling="4:4:4")
    assert len(data) > 7_000_000
    image = sent_of(data)
    assert len(image.data) <= 7_000_000
    assert opened(image.data).size == (3600, 2700)
