"""People's work with the uploads bucket, on the deployed stack: in rounds, because each of them waits out the grace.

On a busy machine the uploads of one round may be announced further apart than the short grace here, so no test puts a
photo and its text into one round. `test_road` does, and the tests of pairing.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from darkroom.domain import keys
from tests.e2e.road import Road, eventually, photo

pytestmark = pytest.mark.slow

REST_SECONDS = 240
Play = Callable[[Road, str], Iterator[None]]
PLAYS: dict[str, Play] = {}


def together(play: Play) -> Callable[[dict[str, BaseException | None]], None]:
    """A test in rounds: at each yield, everything comes to rest. `name` is a prefix of its own."""
    PLAYS[play.__name__] = play

    def test(played: dict[str, BaseException | None]) -> None:
        if error := played[play.__name__]:
            raise error

    test.__name__ = play.__name__
    return test


@pytest.fixture(scope="module")
def played(road: Road, request: pytest.FixtureRequest) -> dict[str, BaseException | None]:
    """The end of each of the wanted tests."""
    wanted = {item.name for item in request.session.items}
    mark = uuid.uuid4().hex[:6]
    road.upload(f"warm-{mark}.jpg", photo(), instruction="at dawn")  # a function's first start may outlast the grace
    road.turn(f"warm-{mark}", 1)
    going = {
        name: play(road, f"u{number}-{mark}") for number, (name, play) in enumerate(PLAYS.items()) if name in wanted
    }
    ended: dict[str, BaseException | None] = {}
    while going:
        for name, play in list(going.items()):
            try:
                next(play)
            except StopIteration:
                ended[name] = None
            except Exception as error:  # noqa: BLE001 - its own test raises it
                ended[name] = error
        going = {name: play for name, play in going.items() if name not in ended}
        come_to_rest(road)
    return ended


def come_to_rest(road: Road) -> None:
    """Wait until nothing is on its way, seen twice: between two queues a message can be missed."""
    for _ in range(2):
        eventually(
            lambda: (
                not any(name.endswith(("-upload-events", "-batches.fifo", "-requests.fifo")) for name in road.left())
            ),
            REST_SECONDS,
        )
        time.sleep(0.5)


def requests(road: Road, thread: str) -> list[tuple[str, list[str]]]:
    """The words of each turn, and the names of its photos."""
    return [
        (result["instruction"], [source["key"].rpartition("/")[2] for source in result["sources"]])
        for result in road.results(thread)
    ]


def told(road: Road, key: str) -> list[str]:
    """The codes of the uploader's errors."""
    found = road.keys(f"rejected/uploads/{keys.shortened(key)}/")
    return [str((road.document(each) or {})["error"]["code"]) for each in found]


def delete(road: Road, key: str) -> None:
    road.stack.aws.s3.delete_object(Bucket=road.stack.env["UPLOADS_BUCKET"], Key=key)


@together
def test_an_upload_belongs_to_the_thread_that_its_metadata_names_or_its_folder_or_its_name(
    road: Road, name: str
) -> Iterator[None]:
    long = f"{name}/{'a long name ' * 25}"
    road.upload(f"{name}/a.jpg", photo(), instruction="by metadata", thread_id=f"{name}/named")
    road.upload(f"threads/{name}/deep/b.jpg", photo(), instruction="by its folder")
    road.upload(f"{name}/c.d.jpg", photo(), instruction="by its name")
    road.upload(f"{long}.jpg", photo(), instruction="by its hash")
    road.upload(f"threads/{name}.jpg", photo(), instruction="in no folder of threads/")
    yield
    assert requests(road, f"{name}/named") == [("by metadata", ["a.jpg"])]
    assert requests(road, f"{name}/deep") == [("by its folder", ["b.jpg"])]
    assert requests(road, f"{name}/c.d") == [("by its name", ["c.d.jpg"])]
    assert [words for words, _ in requests(road, keys.thread_of(long))] == ["by its hash"]
    assert requests(road, f"threads/{name}") == [("in no folder of threads/", [f"{name}.jpg"])]


@together
def test_a_text_goes_with_its_photo_into_the_thread_that_the_photo_names(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}/a.jpg", photo(), thread_id=f"{name}/named")
    yield
    road.upload(f"{name}/a.txt", "at night")
    yield
    assert requests(road, f"{name}/named") == [("at night", ["a.jpg"])]
    assert requests(road, f"{name}/a") == []


@together
def test_a_photo_without_words_is_told_and_its_text_still_starts_it(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}.jpg", photo())
    yield
    assert told(road, f"{name}.jpg") == ["needs_instruction"]
    road.upload(f"{name}.txt", "at night")
    yield
    assert requests(road, name) == [("at night", [f"{name}.jpg"])]


@together
def test_the_nearest_words_hold_and_a_folders_start_nothing(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}/_instruction.txt", "far")
    road.upload(f"{name}/near/_instruction.txt", "near")
    road.upload(f"{name}/near/b.txt", "its own text")
    yield
    road.upload(f"{name}/a.jpg", photo())
    road.upload(f"{name}/near/deep/a.jpg", photo())
    road.upload(f"{name}/near/b.jpg", photo())
    road.upload(f"{name}/near/c.jpg", photo(), instruction="its metadata")
    yield
    assert requests(road, f"{name}/a") == [("far", ["a.jpg"])]
    assert requests(road, f"{name}/near/deep/a") == [("near", ["a.jpg"])]
    assert requests(road, f"{name}/near/b")[-1] == ("its own text", ["b.jpg"])
    assert requests(road, f"{name}/near/c") == [("its metadata", ["c.jpg"])]
    assert requests(road, f"{name}/_instruction") == requests(road, f"{name}/near/_instruction") == []


@together
def test_a_folders_words_under_another_spelling_are_told(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}/_Instruction.txt", "brighter")
    yield
    assert told(road, f"{name}/_Instruction.txt") == ["unsupported_file"]


@together
def test_other_words_are_the_next_turn_and_the_same_words_are_none(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}.jpg", photo(), instruction="at dawn")
    yield
    for saved in ("at night", "at night", "in snow", "at night", "at night"):
        road.upload(f"{name}.txt", saved)
        yield
    assert [words for words, _ in requests(road, name)] == ["at dawn", "at night", "in snow", "at night"]


@together
def test_another_photo_is_the_next_turn_and_the_same_photo_is_none(road: Road, name: str) -> Iterator[None]:
    for colour in ("red", "red", "blue", "red", "red"):
        road.upload(f"{name}.jpg", photo(colour), instruction="at night")
        yield
    assert len(requests(road, name)) == 3


@together
def test_a_photo_that_is_copied_onto_itself_starts_nothing(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}.jpg", photo(), instruction="at night")
    yield
    bucket = road.stack.env["UPLOADS_BUCKET"]
    road.stack.aws.s3.copy_object(
        Bucket=bucket, Key=f"{name}.jpg", CopySource={"Bucket": bucket, "Key": f"{name}.jpg"},
        MetadataDirective="REPLACE", Metadata={"instruction": "at night", "mtime": "1795348800"},
    )  # fmt: skip
    yield
    assert requests(road, name) == [("at night", [f"{name}.jpg"])]


@together
def test_a_text_alone_is_made_from_words_and_the_next_follows_at_once(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}/dream.txt", "a castle")
    yield
    assert [result["mode"] for result in road.results(f"{name}/dream")] == ["text_to_image"]
    road.upload(f"{name}/dream.txt", "the castle at night")
    yield
    assert [result["mode"] for result in road.results(f"{name}/dream")] == ["text_to_image", "conversation"]


@together
def test_any_text_in_a_thread_takes_its_waiting_photos_along(road: Road, name: str) -> Iterator[None]:
    road.upload(f"threads/{name}/a.jpg", photo("red"))
    road.upload(f"threads/{name}/b.jpg", photo("blue"))
    yield
    road.upload(f"threads/{name}/01.txt", "a postcard")
    yield
    road.upload(f"threads/{name}/02.txt", "at night")
    road.upload(f"threads/{name}/a.jpg", photo("red"))
    yield
    assert requests(road, name) == [("a postcard", ["a.jpg", "b.jpg"]), ("at night", [])]


@together
def test_a_deleted_photo_is_not_taken_along(road: Road, name: str) -> Iterator[None]:
    road.upload(f"threads/{name}/wrong.jpg", photo("red"))
    road.upload(f"threads/{name}/right.jpg", photo("blue"))
    yield
    delete(road, f"threads/{name}/wrong.jpg")
    road.upload(f"threads/{name}/01.txt", "at night")
    yield
    assert requests(road, name) == [("at night", ["right.jpg"])]


@together
def test_a_text_holds_for_every_format_of_its_photo(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}.jpg", photo("red"))
    road.upload(f"{name}.png", photo("blue", "PNG"))
    yield
    road.upload(f"{name}.txt", "side by side")
    yield
    assert requests(road, name) == [("side by side", [f"{name}.jpg", f"{name}.png"])]


@together
def test_what_is_empty_is_not_there_yet_and_is_told_if_it_stays_so(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}/a.jpg", b"", instruction="at night")
    road.upload(f"{name}/a.jpg", photo(), instruction="at night")
    road.upload(f"{name}/b.jpg", b"", instruction="at night")
    road.upload(f"{name}/c.txt", b"")
    yield
    assert requests(road, f"{name}/a") == [("at night", ["a.jpg"])]
    assert told(road, f"{name}/b.jpg") == ["unsupported_image"]
    assert told(road, f"{name}/c.txt") == ["invalid_request"]


@together
def test_what_is_no_upload_of_a_persons_is_ignored(road: Road, name: str) -> Iterator[None]:
    noise = [f"{name}/", f"{name}/.DS_Store", f"{name}/.thumbnails/a.jpg", f"{name}/Thumbs.db", f"{name}/a.jpg.part"]
    for key in noise:
        road.upload(key, b"", instruction="at night")
    yield
    assert road.keys(f"rejected/uploads/{name}") == road.keys(f"threads/{name}") == []


@together
def test_a_file_of_another_kind_is_told_under_its_name_however_long(road: Road, name: str) -> Iterator[None]:
    keys = [f"{name}/report.pdf", f"{name}/{'a long name ' * 70}.pdf"]
    for key in keys:
        road.upload(key, b"no picture")
    yield
    assert [told(road, key) for key in keys] == [["unsupported_file"]] * 2


@together
def test_a_text_that_is_too_long_or_no_text_is_told(road: Road, name: str) -> Iterator[None]:
    texts: dict[str, bytes] = {
        "long.txt": b"x" * 8001,
        "photo.txt": photo(),
        "old.txt": "grün, bitte".encode("latin-1"),
    }
    for file, data in texts.items():
        road.upload(f"{name}/{file}", data)
    yield
    assert [told(road, f"{name}/{file}") for file in texts] == [["invalid_request"]] * 3


@together
def test_a_json_file_is_one_request_for_what_lies_beside_it(road: Road, name: str) -> Iterator[None]:
    road.upload(f"{name}/.photos/cat.jpg", photo())  # uploads in a hidden folder start nothing by themselves
    road.upload(f"{name}/day/a.json", json.dumps({"instruction": "at dawn", "images": ["../.photos/cat.jpg"]}))
    named = {"instruction": "at noon", "thread_id": f"{name}/named", "request_id": "order-1"}
    road.upload(f"{name}/day/b.json", b"\xef\xbb\xbf" + json.dumps(named).encode())
    road.upload(f"threads/{name}-in/c.json", json.dumps({"instruction": "at dusk"}))
    road.upload(f"{name}/day/empty.json", "")
    road.upload(f"{name}/day/broken.json", '{"instructions": "at night", "images": ["/cat.jpg"]}')
    yield
    assert requests(road, f"{name}/day/a") == [("at dawn", ["cat.jpg"])]
    assert [result["request_id"] for result in road.results(f"{name}/named")] == ["order-1"]
    assert requests(road, f"{name}-in") == [("at dusk", [])]
    assert told(road, f"{name}/day/empty.json") == told(road, f"{name}/day/broken.json") == ["invalid_request"]
    broken = road.rejected_upload(f"{name}/day/broken.json")["error"]["message"]
    assert all(field in broken for field in ("instruction:", "instructions:", "images.0:"))


@together
def test_a_json_file_with_other_content_is_the_next_turn_and_the_same_is_none(road: Road, name: str) -> Iterator[None]:
    for words in ("at dawn", "at dawn", "at night", "at dawn"):
        road.upload(f"{name}.json", json.dumps({"instruction": words}))
        yield
    assert [words for words, _ in requests(road, name)] == ["at dawn", "at night", "at dawn"]


def answers(road: Road, key: str) -> list[tuple[str | None, str]]:
    """Each line of a batch's answers: its id, and its status."""
    return [
        (answer["custom_id"], answer["status"])
        for answer in map(json.loads, road.text(f"batches/{key}.out").splitlines())
    ]


@together
def test_a_jsonl_file_is_answered_line_by_line_and_a_bad_line_fails_alone(road: Road, name: str) -> Iterator[None]:
    key, line = f"{name}/spring.jsonl", {"custom_id": "a", "instruction": "at dawn"}
    elsewhere = {"custom_id": "b", "instruction": "at night", "thread_id": f"{name}/elsewhere"}
    road.upload(key, f"{json.dumps(line)}\r\n\r\nno JSON\r\n{json.dumps(elsewhere)}")
    yield
    assert answers(road, key) == [("a", "succeeded"), (None, "failed"), ("b", "succeeded")]
    assert road.document(f"batches/{key}.manifest.json") == {"total": 3, "succeeded": 2, "failed": 1}
    assert "line 3: " in road.text(f"batches/{key}.out")
    assert [len(requests(road, f"{name}/{thread}")) for thread in ("spring/a", "elsewhere")] == [1, 1]
    mended = {"custom_id": "c", "instruction": "at noon"}
    road.upload(key, f"{json.dumps(line)}\n{json.dumps(mended)}\n{json.dumps(elsewhere)}")
    yield
    assert answers(road, key) == [("a", "succeeded"), ("c", "succeeded"), ("b", "succeeded")]
    assert [len(requests(road, f"{name}/{thread}")) for thread in ("spring/a", "spring/c", "elsewhere")] == [1, 1, 1]


@together
def test_a_jsonl_file_with_too_many_lines_is_told_and_nothing_of_it_is_asked(road: Road, name: str) -> Iterator[None]:
    line = json.dumps({"custom_id": "a", "instruction": "at dawn"})
    road.upload(f"{name}.jsonl", f"{line}\n" * 50_001)
    yield
    assert told(road, f"{name}.jsonl") == ["invalid_request"]
    assert road.keys(f"threads/{name}") == road.keys(f"batches/{name}") == []
