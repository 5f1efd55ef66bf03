"""Hostile inputs with a name, each at its door: bombs, polyglots, formats that run programs, look-alikes."""

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable

import pytest
from PIL import Image as Pillow

from darkroom.domain import keys, request
from darkroom.errors import Rejected, TooManyPixels, Undecodable
from darkroom.pictures import inspect
from darkroom.pictures.decoding import TAKEN
from tests.fuzz.boxes import Item, box, coded, grid, heif, ispe
from tests.fuzz.doors import API_KEY, BY_NAME, ROOT, checked
from tests.pictures.making import photographed, scene
from tests.unit.samples import encoded

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_with(name: bytes, data: bytes) -> bytes:
    whole = encoded("PNG")
    return whole[:33] + chunk(name, data) + whole[33:]


def unpacks_to(megabytes: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


def png_claiming(side: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff(*tags: tuple[int, int, int, int], data: bytes = b"") -> bytes:
    listed = b"".join(struct.pack("<HHLL", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<L", 8 + len(data)) + data + struct.pack("<H", len(tags)) + listed + bytes(4)


def png_exif(values: int) -> bytes:
    """A PNG that is too large to be sent as it is and turned by a quarter, with so many other values."""
    turned = tiff((0x0112, 3, 1, 6), (0xC000, 4, values, 8), data=b"\1\2\3\4" * values)
    return png_with(b"eXIf", turned)


def webp_claiming(side: int) -> bytes:
    """A WebP that claims this size. In one colour, any size takes 34 bytes."""
    whole = bytearray(encoded("WEBP", (1, 1), lossless=True))
    assert whole[12:16] == b"VP8L"
    whole[21:25] = struct.pack("<L", (side - 1) | (side - 1) << 14)
    return bytes(whole)


def derived(kind: bytes, content: bytes, count: int, side: int, size: int, *, crop: bytes = b"") -> bytes:
    """A HEIC picture of this size, derived from so many coded ones, each with bytes of its own."""
    configuration, pixels = coded(side)
    parts = [Item(b"hvc1", [(number * len(pixels), len(pixels))], (1, 2)) for number in range(count)]
    whole = Item(kind, [(count * len(pixels), len(content))], (3, 4) if crop else (3,), range(2, 2 + count))
    properties = [configuration, ispe(side, side), ispe(size, size), *([crop] if crop else [])]
    return heif([whole, *parts], properties, pixels * count + content)


def nested(kind: bytes, content: bytes) -> bytes:
    """A picture in twenty levels. Each level has two pictures of the next: a million in total."""
    configuration, pixels = coded(512)
    start = len(pixels)
    made = [
        Item(kind, [(start, len(content))], (2,), (level * 2 + 3, level * 2 + 4)) for level in range(20) for _ in "ab"
    ]
    leaves = [Item(b"hvc1", [(0, start)], (1, 2))] * 2
    return heif([*made, *leaves], [configuration, ispe(512, 512)], pixels + content + bytes(80 * start))


def overlay(size: int, count: int) -> bytes:
    return struct.pack(">BBHHHHHH", 0, 0, 0, 0, 0, 0, size, size) + struct.pack(">HH", 0, 0) * count


def talkative(items: int, extents: int, megabytes: int) -> bytes:
    """A HEIC picture with so many EXIF items, each with so many references to the same bytes."""
    configuration, pixels = coded(64)
    said = Item(b"Exif", [(0, megabytes * 1_000_000)] * extents, (), (1,))
    picture = Item(b"hvc1", [(0, len(pixels))], (1, 2))
    return heif([picture, *[said] * items], [configuration, ispe(64, 64)], pixels + bytes(megabytes * 1_000_000))


CROP = box(b"clap", struct.pack(">8L", 64, 1, 64, 1, 0, 1, 0, 1))


def claims(brand: bytes, width: int, height: int) -> bytes:
    kind, name = (b"hvc1", "HEIF") if brand == b"heic" else (b"av01", "AVIF")
    configuration, pixels = coded(64, name)
    item = Item(kind, [(0, len(pixels))], (1, 2))
    return heif([item], [configuration, ispe(width, height)], pixels, brand=brand)


# Bombs: refused, or handled without the memory that they ask for.

SHARED = 2_000_000
PIECE = [
    (256, 3, 1, 8),
    (257, 3, 1, 6),
    (258, 3, 1, 8),
    (259, 3, 1, 1),
    (262, 3, 1, 1),
    (273, 4, 1, 8),
    (279, 4, 1, 48),
]
BOMBS: dict[str, Callable[[], bytes]] = {
    "png-30000": lambda: png_claiming(30_000, unpacks_to(50)),
    "png-words": lambda: png_with(b"zTXt", b"Comment\0\0" + unpacks_to(500)),
    "png-international-words": lambda: png_with(b"iTXt", b"Comment\0\1\0\0\0" + unpacks_to(500)),
    "png-profile": lambda: png_with(b"iCCP", b"profile\0\0" + unpacks_to(500)),
    "gif-30000": lambda: b"GIF89a" + struct.pack("<HH", 30_000, 30_000) + encoded("GIF")[10:],
    "gif-frame-of-65535": lambda: encoded("GIF").replace(
        b",\0\0\0\0\x08\0\x06\0", b",\0\0\0\0\xff\xff\xff\xff"),
    "webp-16383": lambda: webp_claiming(16_383),
    "bmp-30000": lambda: b"BM" + struct.pack("<IHHI", 0, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "tiff-30000": lambda: tiff((256, 3, 1, 30_000), (257, 3, 1, 30_000), *PIECE[2:]),
    "tiff-tile-of-30000": lambda: tiff(
        (256, 3, 1, 8), (257, 3, 1, 6), (258, 3, 1, 8), (259, 3, 1, 5), (262, 3, 1, 1), (322, 3, 1, 30_000),
        (323, 3, 1, 30_000), (324, 4, 1, 8), (325, 4, 1, 48), data=bytes(48)),
    "tiff-one-value-for-many-tags": lambda: tiff(
        *PIECE, *((1000 + number, 7, SHARED, 8) for number in range(3000)), data=bytes(SHARED)),
    "tiff-endless-strips": lambda: tiff(
        *PIECE[:5], (273, 4, 5_000_000, 8), (279, 4, 1, 48), data=bytes(20_000_000)),
    "png-endless-exif": lambda: png_exif(3_000_000),
    "heic-30000": lambda: claims(b"heic", 30_000, 30_000),
    "avif-30000": lambda: claims(b"avif", 30_000, 30_000),
    "heic-that-is-larger-than-it-says": lambda: heif(
        [Item(b"hvc1", [(0, len(coded(2048)[1]))], (1, 2))], [coded(2048)[0], ispe(64, 64)], coded(2048)[1]),
    "heic-endless-exif": lambda: talkative(900, 1, 2),
    "heic-exif-of-endless-extents": lambda: talkative(1, 30_000, 2),
    "heic-400-megapixels-cropped-to-64": lambda: derived(
        b"grid", grid(10, 10, 20_480, 20_480), 100, 2048, 20_480, crop=CROP),
    "heic-tiles-beyond-its-edge": lambda: derived(b"grid", grid(30, 30, 64, 64), 900, 2048, 64),
    "heic-overlays": lambda: derived(b"iovl", overlay(2048, 900), 900, 2048, 2048),
    "heic-grids-of-grids": lambda: nested(b"grid", grid(2, 1, 512, 512)),
    "heic-overlays-of-overlays": lambda: nested(b"iovl", overlay(512, 2)),
    "heic-that-is-made-of-itself": lambda: heif([Item(b"iden", [(0, 0)], (1,), (1,))], [ispe(64, 64)], b""),
    "heic-endless-boxes": lambda: claims(b"heic", 64, 64) + box(b"free", b"") * 3_000_000,
    "heic-endless-properties": lambda: heif(
        [Item(b"hvc1", [(0, 1)], (1,))], [ispe(64, 64), *[box(b"free", b"")] * 2_000_000], b"-"),
    "jpeg-endless-remarks": lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 5_000_000 + encoded("JPEG")[2:],
}  # fmt: skip


def confined(door: str, megabytes: int, data: bytes) -> str:
    """A door's result in a process with so much spare memory, which may start and write nothing."""
    command = [sys.executable, "-m", "tests.fuzz.confined", door, str(megabytes)]
    # Otherwise each thread's arena would add spare memory.
    env = {"MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, input=data, capture_output=True, cwd=ROOT, env=env, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return done.stdout.decode().strip()


@linux
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_does_not_fill_200_megabytes(bomb: Callable[[], bytes]) -> None:
    assert confined("picture", 200, bomb()) in ("Undecodable", "TooManyPixels", "Facts")


@linux
@pytest.mark.parametrize("head", [b"Content-Encoding: gzip", b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip"])
def test_an_answer_that_unpacks_to_gigabytes_is_cut_off(head: bytes) -> None:
    member = gzip.compress(bytes(64_000_000), 1)
    packed = member * 40
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed) if b"chunked" in head else packed
    assert confined("line", 800, b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body) == "Rejected"


@linux
def test_the_confined_process_is_confined() -> None:
    """Otherwise the tests above could not fail: 16 megapixels need 64 MB."""
    whole = png_claiming(4_000, zlib.compress(bytes(4_000 * (4_000 * 4 + 1)), 1))
    assert confined("picture", 400, whole) == "Facts"
    with pytest.raises(AssertionError, match="MemoryError"):
        confined("picture", 20, whole)


# Polyglots and pretenders.


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("evil.sh", "rm -rf /")
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        pytest.param(encoded("JPEG") + zipped(), "image/jpeg", id="jpeg-and-zip"),
        pytest.param(encoded("PNG") + b"<script>alert(1)</script>", "image/png", id="png-and-web-page"),
        pytest.param(encoded("GIF") + b"*/=alert(1)//", "image/gif", id="gif-and-script"),
        pytest.param(encoded("BMP") + b"MZ\x90\0", "image/bmp", id="bmp-and-program"),
    ],
)
def test_a_polyglot_is_published_as_the_picture_that_it_is(data: bytes, media_type: str) -> None:
    assert inspect.inspect(data).facts.media_type == media_type


def test_a_picture_in_a_script_is_none() -> None:
    with pytest.raises(Undecodable):
        inspect.inspect(b"GIF89a/*" + bytes(10) + b"*/=alert(1)")


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"avif", b"avis", b"jxl ", b"qt  ", b"isom"])
@pytest.mark.parametrize("kind", [b"hvc1", b"av01", b"vvc1", b"j2k1", b"jpeg", b"unci", b"mski", b"tmap", b"grid"])
def test_a_container_of_something_else_is_refused_by_name(brand: bytes, kind: bytes) -> None:
    """A HEIC or AVIF container may hold something that cannot be decoded here, or nothing at all."""
    data = heif([Item(kind, [(0, 9)], (1,))], [ispe(64, 64)], b"a picture", brand=brand)
    with pytest.raises(Undecodable, match=r"HEVC or AV1|more parts"):
        inspect.inspect(data)


@linux
@pytest.mark.parametrize("item", [b"mime\0application/rdf+xml\0", b"Exif\0\0"])
def test_a_name_that_is_no_text_does_not_take_the_process_down(item: bytes) -> None:
    """It crashes pi-heif itself."""
    data = photographed("HEIF", scene())
    at = data.index(item[:4])
    for place in (0, 5):
        broken = bytearray(data)
        broken[at + place] = 0x80
        assert confined("picture", 200, bytes(broken)) == "Undecodable"


def test_a_picture_of_tiles_is_what_phones_make() -> None:
    """This shows that the tests above do not succeed just because no decoder accepts the frame."""
    facts = inspect.inspect(
        derived(b"grid", grid(4, 3, 250, 180), 12, 64, 250).replace(ispe(250, 250), ispe(250, 180))
    ).facts
    assert (facts.media_type, facts.width, facts.height) == ("image/heic", 250, 180)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(/tmp/x) (w) file\n%%EOF\n"


@pytest.mark.parametrize("kind", ["PPM", "TGA", "PCX", "ICO", "SGI", "DDS", "PDF", "EPS", "MSP", "XBM", "SPIDER"])
def test_a_format_that_is_not_taken_reaches_no_decoder(kind: str) -> None:
    modes = {"MSP": "1", "XBM": "1", "SPIDER": "F"}
    with pytest.raises(Undecodable, match=f"no {TAKEN}"):
        inspect.inspect(encoded(kind, (16, 16), modes.get(kind, "RGB")))


@linux
@pytest.mark.parametrize(
    "data",
    [EPS, b"\xc5\xd0\xd3\xc6" + bytes(28) + EPS, b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
     b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>', b"push graphic-context\nurl(|id)",
     b"\xd7\xcd\xc6\x9a" + bytes(40), b"\0\0\1\xba" + bytes(40), b"SIMPLE  =                    T".ljust(2880)],
    ids=["eps", "dos-eps", "svg", "svg-with-entity", "mvg", "wmf", "mpeg", "fits"],
)  # fmt: skip
def test_what_would_run_a_program_runs_none(data: bytes) -> None:
    assert confined("picture", 200, data) == "Undecodable"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_thousands_of_frames_the_first_is_looked_at(kind: str) -> None:
    target = io.BytesIO()
    frames = [Pillow.new("L", (8, 6), number % 255) for number in range(3000)]
    frames[0].save(target, kind, save_all=True, append_images=frames[1:])
    assert checked(BY_NAME["picture"], target.getvalue()) == inspect.inspect(target.getvalue()).facts


@pytest.mark.parametrize("side", [30_000, 65_535, 2**31 - 1])
def test_a_head_that_claims_more_than_100_megapixels_is_too_large(side: int) -> None:
    with pytest.raises(TooManyPixels):
        inspect.inspect(png_claiming(side, b""))


def test_a_row_without_end_is_too_large() -> None:
    """A WebP of 262 bytes with 15,728,648 x 6 pixels took minutes."""
    moving = io.BytesIO()
    Pillow.new("L", (8, 6)).save(moving, "WEBP", save_all=True, append_images=[Pillow.new("L", (8, 6), 9)])
    wide = bytearray(moving.getvalue())
    assert wide[12:16] == b"VP8X"
    wide[24:27] = (15_000_000).to_bytes(3, "little")
    with pytest.raises(TooManyPixels, match="row"):
        inspect.inspect(bytes(wide))


# Messages.


def said_of(body: str | bytes) -> request.Request | Rejected:
    said = checked(BY_NAME["message"], body if isinstance(body, bytes) else body.encode(errors="surrogatepass"))
    assert isinstance(said, request.Request | Rejected)
    return said


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"instruction": "a", "options": {"temperature": NaN}}', "body"),
        ('{"instruction": "a", "options": {"temperature": -Infinity}}', "body"),
        ('{"instruction": "a", "options": {"temperature": 1e999}}', "options.temperature"),
        ('{"instruction": "a", "parent_turn": 1e2}', "parent_turn"),
        ('{"instruction": "a", "parent_turn": 1' + "0" * 4000 + "}", "parent_turn"),
        ('{"instruction": "a", "parent_turn": 1' + "0" * 5000 + "}", "body"),
        ('{"instruction": "\\ud83d"}', "instruction"),
        ('{"instruction": "a", "thread_id": "a\\u0000b"}', "thread_id"),
        ('{"instruction": "a", "thread_id": "../../etc"}', "thread_id"),
        ('{"instruction": "a", "thread_id": "a/\\u0085"}', "thread_id"),
        ('{"instruсtion": "a"}', "instruction"),
        ('{"instruction": "a", "images": ["s3://my-uploads@evil/a"]}', "images.0"),
        ('{"instruction": "a", "images": ["S3://my-uploads/a"]}', "images.0"),
        ('{"instruction": "a", "images": ["s3://my-uрloads/a"]}', "images.0"),
        ('{"instruction": "\u2028\u3000\u00a0"}', "instruction"),
        ('{"instruction": "\u200b"}', "instruction"),
        ('{"instruction": "\\u0000"}', "instruction"),
        ('{"instruction": "cheap", "instruction": "dear"}', "instruction"),
        ('{"instruction": "a", "request_id": "a\u200b"}', "request_id"),
        ("\u202e}", "body"),
    ],
)
def test_what_is_odd_is_refused_by_its_field(body: str, param: str) -> None:
    said = said_of(body)
    assert isinstance(said, Rejected)
    assert said.param == param


@pytest.mark.parametrize("words", ["\u202eetihw ti ekam", "раураl", "a\u2028b", "\0.", "\ufeff.", "e\u0301"])
def test_any_words_are_an_instruction_verbatim(words: str) -> None:
    said = said_of(json.dumps({"instruction": words}))
    assert isinstance(said, request.Request)
    assert said.instruction == words


def test_a_message_of_a_megabyte_is_told_with_its_first_4_kilobytes() -> None:
    said = said_of(json.dumps({"instruction": "雪" * 300_000}))
    assert isinstance(said, Rejected)
    assert said.param == "instruction"


# Names.


def test_names_that_look_alike_are_threads_of_their_own() -> None:
    """A thread is its letters, not their looks: only names that Unicode calls equal are one thread."""
    alike = ["paypal", "рaypal", "paypal\u200b", "\u202epaypal", "ｐaypal", "PAYPAL"]
    assert len({keys.thread_of(name) for name in alike}) == len(alike)
    assert keys.thread_of("cafe\u0301") == keys.thread_of("café")


@pytest.mark.parametrize(
    "key", ["../" * 300 + "a.png", "a\0b.png", "x" * 1020 + ".png", "雪" * 340 + ".png", "//", "..", "."]
)
def test_a_key_of_tricks_has_its_places(key: str) -> None:
    assert checked(BY_NAME["key"], key.encode())


# Secrets that must not appear.


@pytest.mark.parametrize("status", [200, 401, 403, 500, 504])
def test_the_key_that_an_answer_quotes_is_told_to_nobody(status: int) -> None:
    for body in (
        API_KEY,
        json.dumps({"error": {"message": f"bad key {API_KEY}"}}),
        json.dumps({"msg": API_KEY, "code": 1}),
    ):
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nX-Key: {API_KEY}\r\n\r\n"
        assert API_KEY not in repr(checked(BY_NAME["line"], (head + body).encode()))
