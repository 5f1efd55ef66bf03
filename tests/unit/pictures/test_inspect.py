"""Pictures: recognised by their bytes, hostile until decoded, and sent unchanged if possible."""

import hashlib
import io
import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from darkroom.errors import Rejected, TooManyPixels, Undecodable
from darkroom.pictures import inspect
from darkroom.pictures.inspect import Facts
from darkroom.providers.dialects.nebula import NEBULA
from tests.unit.samples import encoded, opened, sent_of

KINDS = {
    "PNG": ("image/png", ".png"),
    "JPEG": ("image/jpeg", ".jpg"),
    "WEBP": ("image/webp", ".webp"),
    "GIF": ("image/gif", ".gif"),
    "BMP": ("image/bmp", ".bmp"),
    "TIFF": ("image/tiff", ".tiff"),
}
SENT_AS_THEY_ARE = ("PNG", "JPEG", "WEBP")
LIMIT = 7_000_000
SAMPLES = {kind: encoded(kind, (24, 16)) for kind in KINDS}


def noise(width: int, height: int, kind: str, **options: int) -> bytes:
    """A picture that no format can compress."""
    raw = random.Random(7).randbytes(width * height * 3)  # noqa: S311 - noise, not a secret
    target = io.BytesIO()
    Pillow.frombytes("RGB", (width, height), raw).save(target, kind, **options)
    return target.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_claiming(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG of one bit a pixel whose header claims a size, with this as its compressed rows."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


# Recognition.


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_told_by_its_bytes(kind: str) -> None:
    data = encoded(kind, (24, 16))
    media_type, extension = KINDS[kind]
    assert inspect.inspect(data).facts == Facts(media_type, extension, 24, 16)


def test_a_phones_photo_of_several_pictures_is_a_jpeg() -> None:
    data = encoded("MPO", (24, 16), save_all=True, append_images=[opened(encoded("JPEG", (24, 16)))])
    assert opened(data).format == "MPO"
    facts = inspect.inspect(data).facts
    assert (facts.media_type, facts.extension) == ("image/jpeg", ".jpg")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_a_png_of_any_mode_is_a_picture(mode: str) -> None:
    assert inspect.inspect(encoded("PNG", mode=mode)).facts.media_type == "image/png"


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_jpeg_of_any_mode_is_a_picture(mode: str) -> None:
    assert inspect.inspect(encoded("JPEG", mode=mode)).facts.media_type == "image/jpeg"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"<html><img src=x></html>", id="html"),
        pytest.param(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', id="svg"),
        pytest.param(b"%PDF-1.7\n%%EOF", id="pdf"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", id="postscript"),
        pytest.param(b"II*\x00\x08\x00\x00\x00", id="tiff-without-a-directory"),
        pytest.param(encoded("PPM"), id="a-format-that-we-do-not-take"),
        pytest.param(encoded("TGA"), id="a-format-without-a-signature"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="png-signature-alone"),
        pytest.param(b"\xff\xd8\xff\xe0", id="jpeg-signature-alone"),
        pytest.param(b"GIF89a", id="gif-signature-alone"),
        pytest.param(png_claiming(0, 5), id="png-of-no-width"),
        pytest.param(png_claiming(50, 50), id="png-without-rows"),
        pytest.param(encoded("PNG", mode="P").replace(b"PLTE", b"pLTE"), id="png-without-its-palette"),
    ],
)
def test_what_is_no_whole_picture_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        inspect.inspect(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.8])
def test_a_picture_that_was_cut_off_is_undecodable(kind: str, kept: float) -> None:
    whole = noise(64, 64, kind)
    with pytest.raises(Undecodable):
        inspect.inspect(whole[: int(len(whole) * kept)])


def test_a_picture_that_is_something_else_besides_is_a_picture_still() -> None:
    """The picture ends in a web page. It is published with a picture's type, so that no browser shows the page."""
    polyglot = encoded("PNG") + b"<script>alert(1)</script>"
    assert inspect.inspect(polyglot).facts.media_type == "image/png"


def test_a_web_page_that_ends_in_a_picture_is_none() -> None:
    with pytest.raises(Undecodable):
        inspect.inspect(b"<script>alert(1)</script>" + encoded("PNG"))


# Sizes.


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (10_001, 10_000), (2**31 - 1, 2**31 - 1)])
def test_a_header_that_claims_too_many_pixels_is_believed_and_not_decoded(width: int, height: int) -> None:
    with pytest.raises(TooManyPixels):
        inspect.inspect(png_claiming(width, height))


def test_a_jpeg_of_the_largest_sides_is_told_our_limit_and_not_the_decoders() -> None:
    jpeg = bytearray(encoded("JPEG"))
    head = jpeg.index(b"\xff\xc0")
    jpeg[head + 5 : head + 9] = struct.pack(">HH", 65_500, 65_500)
    with pytest.raises(TooManyPixels, match="it has more than 100,000,000 pixels"):
        inspect.inspect(bytes(jpeg))


def test_a_bomb_is_not_set_off() -> None:
    rows = zlib.compress(bytes(20_000 * (20_000 // 8 + 1)), 9)
    with pytest.raises(TooManyPixels):
        inspect.inspect(png_claiming(20_000, 20_000, rows))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "WEBP"])
def test_other_headers_that_claim_too_much_are_refused_too(kind: str) -> None:
    bmp_header = struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0)
    claims = {
        "GIF": b"GIF89a" + struct.pack("<HH", 30_000, 30_000) + b"\x80\x00\x00" + bytes(6),
        "BMP": b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + bmp_header,
        "WEBP": b"RIFF" + struct.pack("<I", 26) + b"WEBPVP8L" + struct.pack("<IBI", 14, 0x2F, 0x0FFFFFFF) + bytes(10),
    }
    with pytest.raises((TooManyPixels, Undecodable)):
        inspect.inspect(claims[kind])


def test_words_in_a_picture_that_unpack_without_end_do_not_fill_the_memory() -> None:
    bomb = png_chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(80_000_000), 9))
    whole = encoded("PNG")
    assert inspect.inspect(whole[:33] + bomb + whole[33:]).data[:] == whole


def progressive(scans: int) -> bytes:
    """A JPEG that repeats its last scan: at 100 megapixels, each takes a twentieth of a second and 141 bytes."""
    whole = encoded("JPEG", (64, 64), progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * (scans - whole.count(b"\xff\xda")) + whole[-2:]


def test_a_photo_may_have_a_hundred_scans() -> None:
    assert inspect.inspect(progressive(100)).facts.media_type == "image/jpeg"


@pytest.mark.parametrize("junk", [b"", b"\xff\xff\xff", b"junk", b"\xff\xd0"])
def test_a_photo_of_endless_scans_is_not_decoded(junk: bytes) -> None:
    data = progressive(101)
    at = data.rindex(b"\xff\xda")
    with pytest.raises(Undecodable, match="parts"):
        inspect.inspect(data[:at] + junk + data[at:])


def test_what_comes_after_a_photo_is_not_counted() -> None:
    """The film after a phone's photo, with every pair of bytes in it."""
    assert inspect.inspect(progressive(10) + b"\xff\xda\0\2" * 1000).facts.media_type == "image/jpeg"


def tiff(order: str, *, is_big: bool, strips: int) -> bytes:
    """A TIFF of 8 x 6 grey pixels in one strip, which it lists so many times."""
    head = struct.pack(order + "2sH", b"II" if order == "<" else b"MM", 43 if is_big else 42)
    size, entry, number = (8, "HHQQ", "Q") if is_big else (4, "HHLL", "H")
    first = 16 if is_big else 8
    pixels = bytes(max(48, size * strips))
    tags = [(256, 4, 1, 8), (257, 4, 1, 6), (258, 4, 1, 8), (259, 4, 1, 1), (262, 4, 1, 1),
            (273, 16 if is_big else 4, strips, first), (278, 4, 1, 6), (279, 4, 1, 48)]  # fmt: skip
    if order == ">":  # a LONG stands at the left of its field
        tags = [(tag, 16 if is_big else 4, count, value) for tag, _, count, value in tags]
    offset = struct.pack(order + ("HHQ" if is_big else "L"), *((8, 0) if is_big else ()), first + len(pixels))
    listed = b"".join(struct.pack(order + entry, *tag) for tag in tags)
    return head + offset + pixels + struct.pack(order + number, len(tags)) + listed + bytes(8)


@pytest.mark.parametrize(("order", "is_big"), [("<", False), (">", False), ("<", True)])
def test_a_tiff_of_endless_strips_is_not_opened(order: str, is_big: bool) -> None:
    """Pillow turns 100 MB of strips into 6 GB of tuples."""
    assert inspect.inspect(tiff(order, is_big=is_big, strips=1)).facts.media_type == "image/tiff"
    with pytest.raises(Undecodable, match="parts"):
        inspect.inspect(tiff(order, is_big=is_big, strips=500_001))


@pytest.mark.parametrize("head", [b"MM*\0", b"MM\0+", b"II\0*"])
def test_nor_one_whose_head_is_wrong_in_a_way_that_the_decoder_overlooks(head: bytes) -> None:
    order = "<" if head.startswith(b"I") else ">"
    assert inspect.inspect(head + tiff(order, is_big=False, strips=1)[4:]).facts.media_type == "image/tiff"
    with pytest.raises(Undecodable, match="parts"):
        inspect.inspect(head + tiff(order, is_big=False, strips=500_001)[4:])


def test_a_photo_of_endless_remarks_is_not_opened() -> None:
    """Pillow keeps each remark in a tuple."""
    jpeg, png = encoded("JPEG"), encoded("PNG")
    for few, many in (
        (jpeg[:2] + b"\xff\xfe\0\2" * 300 + jpeg[2:], jpeg[:2] + b"\xff\xfe\0\2" * 100_001 + jpeg[2:]),
        (png[:33] + png_chunk(b"prVt", b"") * 300 + png[33:], png[:33] + png_chunk(b"prVt", b"") * 100_001 + png[33:]),
    ):
        assert inspect.inspect(few)
        with pytest.raises(Undecodable, match="parts"):
            inspect.inspect(many)


def test_a_picture_of_endless_pieces_is_not_read_to_its_end() -> None:
    """Each piece costs as much as thousands of bytes, and a file has room for ten million."""
    large, piece = encoded("PNG", size=(600, 600)), png_chunk(b"IDAT", b"")
    assert inspect.inspect(large[:33] + piece * 300 + large[33:])
    with pytest.raises(Undecodable, match="broken"):
        inspect.inspect(large[:33] + piece * 100_000 + large[33:])


def test_exactly_100_megapixels_are_fine() -> None:
    rows = zlib.compress(bytes(10_000 * (10_000 // 8 + 1)), 1)
    facts = inspect.inspect(png_claiming(10_000, 10_000, rows)).facts
    assert (facts.width, facts.height) == (10_000, 10_000)


# Any bytes.


def assert_facts_or_named(data: bytes) -> None:
    try:
        facts = inspect.inspect(data).facts
        sent = sent_of(data)
    except (Undecodable, TooManyPixels, Rejected):
        return
    assert facts.width * facts.height <= 100_000_000
    assert sent.media_type in NEBULA.limits.media_types


@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a",
       b"BM", b"II*\x00", b"MM\x00*", b"RIFF\x10\x00\x00\x00WEBP", b"II+\x00"]))  # fmt: skip
def test_any_bytes_are_a_picture_or_not(data: bytes, start: bytes) -> None:
    assert_facts_or_named(start + data)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 40),
)
def test_any_damaged_picture_is_a_picture_or_not(kind: str, changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(SAMPLES[kind])
    for at, value in changes:
        damaged[at % len(damaged)] = value
    assert_facts_or_named(bytes(damaged[: len(damaged) - cut]))


@given(kind=st.sampled_from(sorted(KINDS)), at=st.integers(0, 120), patch=st.binary(min_size=1, max_size=8))
def test_any_picture_with_a_damaged_head_is_a_picture_or_not(kind: str, at: int, patch: bytes) -> None:
    damaged = bytearray(SAMPLES[kind])
    damaged[at : at + len(patch)] = patch
    assert_facts_or_named(bytes(damaged))


# Sending.


@pytest.mark.parametrize("kind", SENT_AS_THEY_ARE)
def test_what_the_api_takes_is_sent_byte_for_byte(kind: str) -> None:
    data = encoded(kind, (24, 16))
    sent = sent_of(data)
    assert (sent.data, sent.media_type) == (data, KINDS[kind][0])
    assert sent.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(SENT_AS_THEY_ARE)))
def test_what_it_does_not_take_is_converted_without_loss(kind: str) -> None:
    data = encoded(kind, (24, 16))
    sent = sent_of(data)
    assert sent.media_type == "image/png"
    assert sent.sha256 == hashlib.sha256(data).hexdigest()
    assert opened(sent.data).convert("RGB").tobytes() == opened(data).convert("RGB").tobytes()


def test_what_is_transparent_stays_transparent() -> None:
    data = encoded("TIFF", mode="RGBA")
    sent = sent_of(data)
    assert opened(sent.data).mode == "RGBA"


@pytest.mark.parametrize(
    ("kind", "options"), [("BMP", {}), ("PNG", {}), ("JPEG", {"quality": 100, "subsampling": 0}), ("TIFF", {})]
)  # fmt: skip
def test_what_is_too_heavy_is_made_smaller_and_keeps_its_shape(kind: str, options: dict[str, int]) -> None:
    data = noise(2400, 1600, kind, **options)
    assert len(data) > LIMIT
    sent = sent_of(data)
    assert len(sent.data) <= LIMIT
    assert sent.media_type in NEBULA.limits.media_types
    assert sent.sha256 == hashlib.sha256(data).hexdigest()
    smaller = opened(sent.data)
    assert smaller.width / smaller.height == pytest.approx(1.5, rel=0.01)


def test_a_photo_that_is_made_smaller_stands_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned by a quarter
    target = io.BytesIO()
    opened(noise(2400, 1600, "BMP")).save(target, "JPEG", quality=100, subsampling=0, exif=exif)
    data = target.getvalue()
    assert len(data) > LIMIT
    smaller = opened(sent_of(data).data)
    assert smaller.height / smaller.width == pytest.approx(1.5, rel=0.01)
    assert smaller.getexif().get(0x0112, 1) == 1


def test_a_converted_photo_stands_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 8
    data = encoded("TIFF", (24, 16), exif=exif)
    upright = opened(sent_of(data).data)
    assert (upright.width, upright.height) == (16, 24)


def test_what_is_sent_smaller_is_a_picture_that_is_taken_back() -> None:
    data = noise(2400, 1600, "BMP")
    sent = sent_of(data)
    assert inspect.inspect(sent.data).facts.media_type == sent.media_type


@pytest.mark.parametrize("data", [b"\xff\xd8" + bytes(15_000_000), b"\0\0\0\x18ftypheic" + bytes(99), b"GIF89a"])
def test_what_would_take_memory_to_look_at_is_developed_without_a_look(data: bytes) -> None:
    assert inspect.bare(data, NEBULA.limits) is None
