"""The lines of a file: the same from any place on, however the file is cut into parts."""

from hypothesis import given
from hypothesis import strategies as st

from darkroom.batches import line_reader
from darkroom.batches.line_reader import LINE_BYTES, Line, Place


def read(data: bytes, start: Place | None = None, piece: int = 7) -> list[Line]:
    return list(line_reader.read(lambda offset: data[offset : offset + piece], start or Place()))


texts = st.lists(st.sampled_from([b"a", b"", b"\r", b" ", "雪".encode(), b"bcd" * 5]), max_size=9).map(b"\n".join)


@given(data=texts, piece=st.integers(1, 40))
def test_they_are_what_stands_between_line_feeds(data: bytes, piece: int) -> None:
    whole = data.split(b"\n")
    wanted = whole if whole[-1] else whole[:-1]
    assert [line.data for line in read(data, piece=piece)] == wanted
    assert [line.after.number for line in read(data, piece=piece)] == list(range(1, len(wanted) + 1))


@given(data=texts, pieces=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_from_any_line_on_they_are_the_same(data: bytes, pieces: tuple[int, int]) -> None:
    whole = read(data, piece=pieces[0])
    for position, line in enumerate(whole):
        assert read(data, line.after, pieces[1]) == whole[position + 1 :]


def test_a_mark_at_the_beginning_is_none_of_it_and_elsewhere_it_is() -> None:
    mark = "\ufeff".encode()
    assert [line.data for line in read(mark + b"a\n" + mark + b"b")] == [b"a", mark + b"b"]


def test_a_line_that_is_too_long_is_one_and_nothing_of_it_is_kept() -> None:
    long = b"x" * (3 * LINE_BYTES)
    for data in (b"a\n" + long + b"\nb\n", b"a\n" + long + b"\nb"):
        for piece in (LINE_BYTES // 3, 4 * LINE_BYTES):
            found = read(data, piece=piece)
            assert [line.data for line in found] == [b"a", None, b"b"]
            assert [line.after.number for line in found] == [1, 2, 3]
            assert read(data, found[1].after) == found[2:]
    assert [line.data for line in read(long, piece=LINE_BYTES)] == [None]
    assert [line.data for line in read(b"x" * LINE_BYTES, piece=LINE_BYTES)] == [b"x" * LINE_BYTES]


def test_a_line_that_says_nothing_is_blank() -> None:
    assert [line.is_blank for line in read(b"\n \t\r\na\n")] == [True, True, False]
    assert not Line(None, Place()).is_blank
