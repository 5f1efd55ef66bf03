"""The object store's contract, which S3's adapter and the fake both keep."""

import io
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from darkroom.aws import clients
from darkroom.aws.s3 import PART_BYTES, S3Objects
from darkroom.domain.ports import Listed, ObjectStore
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Fault, TooLarge, Unreadable
from darkroom.streaming.blob import File, Hashed, HashedBlob
from tests.contract.conftest import made_buckets
from tests.fakes.objects import MemoryObjects

ABC = sha256(b"abc").hexdigest()
ABC_TAG = "900150983cd24fb0d6963f7d28e17f72"
KEY = "photos/café 夜+1.jpg"


@pytest.fixture(params=["s3", "memory", pytest.param("localstack", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param == "memory":
        return MemoryObjects()
    if request.param == "localstack":
        request.getfixturevalue("on_localstack")
        made_buckets(boto3.client("s3"))
    else:
        request.getfixturevalue("buckets")
    return S3Objects(clients.s3())


def test_what_was_written_is_read(store: ObjectStore) -> None:
    assert store.write_once("results", KEY, b"abc", "image/png", {"status": "200"})
    stored = store.read(ImageRef("results", KEY))
    assert stored is not None
    assert (stored.data, stored.metadata, stored.etag) == (
        b"abc",
        {"status": "200"},
        ABC_TAG,
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


SSE_C = ("InvalidRequest", "The object was stored using a form of Server Side Encryption.", 400)
KMS = (
    "AccessDenied",
    "… is not authorized to perform: kms:Decrypt … because no identity-based policy allows the kms:Decrypt action",
    403,
)
LOCKED = [
    SSE_C,
    KMS,
    ("KMS.DisabledException", "arn:aws:kms:… is disabled.", 400),
    ("AccessDenied", "… s3:GetObject … with an explicit deny in a resource-based policy", 403),
    ("InvalidObjectState", "The operation is not valid for the object's storage class", 403),
]
READS: dict[str, Callable[[S3Objects, ImageRef], object]] = {
    "read": S3Objects.read,
    "fetch": S3Objects.fetch,
    "part": lambda store, ref: store.part(ref, 0),
}


def failing(*errors: tuple[str, str, int], head: int | None = None) -> tuple[S3Objects, Stubber]:
    """A store whose reads fail like this. `head` is the status of the answer to a HEAD, which has no body."""
    client = boto3.client("s3")
    stub = Stubber(client)
    if head:
        stub.add_client_error("head_object", str(head), "", head)
    for code, words, status in errors:
        stub.add_client_error("get_object", code, words, status)
    stub.activate()
    return S3Objects(client), stub


@pytest.mark.parametrize("how", READS)
@pytest.mark.parametrize("error", LOCKED, ids=lambda error: error[0])
@pytest.mark.parametrize("version", ["v1", None])
def test_what_is_there_and_locked_is_not_gone(how: str, error: tuple[str, str, int], version: str | None) -> None:
    store, _ = failing(error)
    with pytest.raises(Unreadable):
        READS[how](store, ImageRef("uploads", KEY, version))


@pytest.mark.parametrize(("head", "error"), [(400, SSE_C), (403, LOCKED[3])])
def test_what_a_head_cannot_say_is_asked_for_by_a_get(head: int, error: tuple[str, str, int]) -> None:
    store, asked = failing(error, head=head)
    with pytest.raises(Unreadable):
        store.metadata(ImageRef("uploads", KEY, "v1"))
    asked.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status"),
    [("NoSuchKey", 404), ("NoSuchVersion", 404), ("MethodNotAllowed", 405), ("404", 404), ("405", 405)],
)
@pytest.mark.parametrize("how", READS)
def test_a_404_or_a_delete_marker_is_gone(how: str, code: str, status: int) -> None:
    store, _ = failing((code, "", status))
    assert READS[how](store, ImageRef("uploads", KEY, "v1")) is None


@pytest.mark.parametrize("status", [404, 405])
def test_so_it_is_in_a_head(status: int) -> None:
    store, _ = failing(head=status)
    assert store.metadata(ImageRef("uploads", KEY, "v1")) is None


@pytest.mark.usefixtures("buckets")
def test_a_version_that_can_be_none_is_not_there() -> None:
    store = S3Objects(clients.s3())
    store.write_once("uploads", KEY, b"abc", "text/plain")
    assert store.read(ImageRef("uploads", KEY, "no version")) is None


@pytest.mark.parametrize("how", READS)
def test_a_role_that_may_read_nothing_is_our_fault_and_not_the_uploaders(how: str) -> None:
    words = "… may not perform: s3:GetObject because no identity-based policy allows the s3:GetObject action"
    store, _ = failing(("AccessDenied", words, 403))
    with pytest.raises(Fault) as caught:
        READS[how](store, ImageRef("uploads", KEY))
    assert not isinstance(caught.value, Unreadable)


def test_the_store_in_memory_has_locked_objects_too() -> None:
    store = MemoryObjects()
    store.put("uploads", KEY, b"abc")
    store.locked.add(("uploads", KEY))
    for read in (store.read, store.fetch, store.metadata, lambda ref: store.part(ref, 0)):
        with pytest.raises(Unreadable):
            read(ImageRef("uploads", KEY))


def test_what_is_too_large_is_refused(store: ObjectStore) -> None:
    store.write_once("results", KEY, b"abc", "text/plain")
    assert store.read(ImageRef("results", KEY), most_bytes=3)
    with pytest.raises(TooLarge):
        store.read(ImageRef("results", KEY), most_bytes=2)


def test_what_is_fetched_has_its_sha256(store: ObjectStore) -> None:
    store.write_once("results", KEY, b"abc", "text/plain")
    fetched = store.fetch(ImageRef("results", KEY))
    assert fetched is not None
    assert (fetched.data[:], fetched.sha256) == (b"abc", ABC)


def test_a_sha256_that_is_known_is_not_worked_out_again(store: ObjectStore) -> None:
    """A known SHA-256 does not apply to another entity tag."""
    store.write_once("results", KEY, b"abc", "text/plain")
    here = ImageRef("results", KEY)
    for known, told in (({ABC_TAG: "known"}, "known"), ({"another tag": "known"}, ABC)):
        fetched = store.fetch(here, known=known)
        assert fetched is not None
        assert (fetched.data[:], fetched.etag, fetched.sha256) == (b"abc", ABC_TAG, told)


@pytest.mark.parametrize(("kept", "told"), [("a" * 44, b64decode("a" * 44).hex()), ("a" * 44 + "-2", ABC)])
def test_the_sha256_that_s3_has_kept_is_not_worked_out_again(kept: str, told: str) -> None:
    """A multipart object has no SHA-256 of the whole."""
    client = boto3.client("s3")
    body = StreamingBody(io.BytesIO(b"abc"), 3)
    found = {"Body": body, "ContentLength": 3, "ETag": '"tag"', "Metadata": {}, "ChecksumSHA256": kept}
    with Stubber(client) as s3:  # moto keeps none
        s3.add_response("get_object", found, {"Bucket": "results", "Key": KEY})
        fetched = S3Objects(client).fetch(ImageRef("results", KEY))
    assert fetched is not None
    assert (fetched.data[:], fetched.sha256) == (b"abc", told)


def test_what_was_hashed_is_written_with_its_sha256_and_nothing_is_hashed_for_it() -> None:
    client = boto3.client("s3")
    asked = {"Bucket": "results", "Key": KEY, "ContentType": "image/png", "IfNoneMatch": "*", "Metadata": {}}
    checksum = {"ChecksumSHA256": b64encode(bytes.fromhex(ABC)).decode()}
    with Stubber(client) as s3:
        s3.add_response("put_object", {}, {**asked, "Body": ANY, **checksum})
        s3.add_response("put_object", {}, {**asked, "Body": ANY, **checksum})
        s3.add_response("put_object", {}, {**asked, "Body": ANY})
        assert S3Objects(client).write_once("results", KEY, Hashed([b"abc"]), "image/png")
        assert S3Objects(client).write_once("results", KEY, HashedBlob(File([b"abc"])), "image/png")
        assert S3Objects(client).write_once("results", KEY, File([b"abc"]), "image/png")
        s3.assert_no_pending_responses()


def test_an_object_is_read_in_parts_from_any_place_on(store: ObjectStore) -> None:
    data = bytes(range(256)) * (PART_BYTES // 256) + b"and a little more"
    store.write_once("results", KEY, data, "text/plain")
    assert store.part(ImageRef("results", KEY), 0) == data[:PART_BYTES]
    assert store.part(ImageRef("results", KEY), 7) == data[7 : PART_BYTES + 7]
    assert store.part(ImageRef("results", KEY), PART_BYTES + 4) == b"a little more"
    assert store.part(ImageRef("results", KEY), len(data)) == b""
    assert store.part(ImageRef("results", "no such key"), 0) is None


def test_a_key_with_a_line_break_is_a_key_like_others(store: ObjectStore) -> None:
    key = "a/new\nline.jpg"
    assert store.write_once("results", key, b"abc", "image/png", {"status": "200"})
    stored = store.read(ImageRef("results", key))
    assert stored is not None
    assert (stored.data, stored.etag) == (b"abc", ABC_TAG)
    assert store.metadata(ImageRef("results", key)) == {"status": "200"}
    assert store.part(ImageRef("results", key), 1) == b"bc"
    assert store.listed("results", "a/new\n", 50) == Listed([key], is_cut=False)
    store.delete("results", [key])
    assert store.read(ImageRef("results", key)) is None


def test_so_many_keys_of_a_folder_are_listed_and_none_from_below(store: ObjectStore) -> None:
    for key in ("a/é 夜.txt", "a/c.jpg", "a/b.jpg", "a/below/d.jpg", "ab.jpg", "root.jpg"):
        store.write_once("results", key, b"abc", "text/plain")
    assert store.listed("results", "a/", 50) == Listed(["a/b.jpg", "a/c.jpg", "a/é 夜.txt"], is_cut=False)
    assert store.listed("results", "a/", 1) == Listed(["a/b.jpg"], is_cut=True)
    assert store.listed("results", "", 50) == Listed(["ab.jpg", "root.jpg"], is_cut=False)
    assert store.listed("results", "none/", 50) == Listed([], is_cut=False)


def test_a_server_that_answers_with_the_whole_object_is_read_in_parts_too() -> None:
    """HTTP allows a server to ignore a range."""
    client = boto3.client("s3")
    with Stubber(client) as s3:
        s3.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"0123456789"), 10)})
        assert S3Objects(client).part(ImageRef("results", KEY), 4) == b"456789"


def test_a_write_goes_over_what_is_there(store: ObjectStore) -> None:
    for data in (b"first", b"second"):
        store.write("results", KEY, io.BytesIO(data), "application/jsonl", {"source": "s3://u/k"})
    stored = store.read(ImageRef("results", KEY))
    assert stored is not None
    assert (stored.data, stored.metadata) == (b"second", {"source": "s3://u/k"})


def test_what_is_deleted_is_gone_and_what_is_not_there_is_no_fault(store: ObjectStore) -> None:
    for key in ("a", "b", "c"):
        store.write("results", key, io.BytesIO(b"x"), "text/plain")
    store.delete("results", ["a", "b", "never there"])
    assert [store.read(ImageRef("results", key)) is None for key in ("a", "b", "c")] == [True, True, False]


def test_what_s3_says_it_did_not_delete_is_a_fault() -> None:
    client = boto3.client("s3")
    with Stubber(client) as stub:
        stub.add_response("delete_objects", {"Errors": [{"Key": "a", "Code": "AccessDenied"}]})
        with pytest.raises(Fault, match="AccessDenied"):
            S3Objects(client).delete("results", ["a"])


@pytest.mark.usefixtures("buckets")
def test_of_many_that_are_fetched_two_are_at_once_and_the_others_follow() -> None:
    """On a slow machine the test can miss a fault, because a third fetch may come late, but never fails wrongly."""
    client = boto3.client("s3")
    two, three = threading.Barrier(2), threading.Barrier(3)

    def sent(**_: object) -> None:
        two.wait(timeout=10)
        with suppress(threading.BrokenBarrierError):
            three.wait(timeout=0.3)

    client.meta.events.register("before-send.s3.GetObject", sent)
    store = S3Objects(client)
    keys = [f"{number}.png" for number in range(6)]
    for key in keys[1:]:
        store.write_once("results", key, b"abc", "image/png")
    with ThreadPoolExecutor(len(keys)) as pool:
        fetched = list(pool.map(lambda key: store.fetch(ImageRef("results", key)), keys))
    assert [found.data[:] for found in fetched if found] == [b"abc"] * 5  # a missing object gives its place back, too
    assert three.broken
