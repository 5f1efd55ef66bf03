"""A mark changes no pixel, can be removed byte for byte, and is only written into a file that states nothing."""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import PngImagePlugin

from darkroom.domain.outcome import Mark
from darkroom.pictures import file_structure, inspect, marking, strip_metadata
from darkroom.pictures.marking import SOURCE_TYPES, SourceType
from darkroom.streaming.blob import Blob, File, HashedBlob, Joined, Part, sha256
from tests.pictures.breaking import EVERY
from tests.pictures.making import photographed, saved, scene
from tests.unit.samples import opened

OF_WORDS, OF_A_SOURCE = SOURCE_TYPES
ADDRESS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
NAMED = f'<rdf:Description Iptc4xmpExt:DigitalSourceType="{ADDRESS}algorithmicMedia"/>'.encode()
UNNAMED = b'<rdf:Description dc:creator="somebody"/>'

# Encoders with their settings. Each writes a file with another structure.
FILES: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "png": ("PNG", "RGB", {}),
    "png with alpha": ("PNG", "RGBA", {}),
    "png with a palette": ("PNG", "P", {"transparency": 1}),
    "png of 16 bits": ("PNG", "I;16", {}),
    "png that moves": ("PNG", "RGB", {"save_all": True, "append_images": [scene().rotate(180)]}),
    "jpeg": ("JPEG", "RGB", {}),
    "jpeg, progressive": ("JPEG", "RGB", {"progressive": True}),
    "jpeg with EXIF": ("JPEG", "RGB", {"exif": Pillow.Exif()}),
    "jpeg of inks": ("JPEG", "CMYK", {}),
    "jpeg in grey": ("JPEG", "L", {"comment": b"grey"}),
    "webp": ("WEBP", "RGB", {}),
    "webp with alpha": ("WEBP", "RGBA", {}),
    "webp, lossless": ("WEBP", "RGB", {"lossless": True}),
    "webp, lossless with alpha": ("WEBP", "RGBA", {"lossless": True}),
    "webp with a profile": ("WEBP", "RGB", {"icc_profile": b"a profile"}),
    "webp with EXIF": ("WEBP", "RGB", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    "webp that moves": ("WEBP", "RGB", {"save_all": True, "append_images": [scene().rotate(180)]}),
}


def file(name: str, size: tuple[int, int] = (96, 64)) -> bytes:
    kind, mode, options = FILES[name]
    picture = scene(mode, size)
    if mode == "RGBA":
        picture.putalpha(Pillow.linear_gradient("L").resize(size))
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def pixels(data: Blob) -> list[tuple[str, tuple[int, int], bytes]]:
    """The pixels of each frame, with its mode and its size."""
    frames = []
    with opened(data) as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            frames.append((picture.mode, picture.size, picture.tobytes()))
    return frames


def written(data: Blob, source_type: SourceType = OF_WORDS) -> bytes:
    """The file with its mark."""
    found, provenance = marking.marked(data, source_type)
    assert provenance == {"c2pa": False, "digital_source_type": source_type, "mark": "written"}
    return found[:]


def mark_of(data: Blob) -> str:
    """The reason why a file gets no mark. The file is checked to be unchanged."""
    found, provenance = marking.marked(data, OF_WORDS)
    assert found is data
    assert marking.unmarked(data) is data or provenance["mark"] == "there_already"
    return provenance["mark"]


def with_chunk(png: bytes, name: bytes, content: bytes, at: int = 33) -> bytes:
    chunk = struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content))
    return png[:at] + chunk + png[at:]


def with_segment(jpeg: bytes, kind: int, content: bytes) -> bytes:
    return jpeg[:2] + struct.pack(">BBH", 0xFF, kind, 2 + len(content)) + content + jpeg[2:]


def with_webp_chunk(webp: bytes, name: bytes, content: bytes) -> bytes:
    content += bytes(len(content) % 2)
    whole = webp[8:] + name + struct.pack("<L", len(content)) + content
    return b"RIFF" + struct.pack("<L", len(whole)) + whole


def with_xmp(name: str, xmp: bytes) -> bytes:
    return {
        "png": lambda: with_chunk(file("png"), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        "jpeg": lambda: with_segment(file("jpeg"), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp),
        "webp": lambda: with_webp_chunk(file("webp"), b"XMP ", xmp),
    }[name]()


# Rules for every file.


@pytest.mark.parametrize("source_type", SOURCE_TYPES)
@pytest.mark.parametrize("name", FILES)
def test_a_mark_is_written_and_comes_out_byte_for_byte(name: str, source_type: SourceType) -> None:
    original = file(name)
    marked = written(original, source_type)
    assert marked.count(ADDRESS.encode() + source_type.encode() + b'"') == 1
    assert marking.unmarked(marked)[:] == original
    assert marking.carried(marked) == marking.marked(original, source_type)[1]


@pytest.mark.parametrize("name", FILES)
def test_the_pixels_of_every_frame_are_the_same_bit_for_bit(name: str) -> None:
    original = file(name)
    assert pixels(written(original)) == pixels(original)


@pytest.mark.parametrize("name", FILES)
def test_pillow_finds_the_packet(name: str) -> None:
    with opened(written(file(name), OF_A_SOURCE)) as picture:
        picture.load()
        xmp = picture.info.get("xmp") or str(picture.info["XML:com.adobe.xmp"]).encode()
    assert ADDRESS.encode() + OF_A_SOURCE.encode() in xmp


@pytest.mark.parametrize("name", FILES)
def test_what_is_marked_is_marked_once(name: str) -> None:
    marked = written(file(name))
    assert mark_of(marked) == "there_already"


@pytest.mark.parametrize("name", FILES)
def test_the_same_file_becomes_the_same_bytes(name: str) -> None:
    assert written(file(name)) == written(File([file(name)]))


@given(
    name=st.sampled_from([name for name in FILES if "moves" not in name]),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    source_type=st.sampled_from(SOURCE_TYPES),
)
def test_any_size_is_marked_without_a_trace(name: str, size: tuple[int, int], source_type: SourceType) -> None:
    original = file(name, size)
    marked = written(original, source_type)
    assert marking.unmarked(marked)[:] == original
    assert pixels(marked) == pixels(original)


@given(
    name=st.sampled_from(["png", "jpeg", "webp", "webp with a profile", "webp, lossless with alpha"]),
    at=st.integers(0, 400),
    junk=st.binary(max_size=12),
    cut=st.integers(0, 12),
)
def test_whatever_is_broken_fails_nothing_and_leaves_no_trace(name: str, at: int, junk: bytes, cut: int) -> None:
    whole = file(name)
    broken = whole[:at] + junk + whole[at + cut :]
    marked, provenance = marking.marked(broken, OF_WORDS)
    if provenance["mark"] == "written":
        assert marking.unmarked(marked)[:] == broken
    else:
        assert marked is broken
    assert len(marking.unmarked(broken)) <= len(broken)


@pytest.mark.parametrize(("kind", "break_it"), [(kind, break_it) for kind, _, break_it in EVERY])
def test_files_that_were_broken_on_purpose_are_marked_without_a_trace_or_left(
    kind: str, break_it: Callable[[bytes], bytes]
) -> None:
    broken = break_it(saved(scene(), kind))
    marked, _ = marking.marked(broken, OF_A_SOURCE)
    assert marking.unmarked(marked)[:] == broken


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_a_camera_says_beside_its_pixels_stays(kind: str) -> None:
    photo = photographed(kind, scene())
    assert mark_of(photo) == "other_xmp", "cameras and programs write XMP of their own"


@pytest.mark.parametrize("name", FILES)
def test_a_strict_reader_finds_a_marked_file_as_whole_as_it_was(name: str) -> None:
    original = file(name)
    marked = written(original)
    assert bool(file_structure.pixel_bytes(marked)) == bool(file_structure.pixel_bytes(original))
    assert inspect.inspect(marked).facts == inspect.inspect(original).facts
    assert not inspect.inspect(marked).is_repaired


@pytest.mark.parametrize("name", ["png", "jpeg"])
def test_a_mark_is_cut_out_with_everything_else_of_what_is_no_result(name: str) -> None:
    assert strip_metadata.stripped(written(file(name)))[:] == strip_metadata.stripped(file(name))[:]


def test_a_marked_file_stays_on_the_disk_and_knows_its_hash() -> None:
    marked, _ = marking.marked(File([file("png")]), OF_WORDS)
    assert isinstance(marked, Joined)
    assert [type(part) for part in marked.parts] == [Part, bytes, Part]
    hashed = HashedBlob(marked)
    assert hashed.parts == marked.parts
    assert hashed.sha256 == sha256(hashed) == sha256(written(file("png")))


class Counted:
    """A blob that counts the bytes that are read from it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.read = 0

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, part: slice, /) -> bytes:
        found = self._data[part]
        self.read += len(found)
        return found


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {"compress_level": 0}), ("JPEG", {"quality": 100}), ("WEBP", {})]
)
def test_of_a_large_file_little_is_read(kind: str, options: dict[str, int]) -> None:
    large = Counted(saved(Pillow.effect_noise((1600, 1200), 90).convert("RGB"), kind, **options))
    marked, provenance = marking.marked(large, OF_WORDS)
    assert provenance["mark"] == "written"
    assert large.read < 10_000 < len(large) / 20
    marking.unmarked(marked)
    assert large.read < 20_000


# Files that stay as they are.


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
@pytest.mark.parametrize(
    ("xmp", "mark", "source_type"),
    [
        (NAMED, "there_already", "algorithmicMedia"),
        (NAMED.replace(b"http:", b"https:"), "there_already", "algorithmicMedia"),
        (
            f"<x:DigitalSourceType> {ADDRESS}digitalArt </x:DigitalSourceType>".encode(),
            "there_already",
            "digitalArt",
        ),
        (f"<x:DigitalSourceType\n rdf:resource='{ADDRESS}digitalArt'/>".encode(), "there_already", "digitalArt"),
        (UNNAMED, "other_xmp", None),
        (f"see {ADDRESS}digitalArt".encode(), "other_xmp", None),
        (b"", "other_xmp", None),
        (b"\xff" * 60_000, "other_xmp", None),
    ],
)
def test_what_has_xmp_is_left_as_it_is(name: str, xmp: bytes, mark: Mark, source_type: str | None) -> None:
    data = with_xmp(name, xmp)
    assert marking.marked(data, OF_WORDS) == (
        data,
        {"c2pa": False, "digital_source_type": source_type, "mark": mark},
    )


@pytest.mark.parametrize("keyword", [b"Raw profile type xmp\0\0", b"XML:com.adobe.xmp\0\1\0\0\0"])
def test_packed_xmp_is_xmp_too(keyword: bytes) -> None:
    assert mark_of(with_chunk(file("png"), b"zTXt", keyword + zlib.compress(NAMED))) == "other_xmp"


SIGNED: Mapping[str, Callable[[], bytes]] = {
    "png": lambda: with_chunk(file("png"), b"caBX", b"jumb"),
    "png, behind its pixels": lambda: with_chunk(file("png"), b"caBX", b"jumb", at=len(file("png")) - 12),
    "jpeg": lambda: with_segment(file("jpeg"), 0xEB, b"JP\0\1\0\0\0\1\0\0\0\x2ajumb\0\0\0\x1ejumdc2pa"),
    "webp": lambda: with_webp_chunk(file("webp"), b"C2PA", b"jumb"),
}


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("source_type", [None, *SOURCE_TYPES])
def test_a_signed_file_is_never_touched(name: str, source_type: SourceType | None) -> None:
    data = SIGNED[name]()
    found, provenance = marking.marked(data, source_type)
    assert found is data
    assert provenance == {"c2pa": True, "digital_source_type": None, "mark": "signed"}


def test_a_signed_file_with_a_source_type_says_both() -> None:
    data = with_chunk(with_xmp("png", NAMED), b"caBX", b"jumb")
    assert marking.marked(data, OF_WORDS)[1] == {
        "c2pa": True,
        "digital_source_type": "algorithmicMedia",
        "mark": "signed",
    }


@pytest.mark.parametrize("name", FILES)
def test_where_nothing_is_to_be_marked_nothing_is(name: str) -> None:
    data = file(name)
    assert marking.marked(data, None) == (data, {"c2pa": False, "digital_source_type": None, "mark": "off"})


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_other_formats_are_not_looked_at(kind: str) -> None:
    data = saved(scene(), kind)
    assert marking.marked(data, OF_WORDS) == (data, {"c2pa": None, "digital_source_type": None, "mark": "other_format"})


def many_segments(jpeg: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xfe\0\2" * (strip_metadata.MAX_PARTS + 1) + jpeg[2:]


def many_chunks(png: bytes) -> bytes:
    return png[:33] + with_chunk(b"", b"teXt", b"", at=0) * strip_metadata.MAX_PARTS + png[33:]


UNUSUAL: Mapping[str, Callable[[], bytes]] = {
    "a png without its end": lambda: file("png")[:-12],
    "a png of very many parts": lambda: many_chunks(file("png")),
    "a png whose head is not the first": lambda: with_chunk(file("png"), b"teXt", b"-", at=8),
    "apple's own png": lambda: with_chunk(file("png"), b"CgBI", bytes(4), at=8),
    "a jpeg without a picture": lambda: file("jpeg")[:20] + b"\xff\xd9",
    "a jpeg of very many parts": lambda: many_segments(file("jpeg")),
    "junk between a jpeg's segments": lambda: file("jpeg")[:2] + b"junk" + file("jpeg")[2:],
    "fill before a jpeg's segment": lambda: file("jpeg")[:2] + b"\xff" + file("jpeg")[2:],
    "a jpeg with other pictures behind it": lambda: with_segment(file("jpeg"), 0xE2, b"MPF\0"),
    "a webp that goes on behind its end": lambda: file("webp") + b"--",
    "a webp that ends too soon": lambda: file("webp")[:-2],
    "a webp that says it has xmp": lambda: file("webp with a profile").replace(
        b"VP8X\x0a\0\0\0\x20", b"VP8X\x0a\0\0\0\x24"
    ),
    "a webp of a single name": lambda: b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0",
    "a webp without pixels": lambda: b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0" + b"\0\0\0\x9d\x01\x2a" + bytes(4),
    "the head of a png": lambda: file("png")[:8],
    "the head of a jpeg": lambda: b"\xff\xd8",
    "the head of a webp": lambda: b"RIFF\4\0\0\0WEBP",
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_put_together_oddly_is_left_as_it_is(name: str) -> None:
    data = UNUSUAL[name]()
    assert marking.marked(data, OF_WORDS) == (data, {"c2pa": None, "digital_source_type": None, "mark": "unusual_file"})
    assert marking.unmarked(data) is data


def test_every_way_that_a_mark_ends_is_tested_here() -> None:
    assert set(get_args(Mark)) == {
        "written", "off", "signed", "there_already", "other_xmp", "other_format", "unusual_file",
    }  # fmt: skip


def test_a_packet_that_is_not_quite_ours_stays() -> None:
    marked = written(file("png")).replace(b"Iptc4xmpExt:D", b"Iptc4xmpexT:D")
    assert marking.unmarked(marked) is marked


def test_text_in_a_png_beside_its_mark_stays() -> None:
    said = PngImagePlugin.PngInfo()
    said.add_text("prompt", "a cat")
    target = io.BytesIO()
    scene().save(target, "PNG", pnginfo=said)
    assert marking.unmarked(written(target.getvalue()))[:] == target.getvalue()
