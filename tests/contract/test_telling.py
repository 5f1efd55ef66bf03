"""The uploader of an object that leads to nothing gets the reason and a hint, and following the hint works."""

from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.domain.keys import rejected_upload_key
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.turns import provenance
from tests.contract.test_intake import GRACE, Bucket
from tests.fakes.image_api import png

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHINESE = "把景色换成夜色下雪的场景"
UNREADABLE = {
    "another encoding": CHINESE.encode("gb18030"),
    "too long": b"x" * 8001,
    "far too long": b"x" * 100_000,
    "no text": png(),
}


@pytest.fixture
def bucket(dynamodb: "DynamoDBClient", threads_table: str) -> Bucket:
    return Bucket(DynamoUploadState(Table(dynamodb, threads_table)), default_instruction="brighter")


def after_the_grace(bucket: Bucket, upload: Upload) -> dict[str, Any]:
    """The error for an upload whose other half never comes."""
    assert bucket.announce(upload) == "waits"
    bucket.clock.advance(GRACE)
    assert bucket.announce(upload) == "needs_instruction"
    assert bucket.asked == []
    return bucket.told(upload)


@pytest.mark.parametrize("words", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_photo_whose_text_cannot_be_read_is_not_made_into_something_else(bucket: Bucket, words: bytes) -> None:
    """The words of the folder and of the operator are not the uploader's."""
    bucket.put("shop/_instruction.txt", "folder")
    text = bucket.put("shop/cat.txt", words)
    assert bucket.announce(text) == "invalid_request"
    told = after_the_grace(bucket, bucket.put("shop/cat.jpg", png()))
    assert "'cat.txt': the " in told["message"]
    assert bucket.told(text)["message"] in told["message"]
    assert bucket.upload("shop/cat.txt", CHINESE) == "asked"
    assert bucket.asked == [("shop/cat", CHINESE, ["shop/cat.jpg"])]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_the_longest_text_may_be_in_either_encoding(bucket: Bucket, codec: str) -> None:
    bucket.put("cat.txt", ("👻" * 8000).encode(codec))
    bucket.upload("cat.jpg", png())
    assert bucket.asked == [("cat", "👻" * 8000, ["cat.jpg"])]


def test_a_photo_whose_words_in_metadata_cannot_be_read_is_started_by_its_text(bucket: Bucket) -> None:
    photo = bucket.put("cat.jpg", png(), instruction="=?GB2312?B?5pmv?=")
    assert "metadata 'instruction'" in after_the_grace(bucket, photo)["message"]
    assert bucket.upload("cat.txt", "night") == "asked"
    assert bucket.asked == [("cat", "night", ["cat.jpg"])]


def test_a_photo_whose_folders_words_cannot_be_read_can_be_uploaded_again(bucket: Bucket) -> None:
    broken = bucket.put("shop/_instruction.txt", UNREADABLE["another encoding"])
    assert bucket.announce(broken) == "invalid_request"
    photo = bucket.put("shop/cat.jpg", png())
    assert "Then upload the photo again" in after_the_grace(bucket, photo)["hint"]
    bucket.upload("shop/_instruction.txt", CHINESE.encode("utf-16"))
    assert bucket.upload("shop/cat.jpg", png()) == "asked"
    assert bucket.asked == [("shop/cat", CHINESE, ["shop/cat.jpg"])]


@pytest.mark.parametrize("nothing", [" ", "\u3000\u200b", "=?utf-8?q?_?="])
def test_words_that_nobody_can_see_are_none(bucket: Bucket, nothing: str) -> None:
    bucket.put("shop/_instruction.txt", "folder")
    bucket.put("shop/cat.txt", nothing.replace("=?utf-8?q?_?=", " "))
    bucket.upload("shop/cat.jpg", png(), instruction=nothing)
    assert [words for _, words, _ in bucket.asked] == ["folder"]


@pytest.mark.parametrize("key", ["cat.jpg", "cat.txt"])
def test_a_thread_that_cannot_be_read_is_not_guessed(bucket: Bucket, key: str) -> None:
    upload = bucket.put(key, png() if key.endswith(".jpg") else "night", instruction="x", thread_id="utf-8''%E9")
    assert bucket.announce(upload) == "invalid_request"
    assert (bucket.told(upload)["param"], bucket.asked) == ("thread-id", [])


def test_a_photo_that_stays_empty_is_told(bucket: Bucket) -> None:
    empty = bucket.put("cat.jpg", b"")
    bucket.clock.advance(GRACE)
    assert bucket.announce(empty) == "unsupported_image"
    assert "upload it again" in bucket.told(empty)["hint"].lower()


@pytest.mark.parametrize("key", ["shop/poster.psd", "猫/" + "夜" * 330 + ".cr2", "a b+c%20.pdf"])
def test_what_is_told_leads_back_to_the_upload(bucket: Bucket, key: str) -> None:
    upload = bucket.put(key, "x")
    assert bucket.announce(upload) == "unsupported_file"
    place = rejected_upload_key(key, upload.etag)
    told = bucket.objects.document("results", place)
    assert told["upload"] == {"bucket": "uploads", "key": key, "etag": upload.etag, "version_id": None}
    assert bucket.objects.objects["results", place].metadata["source"].startswith("s3://uploads/")


def test_what_was_told_stays_when_the_photo_is_started_after_all(bucket: Bucket) -> None:
    bucket.default_instruction = ""
    photo = bucket.put("cat.jpg", png())
    after_the_grace(bucket, photo)
    bucket.upload("cat.txt", "night")
    assert bucket.told(photo)["code"] == "needs_instruction"


def test_a_result_that_is_copied_into_the_uploads_begins_a_thread_of_its_own_name(bucket: Bucket) -> None:
    """S3 copies an object's metadata with it."""
    origin: dict[str, Any] = provenance.metadata("shop/mug", "order-1", ImageRef("uploads", "shop/mug.jpg"))
    bucket.upload("shop/next.png", png(), instruction="night", **origin)
    assert bucket.asked == [("shop/next", "night", ["shop/next.png"])]
