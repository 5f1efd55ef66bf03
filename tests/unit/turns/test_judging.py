"""Judging again: a spooled answer of a turn without a picture becomes a turn with one, at no cost."""

import json
from typing import Any

import pytest

from darkroom.domain.keys import spool_key
from darkroom.domain.outcome import Outcome
from darkroom.domain.price import Price
from darkroom.domain.timing import MAX_DOWNLOADS
from darkroom.errors import Fault, Unavailable
from darkroom.pictures.marking import unmarked
from darkroom.providers.reply import Reply
from darkroom.turns import judging
from tests.fakes.edge import Died, Edge
from tests.fakes.image_api import made, png, stated
from tests.unit.turns.world import REFUSED, World

NOTHING = stated(200, {"data": []})
WORDS = stated(200, {"data": [{"revised_prompt": "which cat?"}]})
GARBAGE = Reply(200, {"content-type": "text/html"}, b"<html>", 0.1)


def ended(world: World, *script: Reply, **more: Any) -> Outcome:
    """A request that ended because its answers could not be read."""
    world.script(*script)
    for _ in script[1:]:
        world.wait({"instruction": "a cat", "request_id": "r", **more})
    return world.send({"instruction": "a cat", "request_id": "r", **more})


def is_understood(world: World, reply: Reply, call: int = 1) -> None:
    """Act as a later release that reads this answer in a spooled one."""
    key = spool_key("t", "r", call)
    world.objects.put("spool", key, reply.body[:], world.objects.objects["spool", key].metadata)


def judge(world: World, turn: int = 1, *, own: str = "r", message_id: str = "m-judge") -> Outcome:
    body = {"repairs": turn, "request_id": judging.request_id(own)}
    return world.send(body, message_id=message_id)


def code(outcome: Outcome) -> str | None:
    return outcome.error.code if outcome.error else None


@pytest.mark.parametrize(
    ("script", "was"),
    [((NOTHING,), "no_image"), ((WORDS,), "refused"), ((GARBAGE, GARBAGE), "outcome_unknown")],
    ids=["nothing", "words", "garbage"],
)
def test_an_answer_that_is_understood_by_now_becomes_a_turn_of_its_own(
    world: World, script: tuple[Reply, ...], was: str
) -> None:
    world.price = Price(0.04, "USD")
    old = ended(world, *script, metadata={"order": "1"}, options={"size": "1:1"}, model="m9")
    assert code(old) == was
    before = world.result(1, "r")
    is_understood(world, made(png("green"), text="done"), len(script))
    judged = judge(world)
    assert (judged.turn, judged.repairs, judged.text) == (2, 1, "done")
    same = ("thread_id", "instruction", "metadata", "model", "options", "mode", "parent_turn", "sources", "dialect")
    assert [getattr(judged, name) for name in same] == [getattr(old, name) for name in same]
    result = world.result(2, judging.request_id("r"))
    assert (result["repairs"], result["images"][0]["key"]) == (1, judged.images[0].key)
    assert unmarked(world.objects.objects["results", judged.images[0].key].data)[:] == png("green")
    assert (result["cost"]["paid_calls"], result["cost"]["amount"]) == (0, 0.0)
    assert len(world.api.questions) == len(script), "nothing is called"
    assert (world.result(1, "r"), "repairs" in before) == (before, False)


def test_pictures_and_the_way_back_are_those_of_the_old_turn(world: World) -> None:
    world.objects.put("uploads", "cat.png", png())
    ended(world, NOTHING, images=["s3://uploads/cat.png"])
    is_understood(world, made())
    judged = judge(world)
    assert [source.key for source in judged.sources] == ["cat.png"]
    kept = world.objects.objects["results", judged.images[0].key].metadata
    assert (kept["source"], kept["request"]) == ("s3://uploads/cat.png", judging.request_id("r"))


def test_the_next_turn_answers_it(world: World) -> None:
    ended(world, NOTHING)
    is_understood(world, made())
    judge(world)
    world.script(made())
    assert world.send({"instruction": "by night"}, message_id="m-2").parent_turn == 2


def test_it_leaves_breaker_and_day_alone_and_wakes_nobody(world: World) -> None:
    world.daily_call_limit = 5
    ended(world, NOTHING)
    is_understood(world, made())
    before = dict(world.ledger.calls)
    used = list[str]()
    world.breaker = Edge(lambda _count, name: used.append(name)).around(world.breaker)
    judge(world)
    assert (world.ledger.calls, used, world.probes.sent) == (before, [], [])


def test_however_often_it_is_asked_for_it_is_one_turn(world: World) -> None:
    ended(world, NOTHING)
    is_understood(world, made())
    first = judge(world)
    assert judge(world, message_id="m-again") == first
    assert len(world.ledger.turns["t"]) == 2


@pytest.mark.parametrize(("reply", "said"), [(NOTHING, "neither picture nor words"), (WORDS, "without a picture")])
def test_an_answer_without_a_picture_still_takes_no_turn_and_may_be_judged_by_a_later_release(
    world: World, reply: Reply, said: str
) -> None:
    ended(world, reply)
    refused = judge(world)
    assert refused.error
    assert (refused.turn, refused.error.code, refused.error.param) == (None, "no_image", "repairs")
    assert refused.error.message.startswith("turn 1 was judged again, and gives no picture: ")
    assert said in refused.error.message
    told = world.objects.document("results", "rejected/messages/m-judge/result.json")
    assert (told["error"]["code"], told["cost"]["paid_calls"], told["instruction"]) == ("no_image", 0, None)
    assert len(world.ledger.turns["t"]) == 1
    is_understood(world, made())
    assert judge(world, message_id="m-later").turn == 2


def test_raw_answers_that_are_gone_are_told(world: World) -> None:
    ended(world, NOTHING)
    del world.objects.objects["spool", spool_key("t", "r", 1)]
    refused = judge(world)
    assert refused.error
    assert (refused.turn, refused.error.code) == (None, "no_image")
    assert "35 days are over" in refused.error.message


def test_calls_that_the_ledger_has_forgotten_are_told(world: World) -> None:
    ended(world, NOTHING)
    del world.ledger.entries["t", "r"]
    assert code(judge(world)) == "no_image"


def test_of_several_answers_the_one_with_a_picture_is_taken(world: World) -> None:
    ended(world, GARBAGE, WORDS)
    is_understood(world, made(png("green")), 1)
    assert judge(world).images


@pytest.mark.parametrize(
    ("reply", "said"),
    [(made(), "turn 1 has its pictures"), (REFUSED, "ended as refused, and no call of it was paid")],
)
def test_what_needs_no_judging_is_told(world: World, reply: Reply, said: str) -> None:
    ended(world, reply)
    refused = judge(world)
    assert refused.error
    assert (refused.turn, refused.error.code, refused.error.param) == (None, "invalid_request", "repairs")
    assert said in refused.error.message


def test_a_turn_that_failed_for_another_reason_is_not_judged(world: World) -> None:
    ended(world, made(), images=["s3://uploads/gone.png"])
    assert code(judge(world)) == "invalid_request"


@pytest.mark.parametrize(("turn", "own"), [(2, "r"), (1, "another")])
def test_a_turn_that_is_not_there_or_an_id_that_is_not_its_own_is_a_fault_of_form(
    world: World, turn: int, own: str
) -> None:
    """An erased thread has no turns. With freely chosen ids, one answer would become many turns."""
    ended(world, NOTHING)
    is_understood(world, made())
    assert code(judge(world, turn, own=own)) == "invalid_request"
    assert len(world.ledger.turns["t"]) == 1
    assert len(world.ledger.entries) == 1, "nothing is left of it"


def test_a_thread_that_is_full_takes_no_turn_more(world: World) -> None:
    world.max_turns = 1
    ended(world, NOTHING)
    is_understood(world, made())
    assert code(judge(world)) == "too_many_turns"


def test_a_picture_at_an_address_is_waited_for_as_ever(world: World) -> None:
    ended(world, NOTHING)
    is_understood(world, stated(200, {"data": [{"url": "https://pictures.example/a.png"}]}))
    body = {"repairs": 1, "request_id": judging.request_id("r")}
    for _ in range(MAX_DOWNLOADS - 1):
        assert world.wait(body, message_id="m-judge").cause == "fetch"
    assert world.ledger.waits["t", judging.request_id("r")].instruction == "a cat"
    refused = world.send(body, message_id="m-judge")
    assert (refused.turn, code(refused)) == (None, "no_image")
    world.fetcher.pages["https://pictures.example/a.png"] = png()
    assert judge(world, message_id="m-later").turn == 2


def test_a_judging_that_kills_its_workers_ends_without_a_turn_and_leaves_a_copy_that_is_it(world: World) -> None:
    ended(world, NOTHING)
    is_understood(world, made())
    objects = world.objects

    def dies(_count: int, name: str) -> None:
        if name == "before write_once":
            raise Died

    for _ in range(5):
        world.objects = Edge(dies).around(objects)
        with pytest.raises(Died):
            judge(world)
        world.clock.advance(61)
    world.objects = objects
    refused = judge(world)
    assert (refused.turn, code(refused)) == (None, "internal_error")
    ((copy, thread, request_id),) = world.dead.sent
    assert (thread, request_id) == ("t", judging.request_id("r"))
    assert json.loads(copy) == {"thread_id": "t", "repairs": 1, "request_id": judging.request_id("r")}
    assert world.send(copy, message_id="m-redriven").turn == 2


def test_aws_that_passes_is_waited_for(world: World) -> None:
    ended(world, NOTHING)
    is_understood(world, made())
    objects = world.objects

    def fails(_count: int, name: str) -> None:
        if name == "before fetch":
            raise Unavailable("aws", "it passes")

    world.objects = Edge(fails).around(objects)
    assert world.wait({"repairs": 1, "request_id": judging.request_id("r")}).cause == "aws"
    world.objects = objects
    assert judge(world).turn == 2


def test_a_dialect_that_this_release_does_not_know_is_a_fault_and_not_a_no(world: World) -> None:
    ended(world, NOTHING)
    key = spool_key("t", "r", 1)
    stored = world.objects.objects["spool", key]
    world.objects.put("spool", key, stored.data[:], {**stored.metadata, "dialect": "of the future"})
    with pytest.raises(Fault, match="of the future"):
        judge(world)


def test_while_its_thread_is_erased_it_waits_and_then_there_is_nothing_to_judge(world: World) -> None:
    ended(world, NOTHING)
    is_understood(world, made())
    world.ledger.erasing.add("t")
    assert world.wait({"repairs": 1, "request_id": judging.request_id("r")}).cause == "erasing"
    assert not [key for key in world.objects.writes if "/image" in key]
    world.ledger.bury("t")
    world.ledger.erasing.clear()
    refused = judge(world)
    assert (refused.turn, code(refused)) == (None, "invalid_request")
    assert ("t", judging.request_id("r")) not in world.ledger.entries
