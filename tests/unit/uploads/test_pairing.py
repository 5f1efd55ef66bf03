"""Photos and texts, announced in any order and any number of times: the new ones start a request."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.domain.upload import Upload
from darkroom.errors import Unavailable
from darkroom.uploads import pairing
from darkroom.uploads.pairing import Stem, Waiting
from tests.fakes.edge import Clock
from tests.fakes.lanes import MemoryLanes
from tests.fakes.queue import MemoryOutbox
from tests.fakes.stack import intake
from tests.guarantees.uploads.bucket import Version, VersionedBucket
from tests.guarantees.uploads.table import MemoryTable

GRACE = 120.0


class World:
    """A bucket whose uploads are announced when the test says so. Waiting uploads are held."""

    def __init__(self) -> None:
        self.clock = Clock(1000.4)
        self.bucket = VersionedBucket(self.clock)
        self.memory = DynamoUploadState(MemoryTable())
        self.queue = MemoryOutbox()
        self.held: list[Version] = []
        self._intake = intake(
            self.bucket, self.memory, MemoryLanes(self.clock), self.queue, MemoryOutbox(), self.clock, grace=GRACE
        )

    @property
    def uploads(self) -> list[Version]:
        return [version for version in self.bucket.versions if version.data is not None]

    def put(self, key: str, content: str, own: str = "") -> Version:
        """Upload an object without announcing it."""
        self.clock.advance(6)
        return self.bucket.upload(key, content.encode(), {"instruction": own} if own else {})

    def delete(self, key: str) -> None:
        self.bucket.upload(key, None)

    def announce(self, upload: Version) -> str:
        self.clock.advance(0.1)
        try:
            return self._intake.take(upload.announced)
        except Unavailable:
            if upload not in self.held:
                self.held.append(upload)
            return "waits"

    def arrive(self, key: str, content: str, own: str = "") -> str:
        return self.announce(self.put(key, content, own))

    def settle(self) -> None:
        """End the grace of everything that waits."""
        self.clock.advance(GRACE)
        held, self.held = self.held, []
        for upload in held:
            self.announce(upload)

    @property
    def requests(self) -> list[tuple[str, list[str]]]:
        """Each request's words, and the keys of its photos."""
        bodies = [json.loads(body) for body, _, _ in self.queue.sent]
        return [(body["instruction"], [image["key"] for image in body["images"]]) for body in bodies]

    def waiting(self, thread: str) -> list[Waiting]:
        return self.memory.waiting(thread)


PHOTO, TEXT = "photos/cat.jpg", "photos/cat.txt"


def at_rest(world: World) -> list[tuple[str, list[str]]]:
    world.settle()
    return world.requests


# Either order makes one request.


def test_a_photo_whose_text_is_there_starts_at_once() -> None:
    world = World()
    world.put(TEXT, "make it blue")
    world.arrive(PHOTO, "cat")
    assert world.requests == [("make it blue", [PHOTO])]


def test_a_photo_before_its_text_waits_and_makes_one_request_with_it() -> None:
    world = World()
    world.arrive(PHOTO, "cat")
    assert world.requests == []
    world.arrive(TEXT, "make it blue")
    assert world.requests == at_rest(world) == [("make it blue", [PHOTO])]


def test_a_text_before_its_photo_waits_and_makes_one_request_with_it() -> None:
    world = World()
    world.arrive(TEXT, "make it blue")
    assert world.requests == []
    world.arrive(PHOTO, "cat")
    assert world.requests == at_rest(world) == [("make it blue", [PHOTO])]


def test_a_text_alone_starts_after_the_grace() -> None:
    world = World()
    world.arrive(TEXT, "a cat in the snow")
    assert world.requests == []
    assert at_rest(world) == [("a cat in the snow", [])]


def test_a_text_that_comes_after_the_grace_still_starts_its_photo() -> None:
    world = World()
    world.arrive(PHOTO, "cat")
    assert at_rest(world) == []
    world.arrive(TEXT, "make it blue")
    assert world.requests == [("make it blue", [PHOTO])]


def test_words_in_a_photos_metadata_need_no_text() -> None:
    world = World()
    world.arrive(PHOTO, "cat", own="make it blue")
    assert world.requests == at_rest(world) == [("make it blue", [PHOTO])]


@given(
    photo_first=st.booleans(),
    early=st.lists(st.just(0), max_size=2),
    announced=st.permutations([0, 1, 0, 1, 1]),
)
def test_photo_and_text_are_one_request_in_any_order_and_however_often_they_are_announced(
    photo_first: bool, early: Sequence[int], announced: Sequence[int]
) -> None:
    world = World()
    files = [(PHOTO, "cat"), (TEXT, "make it blue")]
    first, second = files if photo_first else reversed(files)
    uploads = [world.put(*first)]
    for which in early:
        world.announce(uploads[which])
    uploads.append(world.put(*second))
    for which in announced:
        world.announce(uploads[which])
    assert at_rest(world) == [("make it blue", [PHOTO])]


# New uploads.


@pytest.mark.parametrize(
    ("saved", "requests"),
    [("A", 1), ("AA", 1), ("AAA", 1), ("AB", 2), ("ABA", 3), ("AABBA", 3), ("ABAB", 4)],
)
def test_other_words_are_the_next_request_and_the_same_words_are_none(saved: str, requests: int) -> None:
    world = World()
    world.arrive(PHOTO, "cat")
    for words in saved:
        world.arrive(TEXT, words)
    assert len(at_rest(world)) == requests
    assert [images for _, images in world.requests] == [[PHOTO]] + [[]] * (requests - 1)


@pytest.mark.parametrize(("taken", "requests"), [("a", 1), ("aaa", 1), ("ab", 2), ("aba", 3)])
def test_another_photo_is_a_new_request_and_the_same_photo_is_none(taken: str, requests: int) -> None:
    world = World()
    world.put(TEXT, "make it blue")
    for content in taken:
        world.arrive(PHOTO, content)
    assert at_rest(world) == [("make it blue", [PHOTO])] * requests


@given(saved=st.lists(st.sampled_from("ABC"), min_size=1, max_size=8), again=st.lists(st.integers(0, 7), max_size=8))
def test_each_change_of_words_is_one_request_whatever_is_announced_again(saved: list[str], again: list[int]) -> None:
    world = World()
    world.arrive(PHOTO, "cat")
    for position, words in enumerate(saved):
        world.arrive(TEXT, words)
        for which in again:
            if which <= position:
                world.announce(world.uploads[which + 1])
    changes = [words for at, words in enumerate(saved) if at == 0 or saved[at - 1] != words]
    assert [words for words, _ in at_rest(world)] == changes


steps = st.lists(
    st.tuples(
        st.sampled_from([PHOTO, TEXT]),
        st.sampled_from("ab"),
        st.sampled_from(["", "", "own words"]),
        st.lists(st.integers(0, 9), max_size=3),
    ),
    min_size=1,
    max_size=7,
)


def history(taken: list[tuple[str, str, str, list[int]]]) -> World:
    """Uploads, each followed by announcements of any of those so far. At the end each has been announced."""
    world = World()
    pending: list[Version] = []
    for key, content, own, announced in taken:
        pending.append(world.put(key, content, own if key == PHOTO else ""))
        for which in announced:
            upload = world.uploads[which % len(world.uploads)]
            world.announce(upload)
            pending = [other for other in pending if other is not upload]
    for upload in pending:
        world.announce(upload)
    world.settle()
    return world


@given(taken=steps, again=st.lists(st.integers(0, 9), min_size=1, max_size=10))
def test_what_is_announced_twice_or_late_starts_nothing(
    taken: list[tuple[str, str, str, list[int]]], again: list[int]
) -> None:
    world = history(taken)
    before = world.requests
    for which in again:
        world.announce(world.uploads[which % len(world.uploads)])
    world.settle()
    assert world.requests == before


@given(taken=steps)
def test_an_upload_that_leaves_everything_as_it_was_starts_nothing(
    taken: list[tuple[str, str, str, list[int]]],
) -> None:
    world = history(taken)
    before = world.requests
    for key in (PHOTO, TEXT):
        newest = next((upload for upload in reversed(world.uploads) if upload.key == key), None)
        if newest:
            world.arrive(key, (newest.data or b"").decode(), newest.metadata.get("instruction", ""))
            world.settle()
    assert world.requests == before


@given(taken=steps)
def test_nothing_is_asked_without_words_and_no_photo_is_left_behind_that_has_some(
    taken: list[tuple[str, str, str, list[int]]],
) -> None:
    world = history(taken)
    assert all(words for words, _ in world.requests)
    keys = {key for key, *_ in taken}
    if keys == {PHOTO, TEXT}:
        assert world.waiting("photos/cat") == []
        assert any(images == [PHOTO] for _, images in world.requests)


def test_a_touched_photo_with_words_of_its_own_starts_nothing_after_a_text_was_saved() -> None:
    world = World()
    world.arrive(PHOTO, "cat", own="make it blue")
    world.arrive(TEXT, "now red")
    world.arrive(PHOTO, "cat", own="make it blue")
    assert at_rest(world) == [("make it blue", [PHOTO]), ("now red", [])]


def test_other_words_in_the_metadata_of_the_same_photo_are_a_new_request() -> None:
    world = World()
    world.arrive(PHOTO, "cat", own="make it blue")
    world.arrive(PHOTO, "cat", own="make it red")
    assert at_rest(world) == [("make it blue", [PHOTO]), ("make it red", [PHOTO])]


def test_the_same_text_saved_again_starts_another_photo_that_needs_an_instruction() -> None:
    """The pair has changed: another photo came while the text was deleted."""
    world = World()
    world.arrive(PHOTO, "cat")
    world.arrive(TEXT, "make it blue")
    world.delete(TEXT)
    world.arrive(PHOTO, "another cat")
    assert at_rest(world) == [("make it blue", [PHOTO])]
    world.arrive(TEXT, "make it blue")
    assert at_rest(world) == [("make it blue", [PHOTO]), ("make it blue", [PHOTO])]


def test_words_that_were_corrected_before_their_photo_came_do_not_come_back() -> None:
    """The photo has found the corrected words, while the message for the earlier ones was hidden."""
    world = World()
    first = world.put(TEXT, "make it blu")
    world.announce(first)
    world.put(TEXT, "make it blue")
    world.arrive(PHOTO, "cat")
    world.announce(first)
    assert at_rest(world) == [("make it blue", [PHOTO])]


def test_a_sequencer_is_compared_as_s3_says_and_not_by_its_length() -> None:
    """The shorter of two is padded with zeros on its right, and case does not count."""

    def upload(sequencer: str, etag: str) -> Upload:
        return Upload("uploads", PHOTO, etag, None, sequencer, 3, 1000.0)

    first = pairing.photo(Stem(), upload("0a0B", "one"), "blue", None).stem
    assert pairing.photo(first, upload("0A", "two"), "red", None).ask is None
    assert pairing.photo(first, upload("0A0C", "two"), "red", None).ask is not None
    assert pairing.photo(first, upload("1", "two"), "red", None).ask is not None


# Two formats of one photo.


FORMATS = ["photos/cat.jpg", "photos/cat.png"]


@given(
    put=st.permutations([*FORMATS, TEXT]),
    is_announced_early=st.booleans(),
    announced=st.permutations([0, 1, 2, 0, 1, 2]),
)
def test_two_formats_and_their_text_are_one_request_in_any_order_and_however_often_they_are_announced(
    put: Sequence[str], is_announced_early: bool, announced: Sequence[int]
) -> None:
    world, uploads = World(), list[Version]()
    for key in put:
        uploads.append(world.put(key, key))
        lie_there = {upload.key for upload in uploads}
        if is_announced_early and (TEXT not in lie_there or lie_there == {TEXT}):
            world.announce(uploads[-1])
    for which in announced:
        world.announce(uploads[which])
    before = world.requests
    assert at_rest(world) == before == [(TEXT, [key for key in put if key != TEXT])]
    for key in put:
        world.arrive(key, key)
    assert at_rest(world) == before


def test_of_many_formats_the_last_that_is_heard_of_starts_all() -> None:
    world = World()
    uploads = [world.put(f"photos/cat.{ending}", ending) for ending in ("jpg", "JPG", "png", "heic")]
    uploads.append(world.put(TEXT, "make it blue"))
    became = [world.announce(uploads[which]) for which in (2, 4, 0, 3, 1)]
    assert became == ["waits", "waits", "waits", "waits", "asked"]
    assert at_rest(world) == [("make it blue", [upload.key for upload in uploads[:4]])]


def test_a_format_that_is_heard_of_after_the_grace_is_a_request_of_its_own() -> None:
    world = World()
    jpg, png = (world.put(key, key) for key in FORMATS)
    text = world.put(TEXT, "make it blue")
    assert {world.announce(upload) for upload in (jpg, text, jpg)} == {"waits"}
    assert at_rest(world) == [("make it blue", [jpg.key])]
    world.announce(png)
    assert at_rest(world) == [("make it blue", [jpg.key]), ("make it blue", [png.key])]


def test_so_is_one_that_comes_when_the_first_has_started() -> None:
    world = World()
    world.put(TEXT, "make it blue")
    assert [world.arrive(key, key) for key in FORMATS] == ["asked", "asked"]
    assert at_rest(world) == [("make it blue", [key]) for key in FORMATS]


def test_a_format_that_waits_for_words_goes_with_the_one_that_finds_them() -> None:
    world = World()
    world.arrive(FORMATS[0], "cat")
    text = world.put(TEXT, "make it blue")
    assert world.arrive(FORMATS[1], "cat") == "asked"
    world.announce(text)
    assert at_rest(world) == [("make it blue", FORMATS)]


def test_a_text_that_says_again_what_was_asked_starts_nothing_where_the_format_that_held_it_is_gone() -> None:
    world = World()
    assert world.arrive(FORMATS[1], "cat", own="make it red") == "asked"
    world.put(FORMATS[0], "cat")
    assert world.arrive(TEXT, "make it blue") == "asked"
    assert world.arrive(FORMATS[1], "another cat") == "waits"
    assert world.arrive(TEXT, "make it blue") == "waits"
    assert world.arrive(TEXT, "make it blue") == "waits"
    world.arrive(FORMATS[1], "a third cat", own="make it green")
    world.delete(FORMATS[0])
    assert [words for words, _ in at_rest(world)] == ["make it red", "make it blue", "make it green"]


@pytest.mark.parametrize("deleted", [0, 1])
def test_a_format_that_is_deleted_is_not_waited_for_or_taken_along(deleted: int) -> None:
    world = World()
    world.put(TEXT, "make it blue")
    uploads = [world.put(key, key) for key in FORMATS]
    assert world.announce(uploads[0]) == "waits"
    world.delete(FORMATS[deleted])
    assert world.announce(uploads[1 - deleted]) == "asked"
    assert world.requests == [("make it blue", [FORMATS[1 - deleted]])]


def test_a_photo_with_words_of_its_own_or_its_folders_waits_for_no_other_format() -> None:
    world = World()
    world.put("photos/_instruction.txt", "make it blue")
    jpg, png = world.put(FORMATS[0], "jpg"), world.put(FORMATS[1], "png", own="make it red")
    world.put("photos/cat.heic", "heic")
    assert [world.announce(upload) for upload in (jpg, png)] == ["asked", "asked"]
    assert world.requests == [("make it blue", [jpg.key]), ("make it red", [png.key])]


def test_two_formats_in_two_threads_are_a_request_each() -> None:
    world = World()
    jpg, png = world.bucket.upload(FORMATS[0], b"jpg", {"thread-id": "trip"}), world.put(FORMATS[1], "png")
    world.put(TEXT, "make it blue")
    for upload in (jpg, png, jpg):
        world.announce(upload)
    assert sorted(at_rest(world)) == [("make it blue", [key]) for key in FORMATS]
    assert [world.waiting(thread) for thread in ("trip", "photos/cat")] == [[], []]
    world.arrive("threads/trip/next.txt", "and now red")
    assert at_rest(world)[2:] == [("and now red", [])]


def test_a_text_takes_every_format_of_its_photo_along_and_each_once() -> None:
    world = World()
    photos = [world.put(f"photos/cat.{extension}", extension) for extension in ("jpg", "heic")]
    for upload in photos:
        world.announce(upload)
    world.arrive(TEXT, "make it blue")
    assert at_rest(world) == [("make it blue", ["photos/cat.jpg", "photos/cat.heic"])]
    for upload in photos:
        world.announce(upload)
        world.arrive(upload.key, (upload.data or b"").decode())
    assert len(at_rest(world)) == 1


def test_a_folder_with_two_formats_of_each_photo_may_be_uploaded_again() -> None:
    world = World()
    world.put("photos/_instruction.txt", "make it blue")
    for _ in range(2):
        for extension in ("jpg", "heic"):
            world.arrive(f"photos/cat.{extension}", extension)
    assert len(at_rest(world)) == 2


# Photos of a named thread.


def dropped(*names: str) -> World:
    world = World()
    for name in names:
        world.arrive(f"threads/trip/{name}", name)
    return world


def test_a_text_in_a_thread_takes_its_waiting_photos_along_oldest_first() -> None:
    world = dropped("b.jpg", "a.jpg")
    world.arrive("threads/trip/next.txt", "put them into one picture")
    assert at_rest(world) == [("put them into one picture", ["threads/trip/b.jpg", "threads/trip/a.jpg"])]
    assert world.waiting("trip") == []


def test_what_was_taken_along_is_not_taken_again() -> None:
    world = dropped("a.jpg", "b.jpg")
    world.arrive("threads/trip/next.txt", "put them into one picture")
    world.arrive("threads/trip/then.txt", "now at night")
    for upload in list(world.uploads):
        world.announce(upload)
    world.arrive("threads/trip/a.jpg", "a.jpg")
    assert [images for _, images in at_rest(world)] == [["threads/trip/a.jpg", "threads/trip/b.jpg"], []]


def test_a_photo_with_words_of_its_own_is_not_taken_along() -> None:
    world = dropped("a.jpg")
    world.arrive("threads/trip/b.jpg", "b", own="make it blue")
    world.arrive("threads/trip/next.txt", "and now red")
    assert at_rest(world) == [("make it blue", ["threads/trip/b.jpg"]), ("and now red", ["threads/trip/a.jpg"])]


def test_a_photo_that_was_deleted_is_not_taken_along() -> None:
    world = dropped("wrong.jpg", "right.jpg")
    world.delete("threads/trip/wrong.jpg")
    world.arrive("threads/trip/next.txt", "make it blue")
    assert at_rest(world) == [("make it blue", ["threads/trip/right.jpg"])]


def test_a_photo_that_was_put_in_another_thread_is_not_taken_along_by_the_first() -> None:
    world = World()
    for thread in ("wrong", "right"):
        world.announce(world.bucket.upload("cat.jpg", b"cat", {"thread-id": thread}))
    for thread in ("wrong", "right"):
        world.arrive(f"threads/{thread}/next.txt", "make it blue")
    assert ("make it blue", ["cat.jpg"]) in world.requests
    assert at_rest(world)[1:] == [("make it blue", [])]


def test_a_text_takes_its_own_photo_along_before_others() -> None:
    world = dropped(*(f"{number:02d}.jpg" for number in range(15)))
    world.arrive("threads/trip/14.txt", "make it blue")
    (_, images), *more = at_rest(world)
    assert (images[0], len(images), more) == ("threads/trip/14.jpg", 14, [])


def test_any_text_dropped_into_a_thread_that_exists_is_the_next_request_at_once() -> None:
    world = dropped("a.jpg")
    for name, words in (("1.txt", "blue"), ("2.txt", "red"), ("3.txt", "red")):
        world.arrive(f"threads/trip/{name}", words)
    assert [words for words, _ in world.requests] == ["blue", "red", "red"]


def test_no_more_photos_are_taken_along_than_one_request_may_have() -> None:
    world = dropped(*(f"{number:02d}.jpg" for number in range(16)))
    world.arrive("threads/trip/next.txt", "a collage")
    world.arrive("threads/trip/rest.txt", "and these")
    assert [len(images) for _, images in world.requests] == [14, 2]


@given(order=st.permutations(["a.jpg", "b.jpg", "next.txt"]), again=st.lists(st.integers(0, 2), max_size=6))
def test_in_a_thread_too_no_photo_is_sent_twice(order: list[str], again: list[int]) -> None:
    world = dropped(*order)
    for which in again:
        world.announce(world.uploads[which])
    world.settle()
    sent = [key for _, images in world.requests for key in images]
    assert len(sent) == len(set(sent))
    assert len(world.requests) == 1
