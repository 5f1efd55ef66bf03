"""Compressed streams, in chunks of any size."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.streaming.blob import CHUNK_BYTES
from darkroom.streaming.compressed import unpacked

SAID = b'{"data": [1, 2, 3]}' * 300


def named(data: bytes, name: bytes) -> bytes:
    """A gzip member whose header has a name."""
    packed = gzip.compress(data, mtime=0)
    return packed[:3] + b"\x08" + packed[4:10] + name + b"\0" + packed[10:]


@given(
    cut=st.integers(1, 50),
    packed=st.sampled_from(
        [
            (SAID, ""), (gzip.compress(SAID), ""), (gzip.compress(SAID), "gzip"), (SAID, "gzip"), (SAID, "deflate"),
            (gzip.compress(SAID[:700]) + gzip.compress(SAID[700:]), "gzip"), (named(SAID, b"a.json" * 40), "gzip"),
            (gzip.compress(SAID) + b"what is not the answer's", "gzip"), (zlib.compress(SAID), "deflate"),
            (zlib.compress(SAID)[2:-4], "deflate"),
        ]
    ),
)  # fmt: skip
def test_what_is_packed_comes_out_wherever_its_chunks_end(cut: int, packed: tuple[bytes, str]) -> None:
    data, encoding = packed
    chunks = [data[at : at + cut] for at in range(0, len(data), cut)]
    assert b"".join(unpacked(chunks, encoding)) == SAID


def test_a_bomb_of_several_members_comes_out_in_pieces_of_a_bounded_size() -> None:
    bomb = gzip.compress(bytes(25_000_000)) * 3
    chunks = (bomb[at : at + CHUNK_BYTES // 8] for at in range(0, len(bomb), CHUNK_BYTES // 8))
    sizes = [len(piece) for piece in unpacked(chunks, "gzip")]
    assert (sum(sizes), max(sizes)) == (75_000_000, CHUNK_BYTES)


def test_what_is_broken_is_said() -> None:
    with pytest.raises(zlib.error):
        list(unpacked([gzip.compress(SAID)[:10] + b"\xff" * 50], "gzip"))
