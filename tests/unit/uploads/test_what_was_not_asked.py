"""Requests that must not be paid: nearly right names, texts and copies that are no requests, late words."""

import json
from dataclasses import replace
from itertools import permutations

import pytest

from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.domain import keys
from darkroom.domain.keys import rejected_upload_key
from darkroom.domain.timing import UNHEARD_SECONDS, WORDLESS_SECONDS
from darkroom.domain.upload import Upload
from darkroom.errors import Unavailable
from darkroom.uploads.intake import MAX_TAKEN_UP
from darkroom.uploads.pairing import Pair, Seen, Stem
from tests.fakes.edge import Clock
from tests.fakes.lanes import MemoryLanes
from tests.fakes.queue import MemoryOutbox, MemoryUploadEvents
from tests.fakes.stack import intake
from tests.guarantees.uploads.bucket import Version, VersionedBucket
from tests.guarantees.uploads.table import MemoryTable

GRACE = 120.0
DECOMPOSED, COMPOSED = "shop/cafe\u0301", "shop/caf\u00e9"


class World:
    """A bucket whose uploads are announced as they are put, or later."""

    def __init__(self, *, keeps_folders_apart: bool = False) -> None:
        self.clock = Clock()
        self.bucket = VersionedBucket(self.clock)
        self.table = MemoryTable()
        self.state = DynamoUploadState(self.table)
        self.queue = MemoryOutbox()
        self.events = MemoryUploadEvents()
        self.intake = intake(
            self.bucket, self.state, MemoryLanes(self.clock), self.queue, MemoryOutbox(), self.clock,
            grace=GRACE, events=self.events, keeps_folders_apart=keeps_folders_apart,
        )  # fmt: skip

    def put(self, key: str, content: str = "photo", **metadata: str) -> Version:
        named = {name.replace("_", "-"): value for name, value in metadata.items()}
        return self.bucket.upload(key, content.encode(), named)

    def announce(self, upload: Upload) -> str:
        try:
            return self.intake.take(upload)
        except Unavailable:
            return "waits"

    def arrive(self, key: str, content: str = "photo", **metadata: str) -> str:
        return self.announce(self.put(key, content, **metadata).announced)

    def late(self, key: str, content: str = "photo", **metadata: str) -> str:
        """Upload, announce, and announce again after the grace. Return the result."""
        version = self.put(key, content, **metadata)
        self.announce(version.announced)
        self.clock.advance(GRACE)
        return self.announce(version.announced)

    @property
    def asked(self) -> list[tuple[str, str, list[str]]]:
        bodies = [json.loads(body) for body, _, _ in self.queue.sent]
        return [(body["thread_id"], body["instruction"], [image["key"] for image in body["images"]]) for body in bodies]

    def hint(self, key: str) -> str:
        newest = self.bucket.newest(key)
        assert newest
        error = self.bucket.document("results", rejected_upload_key(key, newest.etag))["error"]
        return f"{error['message']} {error['hint']}"


@pytest.fixture
def world() -> World:
    return World()


# A photo that exists, and whose event is late.

UNHEARD_OF = [
    ("la/n.jpg", "la/n.txt"),
    ("la/n.jpg", "la/n.jpg.txt"),
    ("threads/la/n.jpg", "threads/la/n.txt"),
    ("n.JPG", "n.txt"),
]


@pytest.mark.parametrize(("photo", "text"), UNHEARD_OF)
@pytest.mark.parametrize("others", [0, 60])
def test_a_text_whose_photo_lies_there_waits_for_the_photos_event(
    world: World, photo: str, text: str, others: int
) -> None:
    folder = photo.rpartition("/")[0]
    for number in range(others):
        world.put(f"{folder}/a{number:03}.jpg".lstrip("/"))
    unheard_of = world.put(photo).announced
    assert world.late(text, "at night") == "waits"
    world.clock.advance(UNHEARD_SECONDS - 1)
    assert world.announce(unheard_of) == "asked"
    world.clock.advance(1)
    newest = world.bucket.newest(text)
    assert newest
    assert world.announce(newest.announced) == "nothing new"
    assert [asked[1:] for asked in world.asked] == [("at night", [photo])]


@pytest.mark.parametrize(
    ("photo", "text"),
    [("la/N.JPG", "la/n.txt"), (f"{DECOMPOSED}.jpg", f"{COMPOSED}.txt"), ("la/n.jpg", "la/n.txt.txt")],
)
def test_so_does_one_that_is_spelled_in_another_way(world: World, photo: str, text: str) -> None:
    unheard_of = world.put(photo).announced
    assert world.late(text, "at night") == "waits"
    assert world.announce(unheard_of) == "asked"
    assert [asked[1:] for asked in world.asked] == [("at night", [photo])]


def test_it_does_not_wait_for_ever(world: World) -> None:
    world.put("la/n.jpg")
    text = world.put("la/n.txt", "at night").announced
    world.announce(text)
    world.clock.advance(GRACE + UNHEARD_SECONDS)
    assert world.announce(text) == "asked"


def test_nor_for_what_is_no_photo_of_its_name(world: World) -> None:
    for key in ("la/m.pdf", "la/n.old.txt", "la/n/n.jpg"):
        world.put(key)
    assert world.late("la/n.txt", "at night") == "asked"


# Words that were taken back.


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 0, 1, 0)])
def test_words_that_were_replaced_within_the_second_are_not_asked_after_the_newer_ones(
    world: World, order: tuple[int, ...]
) -> None:
    photo = world.put("la/n.jpg").announced
    at = float(int(world.clock()) + 1)
    texts = [replace(world.put("la/n.txt", words).announced, at=at) for words in ("stale", "new")]
    world.bucket.found_at = at
    assert world.announce(photo) == "asked"
    assert {world.announce(texts[which]) for which in order} == {"nothing new"}
    assert [words for _, words, _ in world.asked] == ["new"]


def test_newer_words_of_the_same_second_are_the_next_turn(world: World) -> None:
    at = float(int(world.clock()) + 1)
    world.put("la/n.txt", "first")
    world.bucket.found_at = at
    assert world.arrive("la/n.jpg") == "asked"
    assert world.announce(replace(world.put("la/n.txt", "next").announced, at=at)) == "asked"
    assert [words for _, words, _ in world.asked] == ["first", "next"]


@pytest.mark.parametrize("has_photo", [True, False])
def test_a_text_that_was_deleted_while_it_waited_is_not_asked(world: World, has_photo: bool) -> None:
    text = world.put("la/n.txt", "at night").announced
    assert world.announce(text) == "waits"
    world.bucket.upload("la/n.txt", None)
    if has_photo:
        assert world.arrive("la/n.jpg") == "waits"
    world.clock.advance(GRACE)
    assert world.announce(text) == "gone"
    assert world.asked == []
    if has_photo:
        assert world.arrive("la/n.txt", "in snow") == "asked"


def test_nor_is_one_that_was_replaced_while_it_waited(world: World) -> None:
    text = world.put("la/n.txt", "at night").announced
    assert world.announce(text) == "waits"
    newer = world.put("la/n.txt", "in snow").announced
    world.clock.advance(GRACE)
    assert world.announce(text) == "nothing new"
    assert world.announce(newer) == "asked"
    assert [words for _, words, _ in world.asked] == ["in snow"]


# Names that are spelled differently.

ALIKE = [
    ("shop/mug.jpg", "shop/mug.jpg.txt"),
    ("shop/mug.jpg", "shop/mug.txt.txt"),
    ("shop/mug.jpg", "shop/mug.jpg.txt.txt"),
    ("shop/mug.jpg.jpg", "shop/mug.txt"),
    (f"{DECOMPOSED}.jpg", f"{COMPOSED}.txt"),
    (f"{COMPOSED}.jpg", f"{DECOMPOSED}.txt"),
    ("shop/IMG_1.JPG", "shop/img_1.txt"),
    ("shop/img_1.heic", "shop/IMG_1.TXT"),
    ("shop/cat.jpg", "shop/cat.TXT"),
    ("IMG_1.JPG", "img_1.txt"),
]


@pytest.mark.parametrize(("photo", "text"), ALIKE)
@pytest.mark.parametrize("is_text_first", [True, False])
def test_a_photo_and_a_text_of_another_spelling_are_one_request(
    world: World, photo: str, text: str, is_text_first: bool
) -> None:
    files = [(photo, "photo"), (text, "at night")]
    for key, content in reversed(files) if is_text_first else files:
        world.arrive(key, content)
    assert [asked[1:] for asked in world.asked] == [("at night", [photo])]
    assert world.asked[0][0] == keys.thread_of(photo.rpartition(".")[0])
    for version in list(world.bucket.versions):
        world.clock.advance(GRACE)
        world.announce(version.announced)
        world.arrive(version.key, (version.data or b"").decode())
    assert len(world.asked) == 1


@pytest.mark.parametrize(("photo", "text"), ALIKE)
def test_such_a_text_with_other_words_is_the_next_turn_wherever_its_photo_is_by_then(
    world: World, photo: str, text: str
) -> None:
    world.arrive(photo)
    world.arrive(text, "at night")
    world.bucket.upload(photo, None)
    assert world.arrive(text, "in snow") == "asked"
    thread = keys.thread_of(photo.rpartition(".")[0])
    assert world.asked == [(thread, "at night", [photo]), (thread, "in snow", [])]


@pytest.mark.parametrize(
    ("photo", "text"),
    [("Alice/mug.jpg", "alice/mug.txt"), ("shop/mug.jpg", "shop/mug.png.txt"), ("shop/mug.jpg", "shop/mug-2.txt")],
)
def test_what_lies_in_another_folder_or_names_another_file_is_no_text_of_a_photo(
    world: World, photo: str, text: str
) -> None:
    world.arrive(photo)
    assert world.arrive(text, "at night") == "waits"
    assert world.late(photo, "another") == "needs_instruction"
    assert world.asked == []


@pytest.mark.parametrize(
    "names",
    [
        ["shop/IMG_1.JPG", "shop/img_1.heic", "shop/Img_1.txt"],
        ["shop/IMG_1.JPG", "shop/img_1.txt", "shop/Img_1.txt"],
        ["shop/mug.jpg", "shop/mug.jpg.txt", "shop/mug.txt.txt"],
    ],
)
def test_where_more_than_one_may_be_meant_it_is_told_and_nothing_is_paid(world: World, names: list[str]) -> None:
    """A folder's words do not apply instead: the photo has its own, and it is unclear which."""
    world.put("shop/_instruction.txt", "on white")
    versions = [world.put(name, name if name.endswith(".txt") else "photo") for name in names]
    world.clock.advance(GRACE)
    for version in versions:
        told = world.announce(version.announced)
        assert told == ("invalid_request" if version.key.endswith(".txt") else "needs_instruction")
        assert "more than one file" in world.hint(version.key)
    assert world.asked == []


def test_the_very_same_name_goes_before_one_that_is_like_it(world: World) -> None:
    world.put("shop/img_1.txt", "at night")
    assert world.arrive("shop/img_1.jpg") == "asked"
    assert world.late("shop/IMG_1.JPG", "another") == "needs_instruction"
    assert world.asked == [("shop/img_1", "at night", ["shop/img_1.jpg"])]


def test_a_text_that_has_left_its_first_photo_is_known_again_where_it_is_as_it_was(world: World) -> None:
    assert world.arrive("shop/a.txt", "blue") == "waits"
    assert world.arrive("shop/A.JPG") == "asked"
    world.bucket.upload("shop/a.txt", None)
    world.arrive("shop/_instruction.txt", "red")
    assert world.arrive("shop/a.png") == "asked"
    assert world.arrive("shop/a.txt", "blue") == "nothing new"
    assert [asked[:2] for asked in world.asked] == [("shop/A", "blue"), ("shop/a", "red")]


def test_a_second_text_beside_one_of_the_very_same_name_is_told(world: World) -> None:
    world.put("shop/mug.txt", "at night")
    world.arrive("shop/mug.jpg")
    assert world.late("shop/mug.jpg.txt", "in snow") == "invalid_request"
    assert world.asked == [("shop/mug", "at night", ["shop/mug.jpg"])]


@pytest.mark.parametrize("order", list(permutations(["shop/mug.jpg", "shop/mug.png", "shop/mug.jpg.txt"])))
def test_a_text_that_names_one_of_two_formats_is_that_photos_alone(world: World, order: tuple[str, ...]) -> None:
    versions = [world.put(key, "at night" if key.endswith(".txt") else key).announced for key in order]
    became = {upload.key: world.announce(upload) for upload in versions}
    assert became.pop("shop/mug.png") == "waits"
    assert "asked" in became.values()
    for upload in versions:
        world.clock.advance(GRACE)
        told = world.announce(upload)
        assert told == ("needs_instruction" if upload.key == "shop/mug.png" else "nothing new")
    assert world.asked == [("shop/mug", "at night", ["shop/mug.jpg"])]
    assert world.arrive("shop/mug.txt", "in snow") == "asked"
    assert world.arrive("shop/mug.jpg.txt", "in rain") == "asked"
    assert world.asked[1:] == [("shop/mug", "in snow", ["shop/mug.png"]), ("shop/mug", "in rain", [])]


def test_the_other_format_has_its_folders_words_and_keeps_them(world: World) -> None:
    world.put("shop/_instruction.txt", "on white")
    world.put("shop/mug.jpg.txt", "at night")
    assert [world.arrive("shop/mug.png"), world.arrive("shop/mug.jpg")] == ["asked", "asked"]
    assert world.arrive("shop/mug.jpg.txt", "in snow") == "asked"
    assert [world.arrive("shop/mug.png"), world.arrive("shop/mug.jpg")] == ["nothing new", "nothing new"]
    assert [asked[1:] for asked in world.asked] == [
        ("on white", ["shop/mug.png"]),
        ("at night", ["shop/mug.jpg"]),
        ("in snow", []),
    ]


def test_two_formats_may_have_a_text_each(world: World) -> None:
    files = {"shop/mug.jpg": "1", "shop/mug.png": "2", "shop/mug.jpg.txt": "at night", "shop/mug.png.txt": "in snow"}
    versions = [world.put(key, content).announced for key, content in files.items()]
    for upload in versions * 2:
        world.announce(upload)
    assert world.asked == [("shop/mug", "at night", ["shop/mug.jpg"]), ("shop/mug", "in snow", ["shop/mug.png"])]


def test_a_text_that_names_one_format_waits_for_its_event_though_the_others_has_come(world: World) -> None:
    """It would start with the other one's picture, and its own photo would be paid after it."""
    world.put("shop/_instruction.txt", "on white")
    assert world.arrive("shop/mug.png") == "asked"
    photo, text = world.put("shop/mug.jpg").announced, world.put("shop/mug.jpg.txt", "at night").announced
    assert world.announce(text) == "waits"
    world.clock.advance(GRACE)
    assert world.announce(text) == "waits"
    assert [world.announce(photo), world.announce(text)] == ["asked", "nothing new"]
    assert world.asked[1:] == [("shop/mug", "at night", ["shop/mug.jpg"])]


def test_in_a_folder_of_hundreds_too_it_is_that_photos_alone(world: World) -> None:
    for number in range(60):
        world.put(f"shop/{number:02}.jpg")
    assert [world.arrive("shop/mug.png"), world.arrive("shop/mug.jpg")] == ["waits", "waits"]
    assert world.arrive("shop/mug.jpg.txt", "at night") == "asked"
    assert world.asked == [("shop/mug", "at night", ["shop/mug.jpg"])]


@pytest.mark.parametrize(("photo", "text"), [*ALIKE[:2], *ALIKE[4:6]])
def test_in_a_folder_of_hundreds_doubled_endings_and_forms_of_unicode_are_one_pair_too(
    world: World, photo: str, text: str
) -> None:
    for number in range(60):
        world.put(f"shop/{number:02}.jpg")
    world.arrive(photo)
    assert world.arrive(text, "at night") == "asked"
    assert world.arrive(photo, "another") == "asked"
    assert world.asked == [(keys.thread_of(photo[:-4]), "at night", [photo])] * 2


def test_a_photo_that_is_announced_once_more_joins_no_text_that_was_paid_by_itself(world: World) -> None:
    assert world.late("shop/a.jpg.txt", "blue") == "asked"
    world.bucket.upload("shop/a.jpg.txt", None)
    world.arrive("shop/_instruction.txt", "red")
    photo = world.put("shop/a.jpg").announced
    assert world.announce(photo) == "asked"
    assert world.arrive("shop/a.jpg.txt", "blue") == "nothing new"
    assert world.announce(photo) == "nothing new"
    assert world.arrive("shop/a.jpg.txt", "blue") == "nothing new"


def test_stale_words_of_such_a_text_stay_stale_while_one_format_waits_for_another(world: World) -> None:
    stale = world.put("shop/a.txt.txt", "stale").announced
    assert [world.announce(stale), world.arrive("shop/a.txt.txt", "new")] == ["waits", "waits"]
    photos = [world.put(key).announced for key in ("shop/a.jpg", "shop/a.png")]
    became = [world.announce(upload) for upload in (photos[0], stale, photos[1], stale, photos[0])]
    assert became == ["waits", "nothing new", "asked", "nothing new", "nothing new"]
    assert world.asked == [("shop/a", "new", ["shop/a.jpg", "shop/a.png"])]


def test_what_a_release_before_this_one_has_paid_in_two_forms_of_unicode_is_not_paid_again(world: World) -> None:
    """Both are in one thread, so it included the photo with the text, and kept each under its own stem."""
    photo, text = world.put(f"{DECOMPOSED}.jpg").announced, world.put(f"{COMPOSED}.txt", "at night").announced
    words, newer = keys.sha256("at night"), keys.sha256("in snow")
    asked = {".jpg": Pair(photo.etag, words)}
    seen = Seen(photo.sequencer, photo.at, keys.sha256(f"{photo.etag}\n"), used=True)
    world.state.decide(photo.home, photo, Stem(0, 1, words, asked, {".jpg": seen}), None, None)
    said = Seen(text.sequencer, text.at, newer, used=True)  # it was saved again, and was the next turn
    world.state.decide(text.home, text, Stem(0, 2, newer, {}, {".txt": said}), None, None)
    world.table.rows[COMPOSED, "THREAD"] = {"latest_turn": 2}
    for _ in range(2):
        assert world.arrive(f"{COMPOSED}.txt", "in snow") == "nothing new"
        assert world.arrive(f"{DECOMPOSED}.jpg") == "nothing new"
    assert world.asked == []
    assert world.arrive(f"{COMPOSED}.txt", "by the sea") == "asked"


def test_a_text_that_a_release_before_this_one_made_a_picture_of_is_not_paid_again(world: World) -> None:
    text = world.put("shop/mug.jpg.txt", "at night").announced
    said = Seen(text.sequencer, text.at, keys.sha256("at night"), used=True)
    world.state.decide(text.home, text, Stem(0, 1, keys.sha256("at night"), {}, {".txt": said}), None, None)
    world.arrive("other/mug.jpg")
    assert world.announce(text) == "nothing new"
    assert world.late("shop/mug.jpg.txt", "at night") == "nothing new"
    assert world.asked == []


# Texts that are no requests.


@pytest.mark.parametrize(
    "name", ["_instructions.txt", "instruction.txt", "_instruction.TXT", "_Instruction.txt", "_instrution.txt",
             "_instruction.txt.txt", "_instruction (1).txt", "Instructions.txt"]
)  # fmt: skip
def test_a_near_miss_of_a_folders_instruction_is_told_and_not_paid(world: World, name: str) -> None:
    assert world.late(f"shop/{name}", "on white") == "unsupported_file"
    assert "Did you mean '_instruction.txt'" in world.hint(f"shop/{name}")
    assert world.asked == []


@pytest.mark.parametrize("name", ["construction.txt", "destruction.txt", "1.txt", "struction.txt", "夜.txt"])
def test_another_word_is_no_near_miss(world: World, name: str) -> None:
    assert world.late(f"shop/{name}", "on white") == "asked"


def test_any_text_in_threads_is_a_turn_whatever_its_name(world: World) -> None:
    assert world.late("threads/trip/instruction.txt", "on white") == "asked"


@pytest.mark.parametrize("name", ["notes.txt", "README.txt"])
def test_a_text_beside_photos_that_have_none_is_told_and_not_paid(world: World, name: str) -> None:
    world.put("shop/cat.jpg")
    assert world.arrive(f"shop/{name}", "bought in May") == "waits"
    assert world.late(f"shop/{name}", "bought in May") == "invalid_request"
    assert "'cat.jpg'" in world.hint(f"shop/{name}")
    assert world.asked == []


ENDINGS = [
    ".cr2", ".DNG", ".nef", ".psd", ".ai", ".pdf", ".mp4", ".svg", ".jxl", ".jp2", ".zip", ".docx", ".jpg ", ".JPG~",
    ".jpg_", ".jpg.cr2", "",
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("others", [0, 60])
def test_a_text_beside_a_file_of_its_name_that_is_no_photo_here_is_told_and_not_paid(
    world: World, ending: str, others: int
) -> None:
    for number in range(others if ending else 0):  # in a large folder, a file without an ending is not found
        world.put(f"shop/a{number:03}.json")
    assert world.arrive(f"shop/cat{ending}") == "unsupported_file"
    assert world.late("shop/cat.txt", "at night") == "invalid_request"
    assert f"'cat{ending}'" in world.hint("shop/cat.txt")
    assert "JPEG or PNG" in world.hint("shop/cat.txt")
    assert world.asked == []


@pytest.mark.parametrize("others", [0, 60])
@pytest.mark.parametrize("text", ["shop/cat.cr2.txt", "shop/cat.txt.txt"])
def test_so_is_one_of_a_doubled_ending(world: World, text: str, others: int) -> None:
    for number in range(others):
        world.put(f"shop/a{number:03}.json")
    world.put("shop/cat.cr2")
    assert world.late(text, "at night") == "invalid_request"
    assert "as 'cat.txt'" in world.hint(text)


def test_so_is_each_text_of_a_folder_of_them_in_any_case_and_form(world: World) -> None:
    for key in ("shop/A.NEF", "shop/b.nef", f"{DECOMPOSED}.nef"):
        world.put(key)
    for text in ("shop/a.txt", "shop/b.txt", f"{COMPOSED}.txt"):
        assert world.late(text, "at night") == "invalid_request"


def test_the_photo_that_it_is_saved_as_starts_with_the_text(world: World) -> None:
    world.put("shop/cat.cr2")
    world.late("shop/cat.txt", "at night")
    assert world.arrive("shop/cat.jpg") == "asked"
    assert world.arrive("shop/cat.txt", "at night") == "nothing new"
    assert world.arrive("shop/cat.txt", "in snow") == "asked"
    assert world.asked == [("shop/cat", "at night", ["shop/cat.jpg"]), ("shop/cat", "in snow", [])]


@pytest.mark.parametrize("other", ["cat.md", "cat.xmp", "cat.json", "cat.jsonl", "cat.tmp", ".cat", "cat-2.cr2"])
def test_other_texts_what_is_kept_beside_photos_and_other_names_are_no_such_file(world: World, other: str) -> None:
    world.put(f"shop/{other}")
    assert world.late("shop/cat.txt", "at night") == "asked"


def test_a_text_beside_a_file_that_is_no_photo_is_paid_where_its_thread_is_named_or_exists(world: World) -> None:
    for key in ("shop/cat.cr2", "shop/dog.cr2", "threads/trip/1.cr2"):
        world.put(key)
    assert world.late("shop/cat.txt", "at night", thread_id="cats") == "asked"
    assert world.late("threads/trip/1.txt", "at night") == "asked"
    assert world.arrive("shop/dog.jpg", instruction="at night") == "asked"
    world.bucket.upload("shop/dog.jpg", None)
    assert world.arrive("shop/dog.txt", "in snow") == "asked"


def test_a_text_whose_photo_of_another_spelling_comes_while_it_waits_is_none_of_those(world: World) -> None:
    assert world.arrive("shop/A.JPG", instruction="red") == "asked"
    world.bucket.upload("shop/A.JPG", None)
    world.arrive("shop/b.jpg")
    text = world.put("shop/a.txt", "blue").announced
    assert world.announce(text) == "waits"
    world.put("shop/A.JPG")
    world.clock.advance(GRACE)
    assert world.announce(text) == "asked"


def test_such_a_text_is_paid_where_all_photos_have_theirs_or_lie_below(world: World) -> None:
    for key in ("shop/cat.jpg", "shop/cat.txt", "shop/DOG.JPG", "shop/dog.txt", "shop/below/mouse.jpg"):
        world.put(key)
    assert world.late("shop/dream.txt", "a castle") == "asked"


def test_such_a_text_is_paid_where_its_thread_is_named_or_exists(world: World) -> None:
    world.put("shop/cat.jpg")
    assert world.late("shop/named.txt", "a castle", thread_id="castle") == "asked"
    assert world.arrive("shop/again.txt", "the castle at night", thread_id="castle") == "asked"
    assert world.late("threads/trip/1.txt", "a castle") == "asked"


def test_a_folder_of_more_photos_than_are_looked_at_does_not_take_what_is_not_seen_for_missing(world: World) -> None:
    for number in range(25):
        world.put(f"shop/{number:02}.jpg")
        world.put(f"shop/{number:02}.txt")
    world.put("shop/25.jpg")  # the fiftieth key is the text of the one before
    assert world.late("shop/dream.txt", "a castle") == "asked"


# Pictures made by Darkroom.


def test_a_result_that_was_copied_back_is_told_and_not_paid_in_its_folders_words(world: World) -> None:
    world.put("shop/_instruction.txt", "on white")
    assert world.late("shop/image.png", request="upload-1", thread="shop/cat") == "needs_instruction"
    assert "thread-id" in world.hint("shop/image.png")
    assert world.asked == []


def test_such_a_copy_is_asked_in_words_of_its_own_or_in_a_thread_that_it_names(world: World) -> None:
    world.put("shop/_instruction.txt", "on white")
    world.late("shop/a.png", request="r")
    world.arrive("shop/a.txt", "at night")
    world.arrive("shop/b.png", request="r", instruction="in snow")
    world.arrive("shop/c.png", request="r", thread_id="more")
    assert world.asked == [
        ("shop/a", "at night", ["shop/a.png"]),
        ("shop/b", "in snow", ["shop/b.png"]),
        ("more", "on white", ["shop/c.png"]),
    ]


# Words that come late.


def test_a_folders_words_that_come_last_take_up_the_photos_of_that_folder_alone(world: World) -> None:
    for key in ("shop/a.jpg", "shop/b.jpg", "shop/below/c.jpg", "d.jpg"):
        assert world.late(key) == "needs_instruction"
    assert "within a day" in world.hint("shop/a.jpg")
    assert world.arrive("shop/_instruction.txt", "on white") == "kept"
    assert sorted(upload.key for upload in world.events.announced) == ["shop/a.jpg", "shop/b.jpg"]
    assert [world.announce(upload) for upload in world.events.announced] == ["asked", "asked"]
    world.events.announced.clear()
    world.arrive("shop/_instruction.txt", "on white")
    assert world.events.announced == []


def test_they_take_up_nothing_after_a_day(world: World) -> None:
    world.late("shop/a.jpg")
    world.clock.advance(WORDLESS_SECONDS)
    world.arrive("shop/_instruction.txt", "on white")
    assert world.events.announced == []


def test_they_take_up_no_more_than_a_thousand_at_a_time(world: World) -> None:
    for number in range(MAX_TAKEN_UP + 1):
        photo = world.put(f"shop/{number}.jpg").announced
        world.state.leave_wordless(photo, until=world.clock() + WORDLESS_SECONDS)
    world.arrive("shop/_instruction.txt", "on white")
    assert len(world.events.announced) == MAX_TAKEN_UP
    world.arrive("shop/_instruction.txt", "on white")
    assert len(world.events.announced) == MAX_TAKEN_UP + 1


@pytest.mark.parametrize("words", ["", "   ", "x" * 8001])
def test_words_that_cannot_be_used_take_up_nothing(world: World, words: str) -> None:
    world.late("shop/a.jpg")
    world.arrive("shop/_instruction.txt", words)
    assert world.events.announced == []


def test_words_that_come_while_their_photo_is_told_that_there_are_none_are_not_lost(world: World) -> None:
    """The photo has looked for the words, and they look for the photo before it is recorded as wordless."""
    photo = world.put("shop/a.jpg").announced
    world.announce(photo)
    world.clock.advance(GRACE)
    leave = world.state.leave_wordless

    def meanwhile(photo: Upload, *, until: float) -> None:
        world.arrive("shop/_instruction.txt", "on white")
        leave(photo, until=until)

    world.state.leave_wordless = meanwhile  # type: ignore[method-assign]
    assert world.announce(photo) == "asked"


def test_words_that_are_not_looked_at_keep_no_photo_from_being_told() -> None:
    world = World(keeps_folders_apart=True)
    world.put("_instruction.txt", "on white")
    assert world.late("cat.jpg") == "needs_instruction"


# Ids that cannot be guessed.


def test_the_ids_of_an_uploads_requests_do_not_follow_from_its_name() -> None:
    ids = []
    for _ in range(2):
        world = World()
        world.arrive("shop/cat.jpg", instruction="at night")
        ids += [json.loads(body)["request_id"] for body, _, _ in world.queue.sent]
    assert len(set(ids)) == 2
    assert all(request_id.startswith("upload-") and request_id.endswith("-1") for request_id in ids)


def test_what_was_decided_on_is_sent_again_under_the_id_that_it_was_given(world: World) -> None:
    class Dead(MemoryOutbox):
        def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
            super().send(body, thread_id, request_id)
            raise Unavailable("aws", "no answer")

    dead = Dead()
    dying = intake(world.bucket, world.state, MemoryLanes(world.clock), dead, MemoryOutbox(), world.clock, grace=GRACE)
    photo = world.put("shop/cat.jpg", instruction="at night").announced
    with pytest.raises(Unavailable):
        dying.take(photo)
    world.announce(photo)
    assert world.queue.sent == dead.sent


def test_a_thread_that_is_called_like_a_turns_folder_is_refused_in_metadata(world: World) -> None:
    assert world.arrive("cat.jpg", instruction="at night", thread_id="victim/00001-1a2b3c4d") == "invalid_request"
    assert "turn's folder" in world.hint("cat.jpg")
    assert world.asked == []


def test_an_upload_that_is_called_so_has_a_thread_by_its_hash_and_its_memory_where_it_was(world: World) -> None:
    photo = world.put("00017-20261129.jpg", instruction="at night").announced
    assert photo.thread.startswith("key-")
    seen = Seen(photo.sequencer, photo.at, keys.sha256(f"{photo.etag}\nat night"), used=True)
    asked = {".jpg": Pair(photo.etag, keys.sha256("at night"))}
    world.state.decide("00017-20261129", photo, Stem(0, 1, keys.sha256("at night"), asked, {".jpg": seen}), None, None)
    assert world.arrive(photo.key, instruction="at night") == "nothing new"
