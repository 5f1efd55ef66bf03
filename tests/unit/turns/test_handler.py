"""The use case, on hostile fakes: all ways in which a message ends or waits."""

import io
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from darkroom.domain.keys import sha256
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.timing import LEASE_SECONDS, PROBE_SECONDS
from darkroom.errors import Ambiguous, Fault, Unavailable
from darkroom.pictures.marking import unmarked
from darkroom.providers.dialect import ApiRequest, PreparedCall
from darkroom.providers.reply import Reply
from tests.fakes.edge import NOON
from tests.fakes.image_api import ScriptedApi, made, png, stated
from tests.fakes.objects import MemoryObjects
from tests.unit.turns.world import REFUSED, THROTTLED, World


def test_words_alone_become_a_picture(world: World) -> None:
    world.send({"instruction": "  a cat  ", "metadata": {"order": "1"}})
    result = world.result(1, "m-1")
    assert result["status"] == "succeeded"
    assert (result["thread_id"], result["turn"], result["parent_turn"], result["request_id"]) == ("t", 1, None, "m-1")
    assert (result["instruction"], result["mode"], result["model"]) == ("a cat", "text_to_image", "stack-model")
    assert result["cost"] == {"paid_calls": 1, "amount": None, "currency": None, "images": 1}
    assert (result["metadata"], result["error"], result["text"], result["sources"]) == ({"order": "1"}, None, None, [])
    image = result["images"][0]
    assert image["key"] == f"threads/t/00001-{sha256('m-1')[:8]}/image.png"
    assert (image["width"], image["height"], image["media_type"], image["primary"]) == (8, 6, "image/png", True)
    assert unmarked(world.objects.objects["results", image["key"]].data)[:] == png()
    assert result["timing"]["requested_at"] == "2026-11-22T11:59:59.000Z"
    assert result["timing"]["api_seconds"] == 1.5


def test_the_next_message_continues_the_conversation(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png("blue", kind="JPEG"))
    world.send({"instruction": "sunset", "images": ["s3://uploads/cat.jpg"], "options": {"size": "1:1"}, "model": "m9"})
    world.send({"instruction": "夜"}, message_id="m-2")
    first, second = world.api.questions
    assert [content.role for content in first.context.contents] == ["user"]
    assert [content.role for content in second.context.contents] == ["user", "model", "user"]
    assert [content.text for content in second.context.contents] == ["sunset", "", "夜"]
    assert [len(content.images) for content in second.context.contents] == [1, 1, 0]
    assert (second.model, second.options) == ("m9", {"size": "1:1"})
    assert world.result(1, "m-1")["mode"] == "image_to_image"
    assert world.result(2, "m-2")["mode"] == "conversation"
    assert world.result(2, "m-2")["parent_turn"] == 1


def test_a_branch_answers_the_turn_that_it_names(world: World) -> None:
    world.send({"instruction": "a"})
    world.send({"instruction": "b"}, message_id="m-2")
    world.send({"instruction": "c", "parent_turn": 1}, message_id="m-3")
    assert world.result(3, "m-3")["parent_turn"] == 1
    assert [content.text for content in world.api.questions[2].context.contents if content.role == "user"] == ["a", "c"]


def test_nothing_is_answered_where_the_parent_is_zero(world: World) -> None:
    world.send({"instruction": "a"})
    world.send({"instruction": "b", "parent_turn": 0}, message_id="m-2")
    assert (world.result(2, "m-2")["mode"], world.result(2, "m-2")["parent_turn"]) == ("text_to_image", None)


def test_an_id_with_other_content_is_refused_and_leaves_the_first_alone(world: World) -> None:
    world.send({"instruction": "a", "request_id": "r"})
    before = world.result(1, "r")
    world.send({"instruction": "b", "request_id": "r"}, message_id="m-2")
    refused = world.objects.document("results", "rejected/messages/m-2/result.json")
    assert refused["error"]["code"] == "request_id_reused"
    assert (refused["thread_id"], refused["turn"]) == ("t", None)
    assert world.result(1, "r") == before


def test_a_picture_that_is_there_and_may_not_be_read_is_not_called_gone_and_no_attempt_breaks(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png())
    world.objects.locked.add(("uploads", "cat.jpg"))
    ended = world.send({"instruction": "a", "images": ["s3://uploads/cat.jpg"]})
    assert ended.error
    assert (ended.error.code, ended.error.param, world.api.questions) == ("unreadable", "images.0", [])
    assert "Upload it again without one" in (ended.error.hint or "")


def test_nor_is_the_result_that_a_turn_builds_on(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png("blue"))
    first = world.send({"instruction": "a", "images": ["s3://uploads/cat.jpg"]})
    world.objects.locked.add(("uploads", "cat.jpg"))  # an older source is left out
    assert world.send({"instruction": "b"}, message_id="m-2").status == "succeeded"
    second = world.result(2, "m-2")["images"][0]["key"]
    world.objects.locked.add(("results", second))
    ended = world.send({"instruction": "c"}, message_id="m-3")
    assert first.status == "succeeded"
    assert ended.error
    assert (ended.error.code, ended.error.param) == ("unreadable", "parent_turn")


def test_a_body_with_faults_is_told_where_its_sender_looks(world: World) -> None:
    world.send("x" * 5000)
    refused = world.objects.document("results", "rejected/messages/m-1/result.json")
    assert (refused["status"], refused["error"]["code"], len(refused["body"])) == ("failed", "invalid_request", 4096)
    assert world.ledger.entries == {}


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"images": ["s3://uploads/none.jpg"]}, "image_not_found", "images.0"),
        ({"images": ["s3://uploads/words.jpg"]}, "unsupported_image", "images.0"),
        ({"parent_turn": 7}, "unknown_parent", "parent_turn"),
    ],
)
def test_a_requests_own_fault_is_a_failed_turn_and_costs_nothing(
    world: World, body: dict[str, Any], code: str, param: str
) -> None:
    world.objects.put("uploads", "words.jpg", b"these are words")
    world.send({"instruction": "a", **body})
    result = world.result(1, "m-1")
    assert (result["error"]["code"], result["error"]["param"], result["images"]) == (code, param, [])
    assert result["cost"]["paid_calls"] == 0
    assert world.api.questions == []


def test_a_failed_turn_is_no_parent(world: World) -> None:
    world.script(REFUSED, made())
    world.send({"instruction": "a"})
    world.send({"instruction": "b", "parent_turn": 1}, message_id="m-2")
    assert world.result(2, "m-2")["error"]["code"] == "unknown_parent"


def test_a_refusal_ends_it_and_costs_nothing(world: World) -> None:
    world.script(REFUSED)
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["error"]["code"] == "refused"
    assert world.result(1, "m-1")["cost"]["paid_calls"] == 0
    assert world.ledger.calls == {"2026-11-22": 0}


def test_words_without_a_picture_are_a_refusal_that_may_have_been_charged(world: World) -> None:
    world.script(stated(200, {"data": [{"revised_prompt": "I cannot"}]}))
    world.send({"instruction": "a"})
    result = world.result(1, "m-1")
    assert (result["error"]["code"], result["text"], result["cost"]["paid_calls"]) == ("refused", "I cannot", 1)


def test_after_a_failure_the_photo_is_still_what_it_is_about(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png())
    world.script(REFUSED, made(png("green")))
    world.send({"instruction": "a", "images": ["s3://uploads/cat.jpg"]})
    world.send({"instruction": "b"}, message_id="m-2")
    assert world.result(2, "m-2")["mode"] == "image_to_image"
    assert [source["key"] for source in world.result(2, "m-2")["sources"]] == ["cat.jpg"]


def test_several_pictures_are_all_kept_and_the_last_is_the_primary_one(world: World) -> None:
    world.script(made(png("red"), png("blue", kind="JPEG"), text="two"))
    world.send({"instruction": "a"})
    images = world.result(1, "m-1")["images"]
    assert [image["key"].rpartition("/")[2] for image in images] == ["image-1.png", "image-2.jpg"]
    assert [image["primary"] for image in images] == [False, True]
    assert world.result(1, "m-1")["text"] == "two"


def test_a_picture_that_does_not_decode_is_no_image(world: World) -> None:
    world.script(made(b"not a picture"))
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["error"]["code"] == "no_image"
    assert world.result(1, "m-1")["cost"]["paid_calls"] == 1


def test_pictures_that_are_too_large_together_are_made_smaller_and_none_is_left_out() -> None:
    world = World(max_request_bytes=2_000_000)
    noise = Image.effect_noise((760, 630), 120).convert("RGB")
    large = io.BytesIO()
    noise.save(large, "PNG", compress_level=0)
    world.script(made(large.getvalue()), made())
    for key in ("a.png", "b.png"):
        world.objects.put("uploads", key, large.getvalue() + key.encode())
    world.send({"instruction": "a"})
    world.send({"instruction": "b", "images": ["s3://uploads/a.png", "s3://uploads/b.png"]}, message_id="m-2")
    sent = world.api.questions[1].context
    assert [len(content.images) for content in sent.contents] == [0, 1, 2]
    assert sum(len(image.data) for image in sent.images) * 4 / 3 < 2_000_000


def test_a_refused_message_knows_its_sender(world: World) -> None:
    world.send({"thread_id": "t", "request_id": "r", "instruction": "a", "metadata": {"order": "1"}, "colour": "red"})
    refused = world.objects.document("results", "rejected/messages/m-1/result.json")
    assert (refused["thread_id"], refused["request_id"], refused["instruction"]) == ("t", "r", "a")
    assert refused["metadata"] == {"order": "1"}
    assert refused["turn"] is None


def test_what_was_never_asked_still_says_with_which_pictures() -> None:
    class Keyless(ScriptedApi):
        def prepare(self, question: ApiRequest) -> PreparedCall:
            raise Unavailable("credentials", "the image API's key is not set")

    world = World(api=Keyless(), give_up_after=0)
    world.objects.put("uploads", "cat.jpg", png())
    world.send({"instruction": "a", "images": ["s3://uploads/cat.jpg"]})
    result = world.result(1, "m-1")
    assert result["error"]["code"] == "provider_unavailable"
    assert [source["key"] for source in result["sources"]] == ["cat.jpg"]


def test_the_raw_answers_of_what_went_well_are_deleted_once_it_is_told(world: World) -> None:
    world.script(THROTTLED, made())
    world.wait({"instruction": "a"})
    assert len(world.objects.keys("spool")) == 1
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["status"] == "succeeded"
    assert world.objects.keys("spool") == []


@pytest.mark.parametrize(
    "answer",
    [stated(200, {"data": []}), REFUSED, stated(200, {"strange": {"place": b64encode(png()).decode()}})],
)
def test_those_of_what_failed_or_was_unusual_are_kept(world: World, answer: Reply) -> None:
    world.script(answer)
    ended = world.send({"instruction": "a"})
    assert ended.status == "failed" or ended.warnings
    assert len(world.objects.keys("spool")) == 1


def test_what_cannot_be_deleted_expires_and_holds_nobody_up(world: World) -> None:
    class Keeping(MemoryObjects):
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            raise Fault("no permission")

    world.objects = Keeping(world.clock)
    assert world.send({"instruction": "a"}).status == "succeeded"


def test_five_deaths_outside_a_call_are_our_fault(world: World) -> None:
    class Breaking(MemoryObjects):
        def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Any:
            raise Fault("broken")

    whole = world.objects
    world.objects = Breaking(world.clock)
    for _ in range(5):
        with pytest.raises(Fault):
            world.send({"instruction": "a", "images": ["s3://uploads/a.png"]})
        world.clock.advance(LEASE_SECONDS + 1)
    world.objects = whole
    world.send({"instruction": "a", "images": ["s3://uploads/a.png"]})
    assert world.result(1, "m-1")["error"]["code"] == "internal_error"
    assert [request_id for _, _, request_id in world.dead.sent] == ["m-1"]
    assert world.api.questions == []


def test_a_thread_has_its_turns(world: World) -> None:
    world = World(max_turns=1)
    world.send({"instruction": "a"})
    world.send({"instruction": "b"}, message_id="m-2")
    refused = world.objects.document("results", "rejected/messages/m-2/result.json")
    assert refused["error"]["code"] == "too_many_turns"
    assert world.ledger.thread("t").latest_turn == 1


def test_a_request_that_was_called_for_nothing_is_not_let_into_a_full_thread(world: World) -> None:
    world.max_turns = 1
    world.script(THROTTLED, made())
    world.wait({"instruction": "a", "request_id": "r-1"})
    world.send({"instruction": "b", "request_id": "r-2"}, message_id="m-2")
    refused = world.send({"instruction": "a", "request_id": "r-1"})
    assert refused.error is not None
    assert refused.error.code == "too_many_turns"


def test_what_may_have_been_paid_is_let_into_a_full_thread(world: World) -> None:
    world.max_turns = 1
    world.script(Ambiguous("the line broke"), made())
    world.wait({"instruction": "a", "request_id": "r-1"})
    world.send({"instruction": "b", "request_id": "r-2"}, message_id="m-2")
    assert world.send({"instruction": "a", "request_id": "r-1"}).turn == 2


def test_a_picture_that_was_fetched_twice_is_the_one_that_was_stored_first(world: World) -> None:
    world.script(stated(200, {"data": [{"url": "https://cdn.example/1.png"}]}))
    world.objects.write_once("results", f"threads/t/00001-{sha256('m-1')[:8]}/image.png", png("green"), "image/png")
    world.fetcher.pages["https://cdn.example/1.png"] = png("blue", size=(9, 9))
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["images"][0]["width"] == 8


def test_a_source_that_was_overwritten_is_no_longer_the_threads_own(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png("blue"))
    world.send({"instruction": "a", "images": ["s3://uploads/cat.jpg"]})
    world.objects.put("uploads", "cat.jpg", png("yellow"))
    world.send({"instruction": "b"}, message_id="m-2")
    assert [len(content.images) for content in world.api.questions[1].context.contents] == [0, 1, 0]


def test_a_result_that_was_deleted_is_said_to_be_gone(world: World) -> None:
    world.send({"instruction": "a"})
    del world.objects.objects["results", world.result(1, "m-1")["images"][0]["key"]]
    world.send({"instruction": "b"}, message_id="m-2")
    assert world.result(2, "m-2")["error"]["code"] == "image_not_found"


def test_a_request_with_a_picture_of_its_own_starts_anew_where_the_result_is_gone(world: World) -> None:
    """For uploads, the thread has the photo's name, which would otherwise be unusable for ever."""
    world.objects.put("uploads", "cat.jpg", png("blue"))
    asked = {"images": ["s3://uploads/cat.jpg"]}
    world.send({"instruction": "a", "options": {"size": "1:1"}, "model": "m9", **asked})
    del world.objects.objects["results", world.result(1, "m-1")["images"][0]["key"]]
    for turn, words in ((2, "b"), (3, "c")):
        world.send({"instruction": words, **(asked if turn == 2 else {})}, message_id=f"m-{turn}")
    second, third = world.result(2, "m-2"), world.result(3, "m-3")
    assert (second["status"], second["mode"], second["parent_turn"]) == ("succeeded", "image_to_image", None)
    assert (second["model"], second["options"]) == ("m9", {"size": "1:1"})
    assert "restarted" in [warning["code"] for warning in second["warnings"]]
    assert [content.text for content in world.api.questions[1].context.contents] == ["b"]
    assert third["parent_turn"] == 2
    assert "restarted" not in [warning["code"] for warning in third["warnings"]]


def test_that_it_started_anew_is_said_too_where_its_worker_dies_after_the_call(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png("blue"))
    asked = {"instruction": "a", "images": ["s3://uploads/cat.jpg"]}
    world.send(asked)
    del world.objects.objects["results", world.result(1, "m-1")["images"][0]["key"]]
    world.script(stated(200, {"data": [{"url": "https://cdn.example/1.png"}]}))
    assert world.wait(asked, message_id="m-2").cause == "fetch"
    world.fetcher.pages["https://cdn.example/1.png"] = png("green")
    world.send(asked, message_id="m-2", receive_count=2)
    assert "restarted" in [warning["code"] for warning in world.result(2, "m-2")["warnings"]]
    assert len(world.api.questions) == 2


def test_turns_are_timed_by_the_clock(world: World) -> None:
    world.send({"instruction": "a"})
    assert world.clock.now == NOON
    assert world.result(1, "m-1")["timing"]["finished_at"] == "2026-11-22T12:00:00.000Z"


def test_once_there_is_room_again_one_that_waited_wakes_as_many_as_may_call_and_one_that_looks_on(world: World) -> None:
    world.daily_call_limit = 1
    world.__post_init__()
    world.send({"instruction": "a"}, thread="first", message_id="first")
    for number in range(6):
        world.clock.advance(1)
        assert world.wait({"instruction": "a"}, thread=f"t-{number}", message_id=f"m-{number}").cause == "budget"
    assert [request_id for _, _, request_id in world.probes.sent] == ["m-0"], "one copy looks for room"
    copy = world.wait({"instruction": "a"}, thread="t-0", message_id="m-0", is_probe=True)
    assert copy.retry_after == PROBE_SECONDS
    world.ledger._limit = 4
    world.send({"instruction": "a"}, thread="t-0", message_id="m-0", is_probe=True)
    woken = [where for where, wait in world.ledger.waits.items() if wait.until <= world.clock()]
    assert woken == [("t-1", "m-1"), ("t-2", "m-2"), ("t-3", "m-3")]
    for number in (1, 2):
        world.send({"instruction": "a"}, thread=f"t-{number}", message_id=f"m-{number}")
    world.wait({"instruction": "a"}, thread="t-3", message_id="m-3")
    assert [request_id for _, _, request_id in world.probes.sent] == ["m-0", "m-3"], "another looks on"


def test_who_comes_for_nothing_again_reads_no_pictures(world: World) -> None:
    world.daily_call_limit = 1
    world.__post_init__()
    world.objects.put("uploads", "cat.jpg", png())
    world.send({"instruction": "a"}, thread="first", message_id="first")
    world.wait({"instruction": "a", "images": ["s3://uploads/cat.jpg"]})
    world.objects.locked.add(("uploads", "cat.jpg"))
    assert world.wait({"instruction": "a", "images": ["s3://uploads/cat.jpg"]}).cause == "budget"


def test_one_that_did_not_wait_wakes_nobody(world: World) -> None:
    world.script(THROTTLED)
    world.wait({"instruction": "a"}, thread="other", message_id="other")
    world.clock.advance(200)
    world.script(made())
    world.send({"instruction": "a"})
    assert [wait.until > NOON for wait in world.ledger.waits.values()] == [True]


def test_where_the_one_who_looks_for_room_is_cancelled_the_next_one_looks(world: World) -> None:
    world.daily_call_limit = 1
    world.__post_init__()
    world.send({"instruction": "a"}, thread="first", message_id="first")
    for number in range(3):
        world.clock.advance(1)
        world.wait({"instruction": "a"}, thread=f"t-{number}", message_id=f"m-{number}")
    world.ledger.cancelled.add(("t-0", "m-0"))
    ended = world.send({"instruction": "a"}, thread="t-0", message_id="m-0", is_probe=True)
    assert ended.error
    assert ended.error.code == "cancelled"
    assert [where for where, wait in world.ledger.waits.items() if wait.until <= world.clock()] == [("t-1", "m-1")]
    world.wait({"instruction": "a"}, thread="t-1", message_id="m-1")
    assert [request_id for _, _, request_id in world.probes.sent] == ["m-0", "m-1"]


def test_a_request_whose_thread_was_erased_is_told_so_without_its_words_and_is_not_called(world: World) -> None:
    body = {"instruction": "a cat", "request_id": "r", "images": ["s3://uploads/cat.png"], "metadata": {"name": "Ada"}}
    world.objects.put("uploads", "cat.png", png())
    world.send(body)
    world.ledger.bury("t")
    world.objects.objects.clear()
    world.send(body, message_id="m-2")
    assert len(world.api.questions) == 1
    told = world.objects.document("results", "rejected/messages/m-2/result.json")
    assert (told["error"]["code"], told["error"]["retryable"]) == ("forgotten", False)
    assert (told["thread_id"], told["request_id"], told["turn"]) == ("t", "r", None)
    assert (told["instruction"], told["body"], told["metadata"]) == (None, "", {})
    stored = world.objects.objects["results", "rejected/messages/m-2/result.json"]
    assert dict(stored.metadata) == {"thread": "t", "request": "r"}


def test_another_request_under_its_id_is_told_that_the_id_is_taken(world: World) -> None:
    world.send({"instruction": "a cat", "request_id": "r"})
    world.ledger.bury("t")
    ended = world.send({"instruction": "a dog", "request_id": "r"}, message_id="m-2")
    assert ended.error
    assert ended.error.code == "request_id_reused"


def test_while_its_thread_is_erased_a_request_waits_and_then_begins_it_anew(world: World) -> None:
    world.send({"instruction": "a cat"})
    world.ledger.erasing.add("t")
    waits = world.wait({"instruction": "a dog"}, message_id="m-2")
    assert (waits.cause, world.ledger.waits["t", "m-2"].instruction) == ("erasing", "a dog")
    world.ledger.bury("t")
    world.ledger.erasing.clear()
    world.send({"instruction": "a dog"}, message_id="m-2")
    assert (world.result(1, "m-2")["status"], len(world.api.questions)) == ("succeeded", 2)
