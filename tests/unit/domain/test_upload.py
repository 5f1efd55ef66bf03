"""An upload: S3's announcement, the kind that its name gives it, and the thread that it belongs to."""

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.domain import keys
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Owner, Upload, folder_instructions, is_near
from darkroom.errors import Fault
from darkroom.uploads.s3_notification import announced


def upload(key: str) -> Upload:
    return Upload("uploads", key, "etag", None, "0A", 5, 0.0)


@pytest.mark.parametrize(
    ("key", "stem", "extension"),
    [
        ("photos/cat.jpg", "photos/cat", ".jpg"),
        ("cat.tar.gz", "cat.tar", ".gz"),
        ("photos.v2/cat", "photos.v2/cat", ""),
        ("photos/.hidden", "photos/.hidden", ""),
        ("Cat.JPG", "Cat", ".JPG"),
        ("猫.png", "猫", ".png"),
    ],
)
def test_the_stem_is_the_key_without_its_last_extension(key: str, stem: str, extension: str) -> None:
    assert (upload(key).stem, upload(key).extension) == (stem, extension)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        *((f"a/photo{extension}", "photo") for extension in
          (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".JPG")),
        ("a/cat.txt", "text"),
        ("a/cat.TXT", "text"),
        ("a/_instruction.txt", "folder_instruction"),
        ("_instruction.txt", "folder_instruction"),
        ("a/", "noise"),
        ("a/.DS_Store", "noise"),
        ("a/.cat.jpg", "noise"),
        ("a/Thumbs.db", "noise"),
        ("a/cat.jpg.tmp", "noise"),
        ("a/cat.part", "noise"),
        *((key, "noise") for key in
          ("a/@eaDir/cat.jpg/SYNOFILE_THUMB_XL.jpg", "#recycle/cat.jpg", "a/.thumbnails/cat.jpg", "__MACOSX/a/cat.jpg",
           "a/._mug.jpg", "a/~$notes.txt", "a/desktop.ini", "a/cat.jpg.crdownload", "a/cat.jpg.partial",
           "a/$RECYCLE.BIN/cat.jpg", "a/cat.jpg.filepart", "a/Desktop.ini", "a/Icon\r")),
        *((f"a/photo{extension}", "photo") for extension in (".jfif", ".jpe", ".jfi", ".jif", ".JFIF", ".jpg_large")),
        ("a/eaDir/cat.jpg", "photo"),
        ("a/@eaDir.jpg", "photo"),
        ("a/cat.json", "request"),
        ("a/cats.jsonl", "batch"),
        ("a/cats.JSONL", "batch"),
        ("a/cats.csv", "batch"),
        ("a/cats.CSV", "batch"),
        ("a/cat.pdf", "unsupported"),
        ("a/cat", "unsupported"),
    ],
)  # fmt: skip
def test_the_name_says_what_it_is(key: str, kind: str) -> None:
    assert upload(key).kind == kind


@pytest.mark.parametrize(
    ("key", "thread"),
    [
        ("photos/cat.jpg", "photos/cat"),
        ("photos/cat.txt", "photos/cat"),
        ("threads/campaign/bottle/cat.jpg", "campaign/bottle"),
        ("threads/campaign/cat.jpg", "campaign"),
        ("threads/cat.jpg", "threads/cat"),
        ("other/threads/a/cat.jpg", "other/threads/a/cat"),
    ],
)
def test_it_belongs_to_the_thread_that_it_lies_in_or_shares_its_stem_with(key: str, thread: str) -> None:
    assert upload(key).thread == thread


@pytest.mark.parametrize("key", ["a//cat.jpg", "/cat.jpg", "threads//cat.jpg", "threads/../cat.jpg", "a\n/cat.jpg"])
def test_a_name_that_is_no_thread_id_gets_a_thread_by_its_hash(key: str) -> None:
    assert upload(key).thread.startswith("key-")


@given(key=st.text(max_size=60))
def test_every_upload_has_a_thread_and_a_kind(key: str) -> None:
    thread = upload(key).thread
    assert keys.thread_id(thread) == thread
    assert upload(key).kind in ("photo", "text", "folder_instruction", "request", "batch", "noise", "unsupported")


@pytest.mark.parametrize(
    "name", ["instruction", "instrution", "instructions", "insturction", "onstruction", "nstruction"]
)
def test_a_name_is_nearly_another_where_one_letter_differs(name: str) -> None:
    assert is_near(name, "instruction")


@pytest.mark.parametrize("name", ["", "i", "construction", "destruction", "instructing me", "instructio ns", "tion"])
def test_where_more_differs_it_is_another_name(name: str) -> None:
    assert not is_near(name, "instruction")


@given(name=st.text(st.sampled_from("abc"), max_size=6), other=st.text(st.sampled_from("abc"), max_size=6))
def test_it_is_nearly_the_other_as_the_other_is_nearly_it(name: str, other: str) -> None:
    assert is_near(name, other) == is_near(other, name)
    assert is_near(name, name)
    assert abs(len(name) - len(other)) <= 1 or not is_near(name, other)


def test_folder_instructions_are_looked_for_from_the_nearest_up() -> None:
    assert list(folder_instructions("a/b/cat.jpg")) == [
        "a/b/_instruction.txt",
        "a/_instruction.txt",
        "_instruction.txt",
    ]
    assert list(folder_instructions("cat.jpg")) == ["_instruction.txt"]


def record(key: str = "cat.jpg", name: str = "ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    described = {"key": key, "size": 5, "eTag": "abc", "versionId": "v1", "sequencer": "0055"} | more
    return {
        "eventName": name,
        "eventTime": "2026-11-22T12:00:00.250Z",
        "s3": {"bucket": {"name": "uploads"}, "object": described},
    }


def test_an_announcement_tells_all_that_is_known_of_an_upload() -> None:
    (arrived,) = announced(json.dumps({"Records": [record()]}))
    assert arrived == Upload("uploads", "cat.jpg", "abc", "v1", "0055", 5, 1_795_348_800.25)


@pytest.mark.parametrize(
    "name", ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Copy"]
)
def test_every_way_to_create_an_object_is_an_upload(name: str) -> None:
    assert len(announced(json.dumps({"Records": [record(name=name)]}))) == 1


@pytest.mark.parametrize(
    "document",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"},
        {"Records": []},
        {"Records": [record(name="ObjectRemoved:Delete")]},
        {},
    ],
)
def test_what_announces_no_upload_is_passed_over(document: object) -> None:
    assert announced(json.dumps(document)) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("[]", "body"),
        ('"hello"', "body"),
        ("[" * 100_000, "body"),
        ('{"Records": null}', "Records"),
        ('{"Records": [5]}', "Records.0"),
        ('{"Records": [{"eventName": "ObjectCreated:Put"}]}', "eventTime"),
        (json.dumps({"Records": [record(key="")]}), "s3.object.key"),
        (json.dumps({"Records": [record(key="\ud800")]}), "s3.object.key"),
        (json.dumps({"Records": [record(size=-1)]}), "s3.object.size"),
        (json.dumps({"Records": [record() | {"eventTime": "0001-01-01T00:00:00+23:59"}]}), "eventTime"),
        (json.dumps({"Records": [record() | {"eventTime": "2026-11-22T12:00:00"}]}), "eventTime"),
        (json.dumps({"Records": [record() | {"s3": None}]}), "s3"),
    ],
)
def test_what_is_no_announcement_is_a_fault_that_names_the_field(body: str, field: str) -> None:
    """It comes back until it is in the dead-letter queue, where a person can look at it."""
    with pytest.raises(Fault, match=f": {field}$"):
        announced(body)


def test_an_entity_tag_comes_without_its_quotes() -> None:
    (arrived,) = announced(json.dumps({"Records": [record(eTag='"abc"')]}))
    assert arrived.etag == "abc"


@given(key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
@example("new\nline.jpg")
@example("a\r\n b+c%0A.jpg")
def test_any_key_comes_back_from_its_announced_form(key: str) -> None:
    (arrived,) = announced(json.dumps({"Records": [record(quote_plus(key))]}))
    assert arrived.key == key


def test_an_announcement_without_version_and_sequencer_is_taken() -> None:
    """Without a size it does not count as empty."""
    bare = record()
    for name in ("versionId", "sequencer", "size"):
        del bare["s3"]["object"][name]
    (arrived,) = announced(json.dumps({"Records": [bare]}))
    assert (arrived.version_id, arrived.sequencer, arrived.size) == (None, "", 1)


# Folders that are kept apart.


def owner(key: str) -> Owner:
    arrived = Upload("uploads", key, "etag", None, "0A", 5, 0.0)
    return Owner(arrived.bucket, key, arrived.stem, arrived.thread)


@pytest.mark.parametrize(
    ("key", "thread", "is_own"),
    [
        ("alice/cat.jpg", "alice/cat", True),
        ("alice/new/cat.jpg", "alice/old", True),
        ("alice/cat.jpg", "alice", True),
        ("alice/cat.jpg", "bob/cat", False),
        ("alice/cat.jpg", "alicex/cat", False),
        ("alice/cat.jpg", "Alice/cat", False),
        ("alice/cat.jpg", "cat", False),
        ("threads/alice/1.jpg", "alice", True),
        ("threads/alice/new/1.jpg", "alice/old", True),
        ("threads/alice/1.jpg", "bob", False),
        ("threads/alice/1.jpg", "threads/alice", False),
        ("caf\u00e9/cat.jpg", "caf\u00e9/dog", True),
        ("cafe\u0301/cat.jpg", "caf\u00e9/dog", False),
        ("cafe\u0301/cat.jpg", "caf\u00e9/cat", False),
        ("threads/cafe\u0301/cat.jpg", "caf\u00e9", False),
        ("\u212bsa/cat.jpg", "\u00c5sa/cat", False),
        ("cat.jpg", "cat", True),
        ("cat.jpg", "cat/dog", False),
        ("cat.jpg", "dog", False),
        ("a//b.jpg", keys.thread_of("a//b"), True),
        ("//b.jpg", "b", False),
        (f"{keys.thread_of('a//b')}.txt", keys.thread_of("a//b"), False),
        (f"{keys.thread_of('a//b')}/c.txt", keys.thread_of("a//b"), False),
        (f"threads/{keys.thread_of('a//b')}/c.txt", keys.thread_of("a//b"), False),
        ("key-1.txt", "key-1", True),
    ],
)
def test_where_folders_are_kept_apart_an_upload_names_threads_of_its_own(key: str, thread: str, is_own: bool) -> None:
    assert (owner(key).strangers(thread, []) == []) == is_own


@pytest.mark.parametrize(
    ("key", "bucket", "image", "is_own"),
    [
        ("alice/a.json", "uploads", "alice/cat.jpg", True),
        ("alice/a.json", "uploads", "alice/new/cat.jpg", True),
        ("alice/a.json", "uploads", "threads/alice/cat.jpg", True),
        ("threads/alice/a.json", "uploads", "alice/cat.jpg", True),
        ("alice/a.json", "uploads", "bob/cat.jpg", False),
        ("alice/a.json", "uploads", "alice", False),
        ("alice/a.json", "uploads", "cat.jpg", False),
        ("alice/a.json", "uploads", "threads/bob/cat.jpg", False),
        ("alice/a.json", "uploads", "threads/cat.jpg", False),
        ("alice/a.json", "results", "threads/alice/cat/00001-abcdef01/image.png", True),
        ("alice/a.json", "results", "threads/bob/cat/00001-abcdef01/image.png", False),
        ("alice/a.json", "results", "alice/cat/00001-abcdef01/image.png", False),
        ("alice/a.json", "results", "rejected/uploads/alice/a.jpg", False),
        ("cat.json", "uploads", "cat.jpg", True),
        ("cat.json", "uploads", "cat", True),
        ("cat.json", "uploads", "cat.old.jpg", False),
        ("cat.json", "uploads", "cats.jpg", False),
        ("cat.json", "uploads", "cat/dog.jpg", False),
        ("cat.json", "uploads", "alice/cat.jpg", False),
        ("cat.json", "results", "threads/cat/00001-abcdef01/image.png", True),
        ("cat.json", "results", "threads/cat/dog/00001-abcdef01/image.png", False),
        ("cafe\u0301/a.json", "results", "threads/caf\u00e9/cat/00001-abcdef01/image.png", False),
    ],
)
def test_and_pictures_of_its_own(key: str, bucket: str, image: str, is_own: bool) -> None:
    named = owner(key)
    assert (named.strangers(named.thread, [ImageRef(bucket, image)]) == []) == is_own


def test_every_stranger_is_named() -> None:
    images = [ImageRef("uploads", "alice/a.jpg"), ImageRef("uploads", "bob/a.jpg"), ImageRef("uploads", "c.jpg")]
    faults = owner("alice/a.json").strangers("bob/cat", images)
    assert [fault.field for fault in faults] == ["thread_id", "images.1", "images.2"]
