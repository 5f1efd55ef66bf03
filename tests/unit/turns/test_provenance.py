"""The origin of a results object in its metadata: for any name, and within S3's limits."""

from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.domain import keys
from darkroom.domain.request_schema import ImageRef
from darkroom.turns import provenance

S3_METADATA_BYTES = 2048
letters = st.characters(codec="utf-8")
object_keys = st.text(letters, min_size=1, max_size=1024).map(
    lambda key: key.encode()[:1024].decode(errors="ignore") or "a"
)
threads = st.text(letters, min_size=1, max_size=256).map(keys.thread_of)


@given(key=object_keys, thread=threads, bucket=st.text("a-z.0-9", min_size=3, max_size=63))
@example("雪" * 341, "雪" * 85, "b" * 63)
@example("👻" * 256, "é" * 128, "b" * 63)
@example("%" * 1024, "%" * 256, "b" * 63)
@example("a" * 974 + "雪" * 16, "t", "b")
def test_any_names_fit_into_metadata_and_come_back_as_far_as_they_fit(key: str, thread: str, bucket: str) -> None:
    origin = provenance.metadata(thread, "r" * 128, ImageRef(bucket, key))
    assert sum(len(name) + len(value) for name, value in origin.items()) <= S3_METADATA_BYTES
    assert all(value.isascii() and value.isprintable() and " " not in value for value in origin.values())
    assert unquote(origin["thread"]) == thread
    source, whole = unquote(origin["source"], errors="strict"), f"s3://{bucket}/{key}"
    if source != whole:
        assert len(origin["source"]) > 900
        assert source[-17:] == f"~{keys.sha256(key)[:16]}"
        assert whole.startswith(source[:-17])


def test_what_a_person_reads_there() -> None:
    places = ImageRef("my-uploads", "shop/blue mug + 茶.jpg"), ImageRef("my-uploads", "other.jpg")
    assert provenance.metadata("shop/blue mug + 茶", "order:4711", *places) == {
        "source": "s3://my-uploads/shop/blue%20mug%20%2B%20%E8%8C%B6.jpg",
        "thread": "shop/blue%20mug%20%2B%20%E8%8C%B6",
        "request": "order:4711",
    }


def test_what_is_not_known_is_left_out() -> None:
    assert provenance.metadata(None, None) == {}
    assert provenance.metadata("t", "r") == {"thread": "t", "request": "r"}
