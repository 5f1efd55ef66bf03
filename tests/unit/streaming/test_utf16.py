"""Texts in UTF-16, in chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.streaming.utf16 import as_utf8


@given(text=st.text(max_size=60), codec=st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-8"]), data=st.data())
def test_a_text_comes_in_utf_8_wherever_its_chunks_end(text: str, codec: str, data: st.DataObject) -> None:
    written = f'{{"{text}'.encode(codec)
    cut = data.draw(st.integers(1, 9))
    chunks = [written[at : at + cut] for at in range(0, len(written), cut)]
    assert b"".join(as_utf8(chunks)).decode() == f'{{"{text}'


@pytest.mark.parametrize(
    "head", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM6\0\0\0", b"\0\0\0\x20ftypavif", b"\0a\0", b"\0\0"]
)
def test_what_is_no_text_stays_as_it_is(head: bytes) -> None:
    assert b"".join(as_utf8([head])) == head
