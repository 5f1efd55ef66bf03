"""The state that passes from turn to turn within a dialect, and a stack that changes its dialect."""

from dataclasses import replace

import pytest

from darkroom.domain import keys
from darkroom.domain.outcome import Outcome
from darkroom.errors import Ambiguous
from darkroom.providers.dialect import Answer, Encoded
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.providers.reply import Reply
from darkroom.turns.input_images import MAX_STATE_BYTES
from darkroom.turns.spool import Spool
from tests.fakes.edge import Died
from tests.fakes.image_api import made, png, stated
from tests.unit.turns.world import World

STATE = b'"what the API wants back"'
PLACE = ("results", keys.turn_prefix("t", 1, "m-1") + keys.STATE)


def understood(reply: Reply) -> Answer:
    """The other dialect's answer in a reply: a picture with a state beside it."""
    answer = NEBULA.interpret(reply)
    pictures = (each._replace(state=STATE) if isinstance(each, Encoded) else each for each in answer.pictures)
    return answer._replace(pictures=tuple(pictures))


OTHER = NEBULA._replace(name="other", interpret=understood, options={"size": NEBULA.options["size"]})
NEWEST = OTHER._replace(history="newest")


@pytest.fixture
def world() -> World:
    """A world with the other dialect, whose model has answered the first turn of `t`."""
    world = World(dialect=OTHER, dialects={NEBULA.name: NEBULA, OTHER.name: OTHER})
    world.script(replace(made(), dialect="other"))
    world.send({"instruction": "a cat"})
    return world


def second(world: World, **more: object) -> Outcome:
    return world.send({"instruction": "at night", **more}, message_id="m-2")


def state_sent(world: World) -> list[bytes]:
    """The states beside the pictures of the newest call."""
    return [image.state[:] for image in world.api.questions[-1].context.images]


def test_what_the_api_gave_beside_a_picture_goes_back_beside_it(world: World) -> None:
    assert world.objects.objects[PLACE].data == STATE
    second(world)
    assert state_sent(world) == [STATE]


def test_neither_result_nor_picture_tells_of_it(world: World) -> None:
    document = world.result(1, "m-1")
    assert "state" not in str(document)
    assert "dialect" not in document


def test_another_model_does_not_take_it(world: World) -> None:
    second(world, model="another")
    assert state_sent(world) == [b""]


def test_nor_does_another_dialect_and_its_model_and_options_are_not_inherited(world: World) -> None:
    world.dialect = NEBULA
    world.script(made())
    ended = second(world)
    assert state_sent(world) == [b""]
    assert (ended.status, ended.model, ended.options, ended.dialect) == ("succeeded", "stack-model", {}, "nebula")


@pytest.mark.parametrize("happens", ["gone", "too large", "locked"])
def test_where_it_cannot_be_had_the_turn_goes_without(world: World, happens: str) -> None:
    if happens == "gone":
        del world.objects.objects[PLACE]
    elif happens == "locked":
        world.objects.locked.add(PLACE)
    else:
        world.objects.put(*PLACE, bytes(MAX_STATE_BYTES + 1))
    assert second(world).status == "succeeded"
    assert state_sent(world) == [b""]


def test_a_conversation_may_be_reported_by_its_newest_picture_and_these_words(world: World) -> None:
    world.dialect = NEWEST
    ended = second(world)
    (content,) = world.api.questions[-1].context.contents
    assert (content.role, content.text, len(content.images)) == ("user", "at night", 1)
    assert (ended.mode, ended.parent_turn) == ("conversation", 1)


def test_its_words_leave_the_room_to_the_pictures(world: World) -> None:
    """Words that are not sent take no room. Here the older words alone would fill the request."""
    long = "a cat " * 1300
    for number in range(2, 9):
        world.send({"instruction": long}, message_id=f"m-{number}")
    world.dialect = NEWEST
    world.max_request_bytes = 60_000
    assert world.send({"instruction": "at night"}, message_id="m-9").status == "succeeded"


def test_an_answer_is_judged_in_the_dialect_that_it_was_asked_in(world: World) -> None:
    """The parameter changes between call and settlement: the worker dies over the answer, another settles it."""
    world.script(Died())
    with pytest.raises(Died):
        second(world)
    spooled = replace(made(png("navy")), dialect="other")
    assert Spool(world.objects, "spool", world.dialects).keep("t", "m-2", 1, spooled)
    world.dialect = NEBULA
    world.clock.advance(600)
    ended = second(world)
    assert (ended.status, ended.dialect, ended.has_state) == ("succeeded", "other", True)


@pytest.mark.parametrize(("status", "is_named"), [(404, True), (503, True), (500, False), (429, False)])
def test_a_model_that_is_known_to_be_gone_is_named(world: World, status: int, is_named: bool) -> None:
    world.dialect = world.dialects["nebula"]
    world.script(stated(status, {"error": {"message": "no"}}))
    trouble = world.wait({"instruction": "b", "model": "gpt-image-1"}, message_id="m-2")
    assert ("the model is retired; set ImageModel" in trouble.message) == is_named
    assert (trouble.cause == "model") == is_named
    other = world.wait({"instruction": "b", "model": "gemini-3.1-flash-image"}, message_id="m-3")
    assert "retired" not in other.message


def test_a_retired_model_may_answer_all_the_same(world: World) -> None:
    assert second(world, model="gpt-image-1").status == "succeeded"


def test_an_answer_that_is_lost_says_nothing_of_the_model(world: World) -> None:
    world.script(Ambiguous("the line broke"))
    assert world.wait({"instruction": "b", "model": "gpt-image-1"}, message_id="m-2").cause == "ambiguous"
