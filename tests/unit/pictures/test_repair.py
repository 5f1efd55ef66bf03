"""A picture that every viewer shows is accepted, as a source and as an answer. An incomplete one is not."""

import io
import random
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageChops, ImageFilter

from darkroom.errors import Fault, Rejected, TooManyPixels, Undecodable
from darkroom.pictures import file_structure, inspect, repair
from darkroom.streaming.blob import Blob
from tests.pictures.breaking import (
    BROKEN_PNG,
    EVERY,
    HEAD,
    ODD_CHUNKS,
    ONE_WORD,
    chunk,
    chunks,
    with_a_second_head,
    with_chunk,
    with_junk_for_pixels,
    with_rows_missing,
    with_split_pixels,
    with_wrong_sum,
)
from tests.pictures.making import ORIENTATION, corners, furthest, saved, scene
from tests.unit.samples import opened, sent_of

SMALL, LARGE = (120, 80), (600, 420)  # an inspection decodes the first, and not the second
PHOTO = Pillow.effect_noise(LARGE, 60).filter(ImageFilter.GaussianBlur(2)).convert("RGB")
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
BROKEN = pytest.mark.parametrize(
    ("kind", "broken"), [(kind, broken) for kind, _, broken in EVERY], ids=[f"{kind}-{name}" for kind, name, _ in EVERY]
)
JPEGS = pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": "4:4:4"}, {"quality": 30}],
    ids=["usual", "progressive", "restarts", "full-colour", "coarse"],
)


def photo(kind: str, size: tuple[int, int], **options: object) -> bytes:
    return saved(PHOTO.resize(size), kind, **options)


def strictly_opened(data: Blob) -> Pillow.Image:
    """Open the file with a strict decoder, which wants every checksum right and every part in its place."""
    Pillow.open(io.BytesIO(data[:])).verify()
    return opened(data)


def are_the_same(one: Pillow.Image, other: Pillow.Image) -> bool:
    return ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None


# Pictures that every viewer shows.


@SIZES
@BROKEN
def test_an_answer_is_repaired_and_every_pixel_stays(
    kind: str, broken: Callable[[bytes], bytes], size: tuple[int, int]
) -> None:
    whole = photo(kind, size)
    found = inspect.inspect(broken(whole))
    assert found.is_repaired
    assert are_the_same(strictly_opened(found.data), opened(whole))


@SIZES
@BROKEN
def test_a_source_is_sent(kind: str, broken: Callable[[bytes], bytes], size: tuple[int, int]) -> None:
    whole = photo(kind, size)
    sent = strictly_opened(sent_of(broken(whole)).data)
    difference = ImageChops.difference(sent.convert("RGB"), opened(whole).convert("RGB"))
    assert max(highest for _, highest in difference.getextrema()) <= (12 if kind == "JPEG" else 0)  # type: ignore[misc]


@SIZES
@JPEGS
def test_a_jpeg_of_any_kind_needs_no_end(options: dict[str, object], size: tuple[int, int]) -> None:
    whole = photo("JPEG", size, **options)
    found = inspect.inspect(whole[:-2])
    assert (found.data[:], found.is_repaired) == (whole, True)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@SIZES
def test_what_is_whole_stays_as_it_is(kind: str, size: tuple[int, int]) -> None:
    whole = photo(kind, size)
    found = inspect.inspect(whole)
    assert found.data is whole
    assert not found.is_repaired


def test_an_answer_keeps_the_words_that_are_whole() -> None:
    whole = with_chunk(photo("PNG", SMALL), b"tEXt", b"Software\0a model")
    found = inspect.inspect(with_chunk(whole, b"iCCP", b"a\0\0", 1))
    assert found.data[:] == whole


@pytest.mark.parametrize("broken", [b"acTL", b"fcTL"])
def test_a_moving_png_of_a_wrong_checksum_stands_still(broken: bytes) -> None:
    still = PHOTO.resize(SMALL)
    moving = saved(still, "PNG", save_all=True, append_images=[still.rotate(180)])
    assert {b"acTL", b"fcTL"} <= {name for name, _ in chunks(moving)}
    data = b"".join(chunk(name, content, 1 if name == broken else None) for name, content in chunks(moving))
    found = inspect.inspect(moving[:8] + data)
    assert are_the_same(strictly_opened(found.data), still)


@SIZES
def test_words_within_the_pixels_are_cut_out(size: tuple[int, int]) -> None:
    whole = saved(scene(size=size), "PNG")
    assert are_the_same(strictly_opened(inspect.inspect(with_split_pixels(whole)).data), opened(whole))
    assert are_the_same(opened(sent_of(with_split_pixels(whole)).data), opened(whole))


@pytest.mark.parametrize("beside", [lambda png: png, lambda png: with_chunk(png, b"tEXt", ONE_WORD, 1)])
@pytest.mark.parametrize("options", [{}, {"compress_level": 0}], ids=["packed", "long"])
def test_rows_of_a_wrong_checksum_are_whole(beside: Callable[[bytes], bytes], options: dict[str, object]) -> None:
    whole = photo("PNG", (400, 300), **options)
    found = inspect.inspect(beside(with_wrong_sum(whole)))
    assert found.is_repaired
    assert are_the_same(strictly_opened(found.data), opened(whole))


def test_so_they_are_of_a_source_that_is_made_anew() -> None:
    whole = saved(PHOTO.quantize(4), "PNG")
    assert are_the_same(strictly_opened(sent_of(with_wrong_sum(whole)).data), opened(whole))


def test_a_broken_second_directory_turns_nothing() -> None:
    """Samsung's thumbnails state that they are upright, and lie beyond the end of the EXIF."""
    said = Pillow.Exif()
    said[ORIENTATION] = 6
    exif = bytearray(said.tobytes())
    entries = int.from_bytes(exif[14:16], "big" if exif[6:8] == b"MM" else "little")
    order = "big" if exif[6:8] == b"MM" else "little"
    exif[16 + 12 * entries :] = (8 + 2 + 12 * entries + 4).to_bytes(4, order)  # type: ignore[arg-type]
    thumbnail = (9).to_bytes(2, order) + b"".join(  # type: ignore[arg-type]
        value.to_bytes(size, order)  # type: ignore[arg-type]
        for value, size in ((ORIENTATION, 2), (3, 2), (1, 4), (1, 2), (0, 2))
    )
    turned = scene().transpose(Pillow.Transpose.ROTATE_90)
    data = saved(turned, "JPEG", exif=bytes(exif) + thumbnail + b"\xff\xff\xff\xff")
    sent = opened(sent_of(data).data)
    assert sent.size == (96, 64)
    assert furthest(corners(sent), corners(scene())) <= 8


# Incomplete pictures.


@SIZES
@JPEGS
@pytest.mark.parametrize("missing", [0.05, 0.5, 0.8])
def test_a_jpeg_whose_rows_are_missing_is_none(
    options: dict[str, object], missing: float, size: tuple[int, int]
) -> None:
    """With an end marker, its decoder would fill the rows with grey and report no error."""
    whole = photo("JPEG", size, **options)
    scan = whole.rindex(b"\xff\xda") if "progressive" in options else whole.index(b"\xff\xda")
    cut = whole[: len(whole) - int((len(whole) - scan) * missing)]
    with pytest.raises(Undecodable, match="broken"):
        inspect.inspect(cut)
    with pytest.raises(Rejected, match="broken"):
        sent_of(cut)


@SIZES
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_so_is_a_png_or_a_webp(kind: str, size: tuple[int, int]) -> None:
    whole = photo(kind, size)
    for cut in (whole[: len(whole) // 2], whole[:-80]):
        with pytest.raises(Undecodable):
            inspect.inspect(cut)
        with pytest.raises(Rejected):
            sent_of(cut)


@SIZES
def test_checksums_that_are_right_prove_no_pixels(size: tuple[int, int]) -> None:
    for junk in (random.Random(7).randbytes, bytes, lambda length: b"junk" * (length // 4)):  # noqa: S311
        data = with_junk_for_pixels(photo("PNG", size), junk)
        with pytest.raises(Undecodable):
            inspect.inspect(data)
        with pytest.raises(Rejected) as caught:
            sent_of(data)
        assert caught.value.code == "unsupported_image"


NOISE = {size: Pillow.frombytes("RGB", size, random.Random(3).randbytes(3 * size[0] * size[1]))  # noqa: S311
         for size in ((120, 80), (600, 600), (1024, 1024), (1400, 1400))}  # fmt: skip


def is_refused(data: bytes) -> bool:
    """This holds for an answer, and for a source before anything is paid."""
    with pytest.raises(Undecodable, match="broken"):
        inspect.inspect(data)
    with pytest.raises(Rejected) as caught:
        sent_of(data)
    return caught.value.code == "unsupported_image"


@pytest.mark.parametrize(
    ("size", "missing"),
    [((120, 80), 1), ((120, 80), 40), ((600, 600), 570), ((600, 600), 1), ((1024, 1024), 512), ((1024, 1024), 10),
     ((1400, 1400), 700)],
)  # fmt: skip
def test_half_a_png_is_none_whose_packed_rows_end_as_they_should(size: tuple[int, int], missing: int) -> None:
    assert is_refused(with_rows_missing(saved(NOISE[size], "PNG"), missing))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_so_it_is_in_every_mode(mode: str) -> None:
    png = saved(scene(mode, size=(600, 600)), "PNG")
    assert not inspect.inspect(png).is_repaired
    assert is_refused(with_rows_missing(png, 1))


@SIZES
def test_rows_that_are_black_are_there(size: tuple[int, int]) -> None:
    picture = PHOTO.resize(size)
    picture.paste("black", (0, size[1] // 2, *size))
    assert not inspect.inspect(saved(picture, "PNG")).is_repaired


def test_an_interlaced_png_has_all_of_its_passes() -> None:
    for size in ((1, 1), (3, 2), (120, 80), (600, 600)):
        png = interlaced(size)
        assert inspect.inspect(png).data is png
        assert file_structure.is_whole_png(png)
    assert is_refused(with_rows_missing(png, 1))


def interlaced(size: tuple[int, int]) -> bytes:
    width, height = size
    rows = b"".join(
        b"\0" + random.Random(row).randbytes(len(range(left, width, across)))  # noqa: S311
        for left, top, across, down in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                                        (1, 0, 2, 2), (0, 1, 1, 2))
        if left < width
        for row in range(top, height, down)
    )  # fmt: skip
    head = width.to_bytes(4) + height.to_bytes(4) + b"\x08\0\0\0\1"
    return HEAD + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(120, 80), (600, 600), (1400, 1400)])
@pytest.mark.parametrize("odd", ODD_CHUNKS)
def test_chunks_that_strict_decoders_refuse_are_cut_out(odd: str, size: tuple[int, int]) -> None:
    whole = saved(NOISE[size], "PNG")
    found = inspect.inspect(ODD_CHUNKS[odd](whole))
    assert (found.data[:], found.is_repaired) == (whole, True)
    assert are_the_same(opened(sent_of(ODD_CHUNKS[odd](whole)).data), NOISE[size])


@pytest.mark.parametrize("size", [(120, 80), (600, 600), (1400, 1400)])
def test_a_png_of_two_heads_is_none(size: tuple[int, int]) -> None:
    assert is_refused(with_a_second_head(saved(NOISE[size], "PNG")))


def test_rows_are_counted_only_where_that_is_cheap_or_called_for() -> None:
    """docs/decisions/0011-png-rows.md states the unseen case: over 1,048,576 pixels, a part of rows that pack badly."""
    assert not file_structure.pixel_bytes(with_rows_missing(saved(NOISE[1024, 1024], "PNG"), 1))
    assert file_structure.pixel_bytes(with_rows_missing(saved(NOISE[1400, 1400], "PNG"), 400))
    assert not file_structure.pixel_bytes(with_rows_missing(saved(NOISE[1400, 1400], "PNG"), 700))


def test_of_a_png_that_is_too_large_to_be_counted_here_nothing_is_said() -> None:
    data = saved(Pillow.new("L", (5000, 4000), 200), "PNG")
    assert (file_structure.pixel_bytes(data), file_structure.is_whole_png(data)) == (0, True)
    assert not file_structure.is_whole_png(with_rows_missing(data, 1))


HEADS = {
    "GIF": lambda whole: whole[:30],
    "BMP": lambda whole: whole[:60],
    "JPEG": lambda whole: whole[: whole.index(b"\xff\xda") + 14] + b"\xff\xd9",
    "PNG": lambda whole: whole[:8] + b"".join(
        chunk(name, content[:9] if name == b"IDAT" else content) for name, content in chunks(whole)),
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_alone_is_no_picture(kind: str) -> None:
    head = HEADS[kind](saved(scene(size=(2000, 1999)), kind))
    with pytest.raises(Undecodable):
        inspect.inspect(head)
    with pytest.raises(Rejected):
        sent_of(head)


@pytest.mark.parametrize(("kind", "size"), [("PNG", LARGE), ("JPEG", LARGE), ("WEBP", (2400, 1600))])
def test_what_is_large_is_decoded_only_where_it_is_doubtful(kind: str, size: tuple[int, int]) -> None:
    noise = Pillow.effect_noise(size, 60)
    assert inspect.inspect(saved(noise, kind), read_large=refuse).facts.width == size[0]
    with pytest.raises(Fault):
        inspect.inspect(saved(scene(size=size), kind), read_large=refuse)


def refuse(data: Blob) -> bool:
    raise Fault(f"{len(data)} bytes are not decoded here")


# One colour.


@pytest.mark.parametrize("size", [SMALL, (1024, 1024)])
@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("PNG", "1"),
                         ("JPEG", "RGB"), ("JPEG", "L"), ("WEBP", "RGB"), ("GIF", "P"), ("TIFF", "F")])  # fmt: skip
def test_one_colour_all_over_is_seen(kind: str, mode: str, size: tuple[int, int]) -> None:
    options = {"quality": 95, "subsampling": "4:4:4"} if kind == "JPEG" else {}
    assert inspect.inspect(saved(Pillow.new(mode, size, 1), kind, **options)).is_single_colour
    assert inspect.inspect(saved(scene(size=size), kind)).is_single_colour is False


# Any bytes.


@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP"]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 60),
    breaks=st.sampled_from([None, *BROKEN_PNG.values()]),
)
def test_whatever_is_taken_satisfies_a_strict_decoder(
    kind: str, changes: list[tuple[int, int]], cut: int, breaks: Callable[[bytes], bytes] | None
) -> None:
    data = bytearray(SAMPLES[kind])
    if breaks and kind == "PNG":
        data = bytearray(breaks(bytes(data)))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        found = inspect.inspect(bytes(data[: len(data) - cut]))
    except (Undecodable, TooManyPixels):
        return
    strictly_opened(found.data)


SAMPLES = {kind: saved(scene(size=(24, 16)), kind) for kind in ("PNG", "JPEG", "WEBP")}


def test_pixels_are_counted_only_of_what_is_whole() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        whole = photo(kind, SMALL)
        assert 0 < file_structure.pixel_bytes(whole) <= len(whole)
        assert repair.mended(whole) is whole
        assert file_structure.pixel_bytes(whole[:-30]) == 0
