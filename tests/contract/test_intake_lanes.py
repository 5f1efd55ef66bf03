"""Uploads and their lanes: a full lane changes when a request is sent, and not which requests there are."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.domain.timing import MAX_AGE_SECONDS
from darkroom.domain.upload import Upload
from tests.contract.test_intake import GRACE, Bucket
from tests.fakes.image_api import png
from tests.fakes.lanes import MemoryLanes
from tests.fakes.queue import MemoryOutbox

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass
class Narrow(Bucket):
    """A bucket with small lanes. Its requests run until the test ends them."""

    places: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ended: set[tuple[str, str]] = set()
        self.lanes = MemoryLanes(self.clock, places=self.places, is_over=lambda *request: request in self.ended)

    def end_all(self) -> None:
        """End every request that was sent."""
        self.ended |= {(thread, request_id) for _, thread, request_id in self.queue.sent}


@pytest.fixture
def memory(dynamodb: "DynamoDBClient", threads_table: str) -> DynamoUploadState:
    return DynamoUploadState(Table(dynamodb, threads_table))


@pytest.fixture
def bucket(memory: DynamoUploadState) -> Narrow:
    return Narrow(memory)


def folder_of(bucket: Bucket, names: str, folder: str = "shop") -> list[Upload]:
    """Photos in a folder with an instruction for all, announced."""
    bucket.upload(f"{folder}/_instruction.txt", "on white")
    photos = [bucket.put(f"{folder}/{name}.jpg", png()) for name in names]
    for photo in photos:
        bucket.announce(photo)
    return photos


def threads(bucket: Bucket) -> list[str]:
    return [thread for thread, _, _ in bucket.asked]


def test_of_a_folders_photos_as_many_are_sent_as_its_lane_has_places(bucket: Narrow) -> None:
    photos = folder_of(bucket, "abcde")
    assert threads(bucket) == ["shop/a", "shop/b"]
    bucket.end_all()
    for photo in reversed(photos):
        bucket.announce(photo)
    assert threads(bucket) == ["shop/a", "shop/b", "shop/e", "shop/d"]
    bucket.end_all()
    for photo in [*photos, *photos]:
        bucket.announce(photo)
    assert sorted(threads(bucket)) == ["shop/a", "shop/b", "shop/c", "shop/d", "shop/e"]


def test_others_do_not_wait_for_a_full_lane(bucket: Narrow) -> None:
    folder_of(bucket, "abcde")
    assert bucket.upload("shop/own.jpg", png(), instruction="night") == "asked"
    assert bucket.upload("cat.jpg", png(), instruction="night") == "asked"
    assert len(folder_of(bucket, "xyz", "other")) == 3
    assert threads(bucket)[2:] == ["shop/own", "cat", "other/x", "other/y"]


@pytest.mark.parametrize("is_operators", [False, True], ids=["the root's words", "the operator's words"])
def test_twenty_folders_in_the_same_words_share_a_lane(memory: DynamoUploadState, is_operators: bool) -> None:
    bucket = Narrow(memory, default_instruction="on white") if is_operators else Narrow(memory)
    if not is_operators:
        bucket.upload("_instruction.txt", "on white")
    photos = [bucket.put(f"product-{number}/new/front.jpg", png()) for number in range(20)]
    assert [bucket.announce(photo) for photo in photos] == ["asked"] * 2 + ["waits"] * 18
    assert len(folder_of(bucket, "ab")) == 2
    assert threads(bucket)[2:] == ["shop/a", "shop/b"]
    assert bucket.upload("product-7/new/side.jpg", png(), instruction="night") == "asked"


def test_folders_below_one_first_folder_share_a_lane_each_in_words_of_its_own(bucket: Narrow) -> None:
    for number in range(4):
        folder_of(bucket, "a", f"shop/product-{number}")
    assert threads(bucket) == ["shop/product-0/a", "shop/product-1/a"]


def test_a_photo_that_waits_in_its_lane_is_not_told_that_it_needs_an_instruction(bucket: Narrow) -> None:
    photos = folder_of(bucket, "abc")
    bucket.clock.advance(10 * GRACE)
    assert bucket.announce(photos[2]) == "waits"
    assert bucket.objects.keys("results") == []


def test_a_request_in_a_file_passes_the_lane_of_its_folder(bucket: Narrow) -> None:
    requests = [bucket.put(f"shop/{name}.json", '{"instruction": "a cat"}') for name in "abc"]
    assert [bucket.announce(upload) for upload in requests] == ["asked", "asked", "waits"]
    assert bucket.upload("other/a.json", '{"instruction": "a cat"}') == "asked"
    bucket.end_all()
    assert bucket.announce(requests[2]) == "nothing new"
    assert threads(bucket) == ["shop/a", "shop/b", "other/a", "shop/c"]


def test_a_follow_up_in_its_own_words_goes_at_once(bucket: Narrow) -> None:
    folder_of(bucket, "abc")
    for name in ("x", "y"):
        bucket.upload(f"shop/{name}.jpg", png(), instruction="night")
    assert bucket.upload("shop/z.jpg", png(), instruction="night") == "waits"
    assert bucket.upload("shop/a.txt", "now at night") == "asked"
    assert bucket.asked[-1] == ("shop/a", "now at night", [])


def test_what_continues_a_thread_in_its_folders_words_passes_the_lane_too(bucket: Narrow) -> None:
    folder_of(bucket, "ab")
    assert bucket.upload("shop/a.jpg", png("blue")) == "waits"
    bucket.end_all()
    assert bucket.upload("shop/b.jpg", png("blue")) == "asked"


def test_what_comes_to_a_stem_stays_behind_what_waits_there(bucket: Narrow) -> None:
    """The photo's own words are asked for too, as without a lane."""
    for name in ("x", "y"):
        bucket.upload(f"{name}.jpg", png(), instruction="night")
    photo, text = bucket.put("cat.jpg", png(), instruction="night"), bucket.put("cat.txt", "snow")
    assert [bucket.announce(photo), bucket.announce(text)] == ["waits", "waits"]
    bucket.clock.advance(10 * GRACE)
    assert bucket.announce(text) == "waits"
    bucket.end_all()
    assert bucket.announce(text) == "asked"
    assert bucket.announce(photo) == "nothing new"
    assert bucket.asked[2:] == [("cat", "night", ["cat.jpg"]), ("cat", "snow", [])]


def test_what_comes_to_a_thread_stays_behind_what_another_stem_asks_in_it(bucket: Narrow) -> None:
    for name in ("x", "y"):
        bucket.upload(f"photos/{name}.jpg", png(), instruction="night")
    bucket.upload("photos/cat.jpg", png(), instruction="night", thread_id="camp")
    text = bucket.put("photos/more.txt", "snow", thread_id="camp")
    assert bucket.announce(text) == "waits"
    bucket.end_all()
    assert bucket.announce(text) == "asked"
    assert bucket.asked[2:] == [("camp", "night", ["photos/cat.jpg"]), ("camp", "snow", [])]


def test_what_waits_in_another_folders_lane_keeps_nobody_from_its_own_thread(bucket: Narrow) -> None:
    """Five requests wait in one folder's lane. Another one from there names a stranger's thread."""
    for name in "abc":
        bucket.upload(f"mallory/{name}.jpg", png(), instruction="night")
    named = bucket.put("mallory/z.jpg", png(), instruction="night", thread_id="victim/cat")
    assert bucket.announce(named) == "waits"
    asked = len(bucket.asked)
    assert bucket.upload("victim/cat.jpg", png(), instruction="snow") == "asked"
    assert bucket.upload("victim/cat.txt", "more snow") == "asked"
    assert bucket.upload("threads/victim/cat/2.jpg", png("blue"), instruction="rain") == "asked"
    assert bucket.asked[asked:] == [
        ("victim/cat", "snow", ["victim/cat.jpg"]),
        ("victim/cat", "more snow", []),
        ("victim/cat", "rain", ["threads/victim/cat/2.jpg"]),
    ]
    bucket.end_all()
    assert bucket.announce(named) == "nothing new"
    assert bucket.asked[-1] == ("victim/cat", "night", ["mallory/z.jpg"])


def test_what_waits_there_does_not_make_a_thread_known_to_others(bucket: Narrow) -> None:
    """Otherwise the victim's text would start before its photo has come."""
    for name in "ab":
        bucket.upload(f"mallory/{name}.jpg", png(), instruction="night")
    bucket.upload("mallory/z.jpg", png(), instruction="night", thread_id="victim/cat")
    assert bucket.upload("victim/cat.txt", "snow") == "waits"
    assert bucket.upload("victim/cat.jpg", png()) == "asked"
    assert bucket.asked[-1] == ("victim/cat", "snow", ["victim/cat.jpg"])


def test_nor_does_it_take_the_order_from_those_whose_thread_it_is(bucket: Narrow) -> None:
    for name in "ab":
        bucket.upload(f"shop/{name}.jpg", png(), instruction="night")
        bucket.upload(f"mallory/{name}.jpg", png(), instruction="night")
    first = bucket.put("shop/cat.jpg", png(), instruction="snow", thread_id="camp")
    between = bucket.put("mallory/z.jpg", png(), instruction="night", thread_id="camp")
    second = bucket.put("shop/more.txt", "rain", thread_id="camp")
    assert [bucket.announce(upload) for upload in (first, between, second)] == ["waits"] * 3
    bucket.end_all()
    bucket.announce(second)
    asked = [words for thread, words, _ in bucket.asked if thread == "camp"]
    assert asked == ["snow", "rain"]


def test_what_an_older_release_remembered_still_goes_first(bucket: Narrow, memory: DynamoUploadState) -> None:
    """That release kept one item for each thread."""
    for name in "ab":
        bucket.upload(f"photos/{name}.jpg", png(), instruction="night")
    bucket.upload("photos/cat.jpg", png(), instruction="night", thread_id="camp")
    table, partition = memory._table, "/uploads/camp"
    (own,) = table.items(partition, "ASKED#")
    table.write(table.delete(partition, own["sk"]))
    text = bucket.put("photos/more.txt", "snow", thread_id="camp")
    assert bucket.announce(text) == "waits"
    bucket.end_all()
    assert bucket.announce(text) == "asked"
    assert [words for thread, words, _ in bucket.asked if thread == "camp"] == ["night", "snow"]


@settings(max_examples=8)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["mallory/a.jpg", "mallory/b.jpg", "other/a.jpg", "victim/a.jpg", "victim/b.txt"]),
            st.sampled_from(["red", "blue"]),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_whatever_others_ask_in_its_thread_an_upload_waits_for_its_own_folder_alone(
    memory: DynamoUploadState, steps: list[tuple[str, str, bool]]
) -> None:
    """If its own lane has room, it is sent at once, however full the other lanes are."""
    bucket, mark = Narrow(memory, places=1), uuid.uuid4().hex
    thread = f"victim-{mark}/a"
    for full in ("mallory", "other"):
        assert bucket.upload(f"{full}-{mark}/full.jpg", png(), instruction="night") == "asked"
    for key, words, names in [*steps, ("mallory/b.jpg", "red", True), ("victim/a.jpg", "green", False)]:
        whose, _, name = key.partition("/")
        named = {"thread_id": thread} if names else {}
        if whose == "victim":
            bucket.ended |= set(bucket.lanes.holders.get(f"own:victim-{mark}", {}))
        about = {"instruction": words, **named} if name.endswith(".jpg") else named
        data = png(words) if name.endswith(".jpg") else words.encode()
        became = bucket.upload(f"{whose}-{mark}/{name}", data, **about)
        if key == "victim/a.jpg":
            assert became in ("asked", "nothing new")


def test_each_change_is_a_request_though_all_of_them_waited(bucket: Narrow) -> None:
    folder_of(bucket, "ab")
    uploads = [bucket.put("shop/c.jpg", png(colour)) for colour in ("red", "blue", "red")]
    for _ in range(6):
        for upload in uploads:
            bucket.announce(upload)
        bucket.end_all()
    assert threads(bucket)[2:] == ["shop/c"] * 3


def test_what_was_decided_is_sent_though_its_photo_is_gone(bucket: Narrow) -> None:
    photos = folder_of(bucket, "abc")
    del bucket.objects.objects["uploads", "shop/c.jpg"]
    bucket.end_all()
    assert bucket.announce(photos[2]) == "gone"
    assert threads(bucket) == ["shop/a", "shop/b", "shop/c"]


def test_an_upload_that_changes_nothing_takes_no_place(bucket: Narrow) -> None:
    folder_of(bucket, "ab")
    bucket.end_all()
    assert bucket.lanes.enter("folder:shop", "another", "r")
    for _ in range(3):
        assert bucket.upload("shop/a.jpg", png()) == "nothing new"
    assert bucket.lanes.holders == {
        "folder:shop": {("another", "r"): bucket.lanes.holders["folder:shop"]["another", "r"]}
    }


def test_before_sqs_forgets_an_upload_it_is_sent_without_a_place(bucket: Narrow) -> None:
    photos = folder_of(bucket, "abc")
    bucket.clock.advance(MAX_AGE_SECONDS - 10)
    for name in ("x", "y"):
        bucket.lanes.enter("folder:shop", name, "r")
    assert bucket.announce(photos[2]) == "waits"
    bucket.clock.advance(10)
    assert bucket.announce(photos[2]) == "nothing new"
    assert threads(bucket) == ["shop/a", "shop/b", "shop/c"]


def test_who_dies_with_a_place_finds_it_again(bucket: Narrow) -> None:
    class Dead(MemoryOutbox):
        def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
            raise RuntimeError

    whole, bucket.queue = bucket.queue, Dead()
    photo = bucket.put("cat.jpg", png(), instruction="night")
    with pytest.raises(RuntimeError):
        bucket.announce(photo)
    bucket.queue = whole
    assert bucket.upload("dog.jpg", png(), instruction="night") == "asked"
    assert bucket.upload("cow.jpg", png(), instruction="night") == "waits"
    assert bucket.announce(photo) == "nothing new"
    assert sorted(threads(bucket)) == ["cat", "dog"]


# Any upload.


def taken_in(
    bucket: Bucket, uploads: Sequence[tuple[str, str]], ends: Sequence[bool]
) -> dict[str, list[tuple[str, int]]]:
    """Each thread's requests: words, number of pictures. Waiting uploads are announced again, in upload order."""
    waiting: list[Upload] = []
    for (key, words), is_end in zip(uploads, ends, strict=True):
        upload = bucket.put(key, png(words), instruction=words) if key.endswith(".jpg") else bucket.put(key, words)
        waiting.append(upload)
        waiting = [upload for upload in waiting if bucket.announce(upload) == "waits"]
        if is_end and isinstance(bucket, Narrow):
            bucket.end_all()
    while waiting:
        bucket.clock.advance(GRACE)
        if isinstance(bucket, Narrow):
            bucket.end_all()
        waiting = [upload for upload in waiting if bucket.announce(upload) == "waits"]
    requests = defaultdict(list)
    for thread, words, images in bucket.asked:
        requests[thread].append((words, len(images)))
    return dict(requests)


@settings(max_examples=8)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["a.jpg", "a.txt", "b.jpg", "c.jpg", "c.txt", "d.txt"]),
            st.sampled_from(["red", "blue"]),
            st.booleans(),
        ),
        max_size=7,
    )
)
def test_with_lanes_the_same_is_asked_in_the_same_order_as_without(
    memory: DynamoUploadState, steps: list[tuple[str, str, bool]]
) -> None:
    narrow, wide, mark = Narrow(memory, places=1), Bucket(memory), uuid.uuid4().hex
    uploads, ends = [(key, words) for key, words, _ in steps], [is_end for *_, is_end in steps]
    one = taken_in(wide, [(f"wide-{mark}/{key}", words) for key, words in uploads], ends)
    other = taken_in(narrow, [(f"narrow-{mark}/{key}", words) for key, words in uploads], ends)
    assert {key.partition("/")[2]: asked for key, asked in other.items()} == {
        key.partition("/")[2]: asked for key, asked in one.items()
    }
