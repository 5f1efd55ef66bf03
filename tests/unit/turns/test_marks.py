"""A result states that a model made it. The API gets its own picture back, without the mark."""

import hashlib
import struct
import zlib
from dataclasses import replace
from typing import Any

import pytest

from darkroom.domain import keys
from darkroom.domain.outcome import Picture
from darkroom.domain.thread import PAGE_TURNS, SENT_TURNS
from darkroom.domain.timing import LEASE_SECONDS
from darkroom.errors import Fault
from darkroom.pictures import marking, strip_metadata
from darkroom.pictures.marking import SOURCE_TYPES
from tests.fakes.image_api import made, png, stated
from tests.pictures.making import saved, scene
from tests.unit.turns import test_publisher as publishing
from tests.unit.turns.test_publisher import LedgerThatBreaks, OnPicture
from tests.unit.turns.world import World

OF_WORDS, OF_A_SOURCE = SOURCE_TYPES
CAT: dict[str, Any] = {"instruction": "a", "images": ["s3://uploads/cat.jpg"]}


def ask(world: World, number: int = 1, **body: Any) -> Picture:
    """One turn's picture, checked to be published as its outcome states."""
    ended = world.send({"instruction": "a", **body}, message_id=f"m-{number}")
    assert ended.error is None
    (picture,) = ended.images
    data = stored(world, picture)
    assert (picture.bytes, picture.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return picture


def stored(world: World, picture: Picture) -> bytes:
    return world.objects.objects[picture.bucket, picture.key].data


def sent(world: World) -> list[bytes]:
    """The pictures of the newest call."""
    return [image.data[:] for image in world.api.questions[-1].context.images]


def said(picture: Picture) -> tuple[str | None, str]:
    assert picture.provenance is not None
    return picture.provenance["digital_source_type"], picture.provenance["mark"]


def signed(data: bytes) -> bytes:
    chunk = b"caBX" + b"a manifest"
    return data[:33] + struct.pack(">L", 10) + chunk + struct.pack(">L", zlib.crc32(chunk)) + data[33:]


# The mark of a result.


def test_words_alone_make_trained_media(world: World) -> None:
    assert said(ask(world)) == (OF_WORDS, "written")
    assert world.result(1, "m-1")["images"][0]["provenance"] == {
        "c2pa": False,
        "digital_source_type": OF_WORDS,
        "mark": "written",
    }


def test_a_source_makes_it_a_composite_and_so_does_one_further_back(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png("blue", kind="JPEG"))
    assert said(ask(world, **CAT)) == (OF_A_SOURCE, "written")
    assert said(ask(world, 2)) == (OF_A_SOURCE, "written")


def test_a_conversation_of_words_stays_one(world: World) -> None:
    assert [said(ask(world, number)) for number in (1, 2)] == [(OF_WORDS, "written")] * 2


def test_a_branch_that_begins_anew_has_no_source(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png("blue", kind="JPEG"))
    ask(world, **CAT)
    assert said(ask(world, 2, parent_turn=0)) == (OF_WORDS, "written")


def test_a_source_is_known_however_far_back_it_lies(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png("blue", kind="JPEG"))
    ask(world, **CAT)
    for number in range(2, max(PAGE_TURNS, SENT_TURNS) + 4):
        assert said(ask(world, number)) == (OF_A_SOURCE, "written")


@pytest.mark.parametrize(
    ("answer", "provenance"),
    [
        (signed(png()), {"c2pa": True, "digital_source_type": None, "mark": "signed"}),
        (saved(scene(), "GIF"), {"c2pa": None, "digital_source_type": None, "mark": "other_format"}),
    ],
    ids=["signed", "gif"],
)
def test_what_cannot_be_marked_is_published_as_it_came_and_says_why(
    world: World, answer: bytes, provenance: dict[str, object]
) -> None:
    world.script(made(answer))
    picture = ask(world)
    assert stored(world, picture) == answer
    assert picture.provenance == provenance


def test_where_marks_are_off_none_is_written(world: World) -> None:
    world.is_marking = False
    picture = ask(world)
    assert said(picture) == (None, "off")
    assert stored(world, picture) == png()


# A result goes back to the API unmarked.


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_next_call_has_the_picture_byte_for_byte_as_the_api_made_it(world: World, kind: str) -> None:
    answer = saved(scene(), kind)
    world.script(made(answer))
    assert stored(world, ask(world)) != answer
    ask(world, 2)
    assert sent(world) == [answer]


def test_a_signed_one_goes_back_with_its_signature(world: World) -> None:
    world.script(made(signed(png())))
    ask(world)
    ask(world, 2)
    assert sent(world) == [signed(png())]


def test_a_mark_that_the_api_wrote_itself_goes_back_with_the_picture(world: World) -> None:
    answer = marking.marked(png(), OF_WORDS)[0][:]
    world.script(made(answer))
    assert said(ask(world)) == (OF_WORDS, "there_already")
    ask(world, 2)
    assert sent(world) == [answer]


def test_of_a_result_whose_turn_says_nothing_of_a_mark_nothing_is_taken_out(world: World) -> None:
    """The turns of earlier releases are such."""
    picture = ask(world)
    (turn,) = world.ledger.turns["t"]
    world.ledger.turns["t"] = [replace(turn, images=[replace(picture, provenance=None)])]
    ask(world, 2)
    assert sent(world) == [stored(world, picture)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_result_that_is_downloaded_and_uploaded_again_is_known_and_goes_without_its_mark(
    world: World, kind: str
) -> None:
    answer = saved(scene(), kind)
    world.script(made(answer))
    picture = ask(world)
    world.objects.put("uploads", "again.png", stored(world, picture))
    assert said(ask(world, 2, images=["s3://uploads/again.png"])) == (OF_A_SOURCE, "written")
    assert sent(world) == [strip_metadata.stripped(answer)[:]], "it is the newest result, and is sent once"
    assert world.result(2, "m-2")["sources"][0]["sha256"] == picture.sha256


def test_an_echo_of_a_marked_result_is_unchanged(world: World) -> None:
    ask(world)
    ended = world.send({"instruction": "b"}, message_id="m-2")
    assert [caution.code for caution in ended.warnings] == ["unchanged"]


# Marking once.


def interrupted(world: World) -> dict[str, bytes]:
    """The objects of an attempt that died between its pictures and its turn."""
    world.ledger = ledger = LedgerThatBreaks(world.clock)
    with pytest.raises(Fault, match="died"):
        world.send({"instruction": "a"})
    ledger.breaks = False
    world.clock.advance(LEASE_SECONDS + 1)
    return {key: world.objects.objects["results", key].data for key in world.objects.keys("results")}


def test_the_attempt_after_a_crash_publishes_the_same_bytes_and_says_the_same(world: World) -> None:
    first = interrupted(world)
    picture = ask(world)
    assert {picture.key: stored(world, picture)} == first
    assert said(picture) == (OF_WORDS, "written")
    assert len(world.api.questions) == 1


@pytest.mark.parametrize("was_marking", [True, False])
def test_what_was_published_before_the_parameter_was_changed_stands_and_is_told_as_it_is(
    world: World, was_marking: bool
) -> None:
    world.is_marking = was_marking
    first = interrupted(world)
    world.is_marking = not was_marking
    picture = ask(world)
    assert {picture.key: stored(world, picture)} == first
    assert said(picture) == ((OF_WORDS, "written") if was_marking else (None, "off"))
    ask(world, 2)
    assert sent(world) == [png()]


def test_a_turn_that_is_judged_again_has_its_mark(world: World) -> None:
    world.objects.put("uploads", "cat.jpg", png("blue", kind="JPEG"))
    world.script(stated(200, {"data": []}))
    old = world.send(CAT | {"request_id": "r"})
    (key,) = world.objects.keys("spool")
    world.objects.put("spool", key, made().body[:], world.objects.objects["spool", key].metadata)
    judged = world.send({"repairs": old.turn, "request_id": f"repair-{keys.sha256('r')[:32]}"}, message_id="m-2")
    assert judged.error is None
    assert [said(picture) for picture in judged.images] == [(OF_A_SOURCE, "written")]


def test_a_doubtful_picture_is_kept_by_the_hash_that_its_outcome_names(on_picture: OnPicture) -> None:
    """An erasure of its thread finds it by that hash."""
    world = World(renditions=on_picture.behind)
    world.script(made(publishing.PLAIN))
    picture = ask(world)
    assert [ref.key for ref in on_picture.checked] == [keys.doubtful_key(picture.sha256)]


@pytest.fixture
def on_picture() -> OnPicture:
    return OnPicture()
