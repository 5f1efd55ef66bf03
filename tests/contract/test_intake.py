"""Uploads from end to end without S3's events: an object becomes a message, or its uploader gets an error."""

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.batches import batch_file
from darkroom.domain import keys
from darkroom.domain.keys import rejected_upload_key
from darkroom.domain.upload import Upload
from darkroom.errors import Outdated, Unavailable
from darkroom.pictures.decoding import MAX_FILE_BYTES
from darkroom.uploads.intake import Intake, Taken
from darkroom.uploads.pairing import Stem
from tests.fakes.edge import Clock
from tests.fakes.image_api import png
from tests.fakes.lanes import MemoryLanes
from tests.fakes.objects import MemoryObjects
from tests.fakes.queue import MemoryOutbox
from tests.fakes.stack import intake

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

GRACE = 120


@dataclass
class Bucket:
    """The uploads bucket, which announces an object when the test says so."""

    memory: DynamoUploadState
    default_instruction: str = ""
    keeps_folders_apart: bool = False
    clock: Clock = field(default_factory=Clock)
    queue: MemoryOutbox = field(default_factory=MemoryOutbox)
    batches: MemoryOutbox = field(default_factory=MemoryOutbox)
    lanes: MemoryLanes = field(default_factory=MemoryLanes)

    def __post_init__(self) -> None:
        self.objects = MemoryObjects(self.clock)
        self._sequence = 0

    def put(self, key: str, data: bytes | str, parts: int | None = None, /, **metadata: str) -> Upload:
        """Put an object. Return the announcement that S3 will make."""
        raw = data.encode() if isinstance(data, str) else data
        named = {name.replace("_", "-"): value for name, value in metadata.items()}
        etag = self.objects.put("uploads", key, raw, named, parts)
        self._sequence += 1
        self.clock.advance(1)
        return Upload("uploads", key, etag, None, f"{self._sequence:016X}", len(raw), self.clock())

    @property
    def taking(self) -> Intake:
        return intake(
            self.objects,
            self.memory,
            self.lanes,
            self.queue,
            self.batches,
            self.clock,
            grace=GRACE,
            default_instruction=self.default_instruction,
            keeps_folders_apart=self.keeps_folders_apart,
        )

    def announce(self, upload: Upload) -> str:
        try:
            return self.taking.take(upload)
        except Unavailable as trouble:
            return "waits" if trouble.retry_after else "fails"

    def upload(self, key: str, data: bytes | str, parts: int | None = None, /, **metadata: str) -> str:
        return self.announce(self.put(key, data, parts, **metadata))

    @property
    def asked(self) -> list[tuple[str, str, list[str]]]:
        """The requests: thread, words, and the photos' keys."""
        bodies = [json.loads(body) for body, _, _ in self.queue.sent]
        return [(body["thread_id"], body["instruction"], [image["key"] for image in body["images"]]) for body in bodies]

    def told(self, upload: Upload) -> dict[str, Any]:
        """The error that the uploader gets."""
        document = self.objects.document("results", rejected_upload_key(upload.key, upload.etag))
        return dict(document["error"])


@pytest.fixture
def bucket(dynamodb: "DynamoDBClient", threads_table: str) -> Bucket:
    return Bucket(DynamoUploadState(Table(dynamodb, threads_table)))


def test_a_photo_with_words_in_its_metadata_starts_at_once(bucket: Bucket) -> None:
    assert bucket.upload("photos/cat.jpg", png(), instruction="=?utf-8?q?caf=C3=A9?=") == "asked"
    assert bucket.asked == [("photos/cat", "café", ["photos/cat.jpg"])]


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\x1b", "\x7f", "%0A", "+"])
def test_a_name_with_a_line_break_or_a_mark_is_a_name_like_others(bucket: Bucket, mark: str) -> None:
    """S3 accepts such keys. The emulator's IAM does not: there, a policy's `*` matches no line break."""
    stem = f"shop/new{mark}line"
    bucket.upload(f"{stem}.jpg", png())
    assert bucket.upload(f"{stem}.txt", "night") == "asked"
    assert bucket.asked == [(keys.thread_of(stem), "night", [f"{stem}.jpg"])]
    other = bucket.put(f"{stem}.doc", b"x")
    assert bucket.announce(other) == "unsupported_file"
    assert bucket.told(other)["code"] == "unsupported_file"


def test_a_photo_that_waited_says_that_its_request_is_on_its_way(bucket: Bucket) -> None:
    """An unchanged photo that is uploaded again is only "nothing new"."""
    photo = bucket.put("cat.jpg", png())
    assert bucket.announce(photo) == "waits"
    assert bucket.upload("cat.txt", "night") == "asked"
    assert bucket.taking.taken(photo) == Taken("cat.jpg", "nothing new", "its request is on its way, or has ended")
    again = bucket.put("cat.jpg", png())
    assert bucket.taking.taken(again) == Taken("cat.jpg", "nothing new")


@pytest.mark.parametrize("text_first", [True, False])
def test_photo_and_text_pair_in_either_order_and_once(bucket: Bucket, text_first: bool) -> None:
    photo = bucket.put("photos/cat.jpg", png())
    text = bucket.put("photos/cat.txt", "\ufeffnight\r\n")
    for upload in (text, photo) if text_first else (photo, text):
        bucket.announce(upload)
    assert bucket.asked == [("photos/cat", "night", ["photos/cat.jpg"])]


def test_words_with_what_sqs_allows_in_no_message_are_sent_and_are_the_same(bucket: Bucket) -> None:
    """A byte order mark in the middle of a UTF-16 text becomes U+FFFE, when two files are joined."""
    bucket.upload("dog.jpg", png())
    bucket.upload("dog.txt", "night\ufffe and snow\uffff 猫")
    assert bucket.asked[-1] == ("dog", "night\ufffe and snow\uffff 猫", ["dog.jpg"])
    assert all(body.isascii() for body, _, _ in bucket.queue.sent)


def test_how_a_photo_was_cut_for_its_upload_does_not_make_it_another(bucket: Bucket) -> None:
    """Copying an object onto itself joins its parts, which changes the entity tag."""
    assert bucket.upload("cat.jpg", png(), 3, instruction="night") == "asked"
    assert bucket.upload("cat.jpg", png(), instruction="night") == "nothing new"
    assert bucket.upload("cat.jpg", png(), 2, instruction="night") == "nothing new"
    assert bucket.upload("cat.jpg", png("blue"), 2, instruction="night") == "asked"


def test_how_a_batch_file_was_cut_does_not_make_it_another(bucket: Bucket) -> None:
    assert bucket.upload("many.jsonl", "{}", 2) == "batch"
    assert bucket.upload("many.jsonl", "{}") == "nothing new"
    assert bucket.upload("many.jsonl", "{ }", 2) == "batch"


@pytest.mark.parametrize("key", ["cat.jpg", "many.jsonl", "many.csv"])
def test_what_comes_too_late_is_not_read(bucket: Bucket, key: str) -> None:
    late, newer = (bucket.put(key, png(colour), 3, instruction="night") for colour in ("red", "blue"))
    bucket.announce(newer)
    read = bucket.objects.parts_read
    assert read
    assert bucket.announce(late) == "nothing new"
    assert bucket.objects.parts_read == read


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("cat.jpg", None),
        ("cat.jpg", 2),
        ("cat.txt", None),
        ("cat.json", None),
        ("many.jsonl", 2),
        ("_instruction.txt", None),
    ],
)
def test_a_file_that_may_not_be_read_is_told(bucket: Bucket, key: str, parts: int | None) -> None:
    locked = bucket.put(key, "{}", parts)
    bucket.objects.locked.add(("uploads", key))
    assert bucket.announce(locked) == "unreadable"
    told = bucket.told(locked)
    assert (told["code"], told["retryable"]) == ("unreadable", False)
    assert "Upload it again without one" in told["hint"]
    bucket.objects.locked.clear()
    assert bucket.upload("dog.jpg", png(), instruction="night") == "asked"


def test_a_photo_whose_text_may_not_be_read_is_told_which_file_it_is(bucket: Bucket) -> None:
    """It does not start with words that its uploader did not mean."""
    bucket.upload("_instruction.txt", "on white")
    bucket.put("cat.txt", "night")
    bucket.objects.locked.add(("uploads", "cat.txt"))
    photo = bucket.put("cat.jpg", png())
    assert bucket.announce(photo) == "waits"
    bucket.clock.advance(GRACE)
    assert bucket.announce(photo) == "needs_instruction"
    assert "'cat.txt' is there, and may not be read" in bucket.told(photo)["message"]
    bucket.objects.locked.clear()
    assert bucket.upload("cat.txt", "night") == "asked"


def test_a_photo_that_was_replaced_by_one_that_may_not_be_read_is_not_taken_along(bucket: Bucket) -> None:
    assert bucket.upload("threads/trip/a.jpg", png()) == "waits"
    bucket.objects.locked.add(("uploads", "threads/trip/a.jpg"))
    assert bucket.upload("threads/trip/b.jpg", png("blue")) == "waits"
    assert bucket.upload("threads/trip/1.txt", "a postcard") == "asked"
    assert bucket.asked == [("trip", "a postcard", ["threads/trip/b.jpg"])]


def test_a_photo_in_parts_that_cannot_be_used_is_told_by_its_own_entity_tag(bucket: Bucket) -> None:
    photo = bucket.put("cat.jpg", png(), 2)
    bucket.clock.advance(GRACE)
    assert bucket.announce(photo) == "needs_instruction"
    assert bucket.told(photo)["code"] == "needs_instruction"


def test_a_texts_own_photo_and_the_oldest_are_found_among_however_many_wait(bucket: Bucket) -> None:
    for number in range(120):
        bucket.upload(f"threads/x/{number:03}.jpg", png())
    bucket.upload("threads/x/119.txt", "night")
    assert bucket.asked[0][2] == [f"threads/x/{number:03}.jpg" for number in (119, *range(13))]


def test_what_is_too_large_for_any_request_is_not_read(bucket: Bucket) -> None:
    """Such an object counts by its entity tag, whatever its content."""
    for parts in (2, 3):
        photo = bucket.put("cat.jpg", png(), parts, instruction="night")
        assert bucket.announce(replace(photo, size=MAX_FILE_BYTES + 1)) == "asked"


def test_the_photo_arrives_after_its_text(bucket: Bucket) -> None:
    text = bucket.put("cat.txt", "night")
    assert bucket.announce(text) == "waits"
    bucket.clock.advance(60)
    assert bucket.upload("cat.jpg", png()) == "asked"
    bucket.clock.advance(61)
    assert bucket.announce(text) == "nothing new"
    assert bucket.asked == [("cat", "night", ["cat.jpg"])]


def test_what_is_heard_of_late_waits_as_long_for_its_other_half(bucket: Bucket) -> None:
    """Ten thousand pairs that are dropped together take longer than the grace."""
    text, photo = bucket.put("cat.txt", "night"), bucket.put("cat.jpg", png())
    bucket.clock.advance(3 * GRACE)
    text = replace(text, heard_at=bucket.clock())
    assert bucket.announce(text) == "waits"
    assert bucket.announce(replace(photo, heard_at=bucket.clock())) == "asked"
    bucket.clock.advance(GRACE)
    assert bucket.announce(text) == "nothing new"
    assert bucket.asked == [("cat", "night", ["cat.jpg"])]


def test_the_text_arrives_after_its_photo(bucket: Bucket) -> None:
    photo = bucket.put("cat.jpg", png())
    assert bucket.announce(photo) == "waits"
    assert bucket.upload("cat.txt", "night") == "asked"
    bucket.clock.advance(GRACE)
    assert bucket.announce(photo) == "nothing new"
    assert bucket.asked == [("cat", "night", ["cat.jpg"])]


def test_a_photo_that_nobody_said_anything_about_is_told_and_the_text_still_starts_it(bucket: Bucket) -> None:
    photo = bucket.put("cat.jpg", png())
    assert bucket.announce(photo) == "waits"
    bucket.clock.advance(GRACE)
    assert bucket.announce(photo) == "needs_instruction"
    assert "cat.txt" in bucket.told(photo)["hint"]
    assert bucket.upload("cat.txt", "night") == "asked"
    assert bucket.asked == [("cat", "night", ["cat.jpg"])]


def test_the_nearest_folders_words_hold_and_start_nothing_themselves(bucket: Bucket) -> None:
    assert bucket.upload("_instruction.txt", "far") == "kept"
    assert bucket.upload("shop/_instruction.txt", "near") == "kept"
    bucket.upload("shop/new/shoe.jpg", png())
    assert bucket.asked == [("shop/new/shoe", "near", ["shop/new/shoe.jpg"])]


def test_its_own_text_weighs_more_than_the_folders(bucket: Bucket) -> None:
    bucket.upload("_instruction.txt", "folder")
    bucket.put("cat.txt", "own")
    bucket.upload("cat.jpg", png())
    assert [words for _, words, _ in bucket.asked] == ["own"]


def test_the_operators_words_hold_where_there_are_no_others(bucket: Bucket) -> None:
    bucket.default_instruction = "brighter"
    bucket.upload("cat.jpg", png())
    assert [words for _, words, _ in bucket.asked] == ["brighter"]


def test_saving_the_text_again_with_other_words_is_the_next_turn(bucket: Bucket) -> None:
    bucket.upload("cat.jpg", png(), instruction="night")
    bucket.upload("cat.txt", "snow")
    assert bucket.upload("cat.txt", "snow") == "nothing new"
    bucket.upload("cat.txt", "rain")
    bucket.upload("cat.txt", "snow")
    assert bucket.asked == [
        ("cat", "night", ["cat.jpg"]),
        ("cat", "snow", []),
        ("cat", "rain", []),
        ("cat", "snow", []),
    ]


def test_a_b_a_is_three_turns_and_a_a_a_is_one(bucket: Bucket) -> None:
    for colour in ("red", "red", "red", "blue", "red"):
        bucket.upload("cat.jpg", png(colour), instruction="night")
    assert len(bucket.asked) == 3
    assert len({request_id for _, _, request_id in bucket.queue.sent}) == 3


def test_announced_twice_or_late_starts_nothing(bucket: Bucket) -> None:
    first = bucket.put("cat.jpg", png("red"), instruction="night")
    bucket.announce(first)
    bucket.announce(first)
    second = bucket.put("cat.jpg", png("blue"), instruction="night")
    bucket.announce(second)
    assert bucket.announce(first) == "nothing new"
    assert bucket.announce(second) == "nothing new"
    assert len(bucket.asked) == 2


def test_a_photo_that_is_touched_after_its_text_was_saved_starts_nothing(bucket: Bucket) -> None:
    bucket.upload("cat.jpg", png(), instruction="night")
    bucket.upload("cat.txt", "snow")
    assert bucket.upload("cat.jpg", png(), instruction="night") == "nothing new"


def test_a_text_in_a_thread_takes_its_waiting_photos_along(bucket: Bucket) -> None:
    for name in ("a", "b"):
        assert bucket.upload(f"threads/trip/rome/{name}.jpg", png("red" if name == "a" else "blue")) == "waits"
    bucket.upload("threads/trip/rome/01.txt", "a postcard")
    bucket.upload("threads/trip/rome/02.txt", "at night")
    assert bucket.asked == [
        ("trip/rome", "a postcard", ["threads/trip/rome/a.jpg", "threads/trip/rome/b.jpg"]),
        ("trip/rome", "at night", []),
    ]
    assert bucket.upload("threads/trip/rome/a.jpg", png("red")) == "nothing new"


def test_a_text_without_a_picture_waits_and_then_starts_from_words(bucket: Bucket) -> None:
    text = bucket.put("dream.txt", "a castle")
    assert bucket.announce(text) == "waits"
    bucket.clock.advance(GRACE)
    assert bucket.announce(text) == "asked"
    assert bucket.announce(text) == "nothing new"
    assert bucket.asked == [("dream", "a castle", [])]


def test_a_named_thread_is_joined(bucket: Bucket) -> None:
    bucket.upload("a.jpg", png(), instruction="x", thread_id="campaign/bottle")
    bucket.upload("b.txt", "y", thread_id="campaign/bottle")
    assert [thread for thread, _, _ in bucket.asked] == ["campaign/bottle"] * 2


@pytest.mark.parametrize("text_first", [True, False])
def test_a_photo_of_a_named_thread_and_its_text_are_one_request(bucket: Bucket, text_first: bool) -> None:
    photo = bucket.put("p/cat.jpg", png(), thread_id="camp")
    text = bucket.put("p/cat.txt", "snow")
    for upload in (text, photo) if text_first else (photo, text):
        bucket.announce(upload)
    bucket.clock.advance(GRACE)
    bucket.announce(text)
    bucket.upload("p/cat.txt", "rain")
    assert bucket.asked == [("camp", "snow", ["p/cat.jpg"]), ("camp", "rain", [])]


def test_two_photos_of_one_stem_announced_twice_are_two_requests(bucket: Bucket) -> None:
    jpg = bucket.put("cat.jpg", png("red"), instruction="night")
    webp = bucket.put("cat.webp", png("blue"), instruction="snow")
    for upload in (jpg, webp, jpg, webp, jpg):
        bucket.announce(upload)
    assert len(bucket.asked) == 2


def test_a_name_that_is_no_thread_id_gives_a_hash(bucket: Bucket) -> None:
    bucket.upload("a//b.jpg", png(), instruction="x")
    assert bucket.asked[0][0].startswith("key-")
    assert bucket.asked[0][2] == ["a//b.jpg"]


@pytest.mark.parametrize(
    "key", ["folder/", ".DS_Store", "a/.hidden.jpg", ".thumbnails/cat.jpg", "Thumbs.db", "x.tmp", "cat.jpg.part"]
)
def test_noise_is_ignored(bucket: Bucket, key: str) -> None:
    assert bucket.upload(key, "") == "ignored"
    assert bucket.objects.keys("results") == []


def test_a_key_that_climbs_is_a_key_like_others(bucket: Bucket) -> None:
    assert bucket.upload("a/../cat.jpg", png(), instruction="night") == "asked"
    assert bucket.asked[0][2] == ["a/../cat.jpg"]


def test_a_file_of_another_kind_is_told(bucket: Bucket) -> None:
    upload = bucket.put("report.pdf", "x")
    assert bucket.announce(upload) == "unsupported_file"
    assert bucket.told(upload)["code"] == "unsupported_file"


def test_a_folders_words_under_a_name_that_is_not_looked_at_are_told(bucket: Bucket) -> None:
    upload = bucket.put("shop/_Instruction.txt", "brighter")
    assert bucket.announce(upload) == "unsupported_file"
    assert "_instruction.txt" in bucket.told(upload)["hint"]


@pytest.mark.parametrize("words", [" \r\n", "x" * 8001, "x" * 100_000, b"caf\xe9", b"\xff\xfenop"])
@pytest.mark.parametrize("key", ["cat.txt", "shop/_instruction.txt"])
def test_a_text_that_says_nothing_clear_is_told(bucket: Bucket, key: str, words: str | bytes) -> None:
    upload = bucket.put(key, words)
    bucket.announce(upload)
    assert bucket.told(upload)["code"] == "invalid_request"


def test_an_empty_text_is_not_there_yet(bucket: Bucket) -> None:
    empty = bucket.put("dream.txt", "")
    assert bucket.announce(empty) == "waits"
    text = bucket.put("dream.txt", "a castle")
    assert bucket.announce(text) == "waits"
    bucket.clock.advance(GRACE)
    assert bucket.announce(empty) == "nothing new"
    assert bucket.announce(text) == "asked"


def test_a_text_that_stays_empty_is_told(bucket: Bucket) -> None:
    empty = bucket.put("dream.txt", "")
    bucket.clock.advance(GRACE)
    assert bucket.announce(empty) == "invalid_request"


def test_a_photo_that_is_emptied_and_written_again_is_the_one_that_it_was(bucket: Bucket) -> None:
    """A mounted drive empties a file before it writes it anew, and the words have changed since."""
    bucket.upload("cat.jpg", png(), instruction="night")
    bucket.upload("cat.txt", "snow")
    empty = bucket.put("cat.jpg", b"", instruction="night")
    assert bucket.announce(empty) == "waits"
    assert bucket.upload("cat.jpg", png(), instruction="night") == "nothing new"
    bucket.clock.advance(GRACE)
    assert bucket.announce(empty) == "nothing new"


def test_an_empty_photo_is_not_there_yet(bucket: Bucket) -> None:
    empty = bucket.put("cat.jpg", b"", instruction="night")
    assert bucket.announce(empty) == "waits"
    bucket.upload("cat.jpg", png(), instruction="night")
    bucket.clock.advance(GRACE)
    assert bucket.announce(empty) == "nothing new"
    assert len(bucket.asked) == 1


def test_what_was_sent_meanwhile_is_not_written_down_as_unsent_again(bucket: Bucket) -> None:
    """A worker with an older copy of the stem would send it again, after its id has been forgotten."""
    upload = bucket.put("cat.jpg", png(), instruction="night")
    unsent = bucket.memory.decide("cat", upload, Stem(outbox="a request"), None, None, left="cat")
    bucket.memory.sent("cat", "cat", unsent)
    with pytest.raises(Outdated):
        bucket.memory.decide("cat", upload, unsent, None, None, left="cat")
    assert bucket.memory.stem("cat", "cat").outbox is None


def body(bucket: Bucket, number: int = -1) -> dict[str, Any]:
    return dict(json.loads(bucket.queue.sent[number][0]))


def test_a_request_file_is_one_request_with_pictures_beside_it(bucket: Bucket) -> None:
    document = {"instruction": "雪", "images": ["cat.jpg", "../b.png"], "options": {"size": "1:1"}, "parent_turn": 0}
    assert bucket.upload("shop/a/b.json", json.dumps(document)) == "asked"
    asked = body(bucket)
    assert asked["request_id"].startswith("upload-")
    assert (asked["thread_id"], asked["instruction"], asked["options"], asked["parent_turn"]) == (
        "shop/a/b", "雪", {"size": "1:1"}, 0,
    )  # fmt: skip
    assert [(image["bucket"], image["key"]) for image in asked["images"]] == [
        ("uploads", "shop/a/cat.jpg"),
        ("uploads", "shop/b.png"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_request_file_may_have_a_mark_and_other_line_ends(bucket: Bucket, encoding: str) -> None:
    assert bucket.upload("a.json", '{"instruction":\r\n"雪"}\r\n'.encode(encoding)) == "asked"
    assert body(bucket)["instruction"] == "雪"


def test_a_request_file_belongs_to_the_thread_that_it_names_or_its_object_does(bucket: Bucket) -> None:
    bucket.upload("a.json", '{"instruction": "x", "thread_id": "in it", "request_id": "r"}', thread_id="beside")
    bucket.upload("b.json", '{"instruction": "x"}', thread_id="beside")
    bucket.upload("threads/trip/c.json", '{"instruction": "x"}')
    assert [thread for thread, _, _ in bucket.asked] == ["in it", "beside", "trip"]
    assert body(bucket, 0)["request_id"] == "r"


@pytest.mark.parametrize(("saved", "requests"), [("A", 1), ("AAA", 1), ("AB", 2), ("ABA", 3)])
def test_a_request_file_with_other_content_is_a_new_request(bucket: Bucket, saved: str, requests: int) -> None:
    for words in saved:
        bucket.upload("a.json", json.dumps({"instruction": words}))
    assert len(bucket.asked) == len({request_id for _, _, request_id in bucket.queue.sent}) == requests


def test_a_request_file_that_is_announced_twice_or_late_starts_nothing(bucket: Bucket) -> None:
    first, second = (bucket.put("a.json", json.dumps({"instruction": words})) for words in "AB")
    assert [bucket.announce(upload) for upload in (second, first, second)] == ["asked", "nothing new", "nothing new"]


def test_a_request_that_is_too_large_to_be_remembered_is_told(bucket: Bucket) -> None:
    """As ASCII JSON it is longer than its file."""
    images = [{"bucket": "uploads", "key": f"{number}.jpg", "version_id": "😀" * 1024} for number in range(14)]
    metadata = {f"{number}": "😀" * 512 for number in range(16)}
    document = {"instruction": "😀" * 8000, "images": images, "metadata": metadata}
    upload = bucket.put("cat.json", json.dumps(document, ensure_ascii=False))
    assert bucket.announce(upload) == "invalid_request"
    assert "350,000" in bucket.told(upload)["message"]


def test_a_request_file_leaves_the_photo_of_its_stem_waiting(bucket: Bucket) -> None:
    photo = bucket.put("cat.jpg", png())
    assert bucket.announce(photo) == "waits"
    bucket.upload("cat.json", '{"instruction": "another"}')
    assert bucket.upload("cat.txt", "night") == "asked"
    assert bucket.asked[-1] == ("cat", "night", ["cat.jpg"])


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("{", "body"),
        ("[]", "body"),
        ('{"images": []}', "instruction"),
        ('{"instruction": "x", "images": ["/a.jpg"]}', "images.0"),
        ('{"instruction": "x", "custom_id": "a"}', "custom_id"),
        (b"\xff\xfe\xff", "body"),
        ('"' + "x" * (1 << 20) + '"', "body"),
    ],
)
def test_a_broken_request_file_is_told_what_is_wrong(bucket: Bucket, content: str | bytes, field: str) -> None:
    upload = bucket.put("shop/a.json", content)
    assert bucket.announce(upload) == "invalid_request"
    assert bucket.told(upload)["param"] == field
    assert bucket.told(upload)["hint"]
    assert bucket.asked == []


@pytest.mark.parametrize("key", ["a.json", "a.jsonl", "a.csv"])
def test_an_empty_file_is_not_there_yet_and_told_when_it_stays_so(bucket: Bucket, key: str) -> None:
    empty = bucket.put(key, "")
    assert bucket.announce(empty) == "waits"
    bucket.clock.advance(GRACE)
    assert bucket.announce(empty) == "invalid_request"
    assert bucket.told(empty)["hint"]


@pytest.mark.parametrize(("key", "content"), [("cat.jpg", png()), ("dream.txt", b"a castle"), ("a.json", b"{}")])
def test_what_is_filled_and_not_yet_heard_of_is_not_told_as_empty(bucket: Bucket, key: str, content: bytes) -> None:
    """Under load the message for the filled file comes long after the one for the empty file."""
    empty = bucket.put(key, b"")
    bucket.put(key, content)
    bucket.clock.advance(GRACE)
    assert bucket.announce(empty) == "nothing new"


def test_a_batch_file_begins_a_batch_once_for_each_content(bucket: Bucket) -> None:
    first = bucket.put("shop/spring.jsonl", "{}")
    assert [bucket.announce(first) for _ in range(2)] == ["batch", "nothing new"]
    assert bucket.upload("shop/spring.jsonl", "{}") == "nothing new"
    assert bucket.upload("shop/spring.jsonl", "[]") == "batch"
    assert bucket.announce(first) == "nothing new"
    begun = [batch_file.from_body(body) for body, _, _ in bucket.batches.sent]
    assert [(batch.key, batch.generation, batch.etag) for batch in begun] == [
        ("shop/spring.jsonl", 1, first.etag),
        ("shop/spring.jsonl", 2, begun[1].etag),
    ]
    assert {group for _, group, _ in bucket.batches.sent} == {"shop/spring.jsonl"}
    kept = bucket.memory.stem(begun[1].home, begun[1].stem).seen[begun[1].extension]
    assert kept.generation == 2
    assert bucket.asked == []


def test_a_batch_that_was_decided_on_is_begun_by_whoever_comes_next(bucket: Bucket) -> None:
    class Dead(MemoryOutbox):
        def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
            raise RuntimeError

    upload = bucket.put("spring.jsonl", "{}")
    whole, bucket.batches = bucket.batches, Dead()
    with pytest.raises(RuntimeError):
        bucket.announce(upload)
    bucket.batches = whole
    assert bucket.announce(upload) == "nothing new"
    assert len(bucket.batches.sent) == 1


def test_a_batch_file_that_is_too_large_is_told(bucket: Bucket) -> None:
    vast = replace(bucket.put("spring.jsonl", "{}"), size=batch_file.MAX_BYTES + 1)
    assert bucket.announce(vast) == "invalid_request"
    assert "500,000,000" in bucket.told(vast)["message"]
    assert bucket.batches.sent == []


def test_what_was_decided_is_sent_by_whoever_comes_next(bucket: Bucket) -> None:
    class Dead(MemoryOutbox):
        def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
            raise RuntimeError

    upload = bucket.put("cat.jpg", png(), instruction="night")
    whole, bucket.queue = bucket.queue, Dead()
    with pytest.raises(RuntimeError):
        bucket.announce(upload)
    bucket.queue = whole
    assert bucket.announce(upload) == "nothing new"
    assert bucket.asked == [("cat", "night", ["cat.jpg"])]


# Folders that are kept apart.


@pytest.fixture
def apart(bucket: Bucket) -> Bucket:
    bucket.keeps_folders_apart = True
    return bucket


def test_a_photo_that_names_a_strangers_thread_is_told_where_folders_are_kept_apart(apart: Bucket) -> None:
    photo = apart.put("mallory/cat.jpg", png(), instruction="night", thread_id="victim/cat")
    assert apart.announce(photo) == "invalid_request"
    assert apart.told(photo)["param"] == "thread-id"
    assert "own first folder" in apart.told(photo)["hint"]
    text = apart.put("mallory/note.txt", "night", thread_id="victim")
    assert apart.announce(text) == "invalid_request"
    assert apart.asked == []


def test_it_may_name_those_of_its_own_folder(apart: Bucket) -> None:
    assert apart.upload("shop/cat.jpg", png(), instruction="night", thread_id="shop/all") == "asked"
    assert apart.upload("threads/shop/new/1.jpg", png(), instruction="night") == "asked"
    assert apart.upload("threads/shop/2.jpg", png(), instruction="night", thread_id="shop/new") == "asked"
    assert apart.upload("cat.jpg", png(), instruction="night") == "asked"
    assert [thread for thread, _, _ in apart.asked] == ["shop/all", "shop/new", "shop/new", "cat"]


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"instruction": "a", "images": ["../victim/cat.jpg"]}, "images.0"),
        (
            {"instruction": "a", "images": ["a.jpg", "s3://results/threads/victim/1-a/image.png"]},
            "images.1",
        ),
        ({"instruction": "a", "thread_id": "victim/cat"}, "thread_id"),
    ],
)
def test_so_is_a_request_in_a_file(apart: Bucket, document: dict[str, Any], param: str) -> None:
    asked = apart.put("mallory/order.json", json.dumps(document))
    assert apart.announce(asked) == "invalid_request"
    assert apart.told(asked)["param"] == param
    apart.keeps_folders_apart = False
    assert apart.announce(asked) == "asked"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cat.txt", "steal"),
        ("cat.jpg", "photo"),
        ("own.json", '{"instruction": "steal", "thread_id": "caf\u00e9/cat"}'),
        ("all.csv", "custom_id,instruction\n1,steal\n"),
    ],
)
@pytest.mark.parametrize("top", ["cafe\u0301", "threads/cafe\u0301"])
def test_a_folder_that_looks_like_another_has_none_of_its_threads(
    apart: Bucket, top: str, name: str, content: str
) -> None:
    apart.upload("caf\u00e9/cat.jpg", png())
    stranger = apart.put(f"{top}/{name}", content)
    assert apart.announce(stranger) == "invalid_request"
    assert "NFC" in apart.told(stranger)["hint"]
    assert apart.asked == []
    assert not apart.batches.sent
    assert apart.upload("caf\u00e9/cat.txt", "night") == "asked"


def test_nor_has_a_file_that_is_called_by_the_hash_of_a_strangers_key(apart: Bucket) -> None:
    apart.upload("bob//q.jpg", png(), instruction="night")
    thread = apart.asked[0][0]
    assert apart.upload(f"{thread}.txt", "steal") == "invalid_request"
    assert apart.upload(f"threads/{thread}/a.txt", "steal") == "invalid_request"
    assert apart.upload("bob//q.txt", "snow") == "asked"


@pytest.mark.parametrize("key", ["_instruction.txt", "threads/_instruction.txt"])
def test_words_for_the_folders_of_many_are_told_and_hold_for_none(apart: Bucket, key: str) -> None:
    words = apart.put(key, "on white")
    assert apart.announce(words) == "unsupported_file"
    assert "_instruction.txt into each folder" in apart.told(words)["hint"]
    assert apart.upload("shop/cat.jpg", png()) == "waits"
    assert apart.upload("threads/trip/cat.jpg", png()) == "waits"
    apart.upload("shop/_instruction.txt", "on black")
    assert apart.upload("shop/dog.jpg", png()) == "asked"


def test_a_thread_that_was_named_before_folders_were_kept_apart_is_a_strangers_too(bucket: Bucket) -> None:
    bucket.upload("mallory/cat.jpg", png(), instruction="night", thread_id="victim/cat")
    bucket.keeps_folders_apart = True
    assert bucket.upload("mallory/cat.txt", "snow") == "invalid_request"
