"""The object store's contract, kept by S3's adapter and by the fake alike."""

import pytest

from darkroom.errors import TooLarge
from darkroom.objects import S3Objects
from darkroom.ports import ObjectStore
from darkroom.request import ImageRef
from tests.fakes import MemoryObjects

KEY = "photos/café 夜+1.jpg"


@pytest.fixture(params=["s3", "memory"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param == "memory":
        return MemoryObjects()
    request.getfixturevalue("buckets")
    return S3Objects(request.getfixturevalue("s3"))


def test_what_was_written_is_read(store: ObjectStore) -> None:
    assert store.write_once("results", KEY, b"abc", "image/png", {"status": "200"})
    stored = store.read(ImageRef("results", KEY))
    assert stored is not None
    assert (stored.data, stored.metadata, stored.etag) == (
        b"abc",
        {"status": "200"},
        "900150983cd24fb0d6963f7d28e17f72",
    )
    assert store.metadata(ImageRef("results", KEY)) == {"status": "200"}


def test_the_first_write_stands(store: ObjectStore) -> None:
    assert store.write_once("results", KEY, b"first", "text/plain")
    assert not store.write_once("results", KEY, b"second", "text/plain")
    stored = store.read(ImageRef("results", KEY))
    assert stored is not None
    assert stored.data == b"first"


def test_what_is_not_there_is_none(store: ObjectStore) -> None:
    assert store.read(ImageRef("results", KEY)) is None
    assert store.metadata(ImageRef("results", KEY)) is None


def test_what_is_too_large_is_refused(store: ObjectStore) -> None:
    store.write_once("results", KEY, b"abc", "text/plain")
    assert store.read(ImageRef("results", KEY), most_bytes=3)
    with pytest.raises(TooLarge):
        store.read(ImageRef("results", KEY), most_bytes=2)
