"""The one answer that a request pays for: lost, late, free, spooled, and asked for again."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from darkroom.domain.price import Price
from darkroom.domain.timing import LEASE_SECONDS, MAX_DOWNLOADS
from darkroom.errors import Ambiguous, Rejected, Unavailable
from darkroom.providers import answer_reader
from darkroom.providers.dialect import DialectSettings
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.streaming.blob import File
from darkroom.turns.spool import Spool
from tests.fakes.edge import Died
from tests.fakes.image_api import made, png, stated
from tests.fakes.objects import MemoryObjects
from tests.unit.turns.world import World


def test_the_same_request_five_times_is_one_turn_and_one_call(world: World) -> None:
    outcomes = [world.send({"instruction": "a", "request_id": "r"}, message_id=f"m-{n}") for n in range(5)]
    assert len(world.api.questions) == 1
    assert [outcome.turn for outcome in outcomes] == [1] * 5
    assert len([key for key in world.objects.writes if key.endswith("result.json")]) == 1


def test_a_refused_key_is_fetched_anew(world: World) -> None:
    world.script(stated(401, {"code": 401, "msg": "no", "data": None}))
    world.wait({"instruction": "a"})
    assert world.api.distrusted == 1


def test_a_lost_answer_is_asked_for_once_more_and_no_more(world: World) -> None:
    world.script(Ambiguous("cut"))
    assert world.wait({"instruction": "a"}).cause == "ambiguous"
    world.send({"instruction": "a"})
    result = world.result(1, "m-1")
    assert (result["error"]["code"], result["cost"]["paid_calls"]) == ("outcome_unknown", 2)
    assert len(world.api.questions) == 2


def test_later_turns_go_on_after_an_unknown_outcome(world: World) -> None:
    world.script(Ambiguous("cut"), Ambiguous("cut"), made())
    world.wait({"instruction": "a"})
    world.send({"instruction": "a"})
    world.send({"instruction": "b"}, message_id="m-2")
    assert world.result(2, "m-2")["status"] == "succeeded"


def test_a_second_call_may_succeed(world: World) -> None:
    world.script(Ambiguous("cut"), made())
    world.wait({"instruction": "a"})
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["cost"]["paid_calls"] == 2


def test_one_paid_call_may_be_all_there_is() -> None:
    world = World(max_paid_calls=1, price=Price(0.039, "USD"))
    world.script(Ambiguous("cut"))
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["error"]["code"] == "outcome_unknown"
    assert world.result(1, "m-1")["cost"] == {"paid_calls": 1, "amount": 0.039, "currency": "USD", "images": 1}


def test_no_connection_costs_nothing(world: World) -> None:
    world.script(Unavailable("unreachable", "refused"), made())
    world.wait({"instruction": "a"})
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["cost"]["paid_calls"] == 1


def test_a_model_that_takes_no_history_gets_it_flattened_at_once(world: World) -> None:
    world.send({"instruction": "a"})
    world.script(stated(400, {"error": {"message": "missing a thought_signature"}}), made())
    world.send({"instruction": "b"}, message_id="m-2")
    *_, refused, flattened = world.api.questions
    assert [content.role for content in refused.context.contents] == ["user", "model", "user"]
    assert [content.role for content in flattened.context.contents] == ["user"]
    body = json.loads(NEBULA.call(flattened, DialectSettings()).body[:])
    ((words, picture),) = [content["parts"] for content in body["contents"]]
    assert (words, picture["image"][:15]) == ({"text": "b"}, "data:image/png;")
    assert world.result(2, "m-2")["cost"]["paid_calls"] == 1


def test_it_is_flattened_only_once(world: World) -> None:
    world.send({"instruction": "a"})
    world.script(stated(400, {"error": {"message": "missing a thought_signature"}}))
    world.send({"instruction": "b"}, message_id="m-2")
    assert world.result(2, "m-2")["error"]["code"] == "invalid_request"
    assert len(world.api.questions) == 3


def test_who_dies_in_a_call_has_perhaps_paid(world: World) -> None:
    world.script(Died(), made())
    with pytest.raises(Died):
        world.send({"instruction": "a"})
    assert world.wait({"instruction": "a"}).cause == "held"
    world.clock.advance(LEASE_SECONDS + 1)
    assert world.wait({"instruction": "a"}).cause == "ambiguous"
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["cost"]["paid_calls"] == 2


def test_a_spooled_answer_is_not_paid_again(world: World) -> None:
    class Dying(MemoryObjects):
        def write_once(self, bucket: str, *args: Any, **kwargs: Any) -> bool:
            if bucket == "results":
                raise Died
            return super().write_once(bucket, *args, **kwargs)

    world.objects = Dying(world.clock)
    with pytest.raises(Died):
        world.send({"instruction": "a"})
    world.clock.advance(LEASE_SECONDS + 1)
    kept = MemoryObjects(world.clock)
    kept.objects = world.objects.objects
    world.objects = kept
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["cost"]["paid_calls"] == 1
    assert len(world.api.questions) == 1


def test_a_call_is_not_begun_without_the_time_to_end_it(world: World) -> None:
    assert world.wait({"instruction": "a"}, time_left=350).cause == "time"
    assert world.ledger.calls == {}


def test_an_address_is_fetched_from_the_spooled_answer_and_never_paid_again(world: World) -> None:
    world.script(stated(200, {"data": [{"url": "https://cdn.example/1.png"}]}))
    for _ in range(3):
        assert world.wait({"instruction": "a"}).cause == "fetch"
    world.fetcher.pages["https://cdn.example/1.png"] = png()
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["status"] == "succeeded"
    assert len(world.api.questions) == 1


BARE: dict[str, Any] = {"data": [{"text": "I refuse, but see https://cdn.example/1.png"}]}


def test_a_bare_address_that_leads_to_a_picture_is_the_answer(world: World) -> None:
    world.script(stated(200, BARE))
    world.fetcher.pages["https://cdn.example/1.png"] = png()
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["status"] == "succeeded"


@pytest.mark.parametrize("page", [b"<html>", Rejected("no_image", "a private address", charged=True)])
def test_a_bare_address_that_leads_to_none_leaves_the_words(world: World, page: bytes | Exception) -> None:
    world.script(stated(200, BARE))
    world.fetcher.pages["https://cdn.example/1.png"] = page
    world.send({"instruction": "a"})
    ended = world.result(1, "m-1")
    assert (ended["error"]["code"], ended["text"]) == ("refused", BARE["data"][0]["text"])


def test_a_bare_address_that_never_answers_leaves_the_words(world: World) -> None:
    world.script(stated(200, BARE))
    for _ in range(7):
        assert world.wait({"instruction": "a"}).cause == "fetch"
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["error"]["code"] == "refused"


def test_what_an_answer_is_to_be_doubted_for_stands_in_its_outcome(world: World) -> None:
    world.script(stated(200, {"strange": {"place": b64encode(png()).decode()}}))
    world.send({"instruction": "a"})
    ended = world.result(1, "m-1")
    assert [warning["code"] for warning in ended["warnings"]] == ["unusual_answer"]
    assert world.ledger.turns["t"][0].warnings == world.send({"instruction": "a"}).warnings


DEAD = "https://cdn.example/dead.png"


def test_a_picture_is_not_given_up_for_an_address_beside_it(world: World) -> None:
    made_here = {"b64_json": b64encode(png()).decode()}
    world.script(stated(200, {"data": [made_here, {"url": DEAD}]}))
    world.send({"instruction": "a"})
    assert len(world.result(1, "m-1")["images"]) == 1


def test_of_several_addresses_those_that_answer_are_published_in_the_end(world: World) -> None:
    world.script(stated(200, {"data": [{"url": "https://cdn.example/1.png"}, {"url": DEAD}]}))
    world.fetcher.pages["https://cdn.example/1.png"] = png()
    for _ in range(MAX_DOWNLOADS - 1):
        assert world.wait({"instruction": "a"}).cause == "fetch"
    world.send({"instruction": "a"})
    assert len(world.result(1, "m-1")["images"]) == 1


def test_one_that_may_not_be_fetched_is_left_out_at_once(world: World) -> None:
    world.script(stated(200, {"data": [{"url": DEAD}, {"url": "https://cdn.example/1.png"}]}))
    world.fetcher.pages |= {"https://cdn.example/1.png": png(), DEAD: Rejected("no_image", "a private address")}
    world.send({"instruction": "a"})
    assert len(world.result(1, "m-1")["images"]) == 1


def test_a_full_disk_leaves_no_picture_out(world: World) -> None:
    world.script(stated(200, {"data": [{"b64_json": b64encode(png()).decode()}, {"url": DEAD}]}))
    world.fetcher.pages[DEAD] = Unavailable("aws", "no room on the disk")
    assert world.wait({"instruction": "a"}).cause == "aws"
    world.fetcher.pages[DEAD] = png("blue")
    world.send({"instruction": "a"})
    assert len(world.result(1, "m-1")["images"]) == 2


@pytest.fixture
def full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """No answer can be read while the disk is full, because its reader needs a file of its own."""

    def fill(is_full: bool) -> None:
        def file() -> File:
            if is_full:
                raise Unavailable("aws", "there is no room on the disk")
            return File()

        monkeypatch.setattr(answer_reader, "File", file)

    return fill


def test_an_answer_that_a_full_disk_keeps_from_being_read_is_paid_once(
    world: World, full_disk: Callable[[bool], None]
) -> None:
    full_disk(True)
    assert [world.wait({"instruction": "a", "request_id": "r"}).cause for _ in range(3)] == ["aws"] * 3
    full_disk(False)
    assert world.send({"instruction": "a", "request_id": "r"}).status == "succeeded"
    assert len(world.api.questions) == 1
    assert world.result(1, "r")["cost"]["paid_calls"] == 1


def test_a_late_answer_that_a_full_disk_keeps_from_being_read_is_looked_at_again(
    world: World, full_disk: Callable[[bool], None]
) -> None:
    world.script(Ambiguous("cut"))
    world.wait({"instruction": "a", "request_id": "r"})
    Spool(world.objects, "spool", DIALECTS).keep("t", "r", 1, made())
    full_disk(True)
    assert world.wait({"instruction": "a", "request_id": "r"}).cause == "aws"
    full_disk(False)
    assert world.send({"instruction": "a", "request_id": "r"}).status == "succeeded"
    assert len(world.api.questions) == 1


def test_an_error_is_judged_without_the_instruction_that_it_quotes(world: World) -> None:
    words = "a sign that says: insufficient balance"
    world.script(stated(400, {"error": {"code": 400, "message": f"bad prompt: {words}"}}))
    world.send({"instruction": words})
    assert world.result(1, "m-1")["error"]["code"] == "invalid_request"


@pytest.mark.parametrize(
    "said",
    [
        {"choices": [{"message": {"content": [{"type": "text", "text": "the"}, {"type": "text", "text": "-key"}]}}]},
        {"error": {"code": "prompt_blocked", "message": "not for the-key"}},
    ],
)
def test_the_key_is_taken_out_of_words_where_the_answer_is_read(world: World, said: dict[str, Any]) -> None:
    def without(words: str) -> str:
        return "".join(words.split()).replace("the-key", "[key]")

    world.script(replace(stated(200, said), without_key=without))
    world.send({"instruction": "a"})
    told = json.dumps(world.result(1, "m-1"))
    assert "the-key" not in told
    assert "[key]" in told


def test_the_key_is_taken_out_of_an_answer_that_another_worker_has_spooled(world: World) -> None:
    world.script(stated(200, {"choices": [{"message": {"content": "I know the-key"}}]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.ledger, "settle_answered", _dies)
        with pytest.raises(Died):
            world.send({"instruction": "a"})
    world.clock.advance(LEASE_SECONDS + 1)
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["text"] == "I know [key]"


@pytest.mark.parametrize("status", [200, 500])
def test_an_address_beside_an_error_is_one_paid_call_whether_it_can_be_had_or_not(world: World, status: int) -> None:
    said = {"error": {"message": "watermark failed"}, "data": [{"url": "https://cdn.example/1.png"}]}
    world.script(stated(status, said))
    for _ in range(MAX_DOWNLOADS - 1):
        assert world.wait({"instruction": "a"}).cause == "fetch"
    world.send({"instruction": "a"})
    result = world.result(1, "m-1")
    assert (result["error"]["code"], result["cost"]["paid_calls"]) == ("no_image", 1)
    assert "watermark failed" in result["error"]["message"]
    assert len(world.api.questions) == 1


def _dies(*_: object, **__: object) -> None:
    raise Died
