"""Bytes on disk and joined bytes read like those in memory, and few of them are in memory at a time."""

import base64
import json
import re
import resource
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.errors import Unavailable
from darkroom.streaming.base64_blob import Base64, decoded
from darkroom.streaming.blob import CHUNK_BYTES, Blob, File, Joined, Part, as_file, chunks, search

pieces = st.lists(st.binary(max_size=40), max_size=6)
places = st.integers(-20, 250)
MADE: dict[str, Callable[[list[bytes]], tuple[Blob, bytes]]] = {
    "file": lambda parts: (File(parts), b"".join(parts)),
    "joined": lambda parts: (Joined(parts), b"".join(parts)),
    "part": lambda parts: (Part(File([b"before", *parts, b"after"]), 6, -5), b"".join(parts)),
    "base64": lambda parts: (Base64(Joined(parts)), base64.b64encode(b"".join(parts))),
    "joined base64": lambda parts: (
        Joined([b"<", *(Base64(File([part])) for part in parts), b">"]),
        b"<" + b"".join(map(base64.b64encode, parts)) + b">",
    ),
}
every = pytest.mark.parametrize("make", MADE.values(), ids=MADE)


@every
@given(parts=pieces, start=places, stop=places)
def test_every_slice_is_that_of_the_bytes(
    make: Callable[[list[bytes]], tuple[Blob, bytes]], parts: list[bytes], start: int, stop: int
) -> None:
    blob, whole = make(parts)
    assert len(blob) == len(whole)
    assert (blob[start:stop], blob[start:], blob[:stop], blob[:]) == (
        whole[start:stop], whole[start:], whole[:stop], whole,
    )  # fmt: skip


@every
@given(parts=pieces, size=st.integers(1, 50), ahead=st.integers(0, 60))
def test_chunks_and_files_give_all_of_it(
    make: Callable[[list[bytes]], tuple[Blob, bytes]], parts: list[bytes], size: int, ahead: int
) -> None:
    blob, whole = make(parts)
    assert b"".join(chunks(blob, size)) == whole
    with as_file(blob, ahead=ahead) as file:
        assert file.read(size) == whole[:size]
        assert file.seek(-min(size, len(whole)), 2) == file.tell()
        assert file.read() == whole[-min(size, len(whole)) :][: len(whole)]
        file.seek(0)
        assert bytearray(file.read()) == whole


@given(distance=st.integers(0, 3 * CHUNK_BYTES), start=st.integers(0, 100))
def test_a_match_is_found_wherever_it_is(distance: int, start: int) -> None:
    """This holds across the edge of two chunks, too."""
    blob = File([bytes(start + distance), b"\xff\xda", bytes(10)])
    assert search(re.compile(rb"\xff[\x01-\xff]"), blob, start, width=2) == (start + distance, b"\xff\xda")
    assert search(re.compile(rb"\xff[\x01-\xff]"), blob, start + distance + 1, width=2) is None


def test_a_file_has_no_name_and_goes_with_its_last_reference() -> None:
    def descriptors() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}

    before = descriptors()
    part = Part(File([b"a picture"]), 2, 9)
    assert part[:] == b"picture"
    (descriptor,) = descriptors() - before
    assert Path(f"/proc/self/fd/{descriptor}").readlink().name.endswith("(deleted)")
    del part
    assert descriptor not in descriptors()


def test_a_picture_is_encoded_and_decoded_in_little_memory() -> None:
    picture = File([bytes(range(256)) * 4096] * 20)
    tracemalloc.start()
    text = File(chunks(Base64(picture)))
    assert len(decoded(text)) == len(picture)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", " ", " \t\n\n"])
@pytest.mark.parametrize("size", [*range(7), *range(CHUNK_BYTES // 4 * 3 - 4, CHUNK_BYTES // 4 * 3 + 5)])
@pytest.mark.parametrize("is_padded", [True, False])
def test_base64_of_any_length_is_read_however_it_ends(size: int, ending: str, is_padded: bool) -> None:
    data = b"\xfb\xff\xbf" * (size // 3) + b"\xff" * (size % 3)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(data).decode()
        written = (text if is_padded else text.rstrip("=")) + ending
        assert decoded(written.encode())[:] == data
        assert decoded(json.dumps(written)[1:-1].encode(), is_json=True)[:] == data


def test_where_the_disk_has_no_room_it_waits_and_says_so() -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = File([b"a picture"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(Unavailable, match="no room on the disk"):
            file.append(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
