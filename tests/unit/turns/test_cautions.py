"""Warnings about results: a result is the source, one colour, or of another shape than requested."""

from collections.abc import Mapping

import pytest
from PIL import Image as Pillow

from darkroom.domain.context import Image
from darkroom.pictures import inspect, strip_metadata
from darkroom.streaming.blob import File, sha256
from darkroom.turns import cautions
from darkroom.turns.cautions import Asked
from tests.fakes.image_api import made, stated
from tests.pictures.making import SECRET, photographed, saved, scene
from tests.unit.samples import source
from tests.unit.turns.world import World

NOISE = Pillow.effect_noise((60, 40), 60).convert("RGB")


def codes(picture: bytes, asked: Asked) -> list[str]:
    found = inspect.inspect(picture)
    return [caution.code for caution in cautions.of("image.png", found, asked, is_unverified=False)]


def messages(made_as: tuple[int, int], options: Mapping[str, str]) -> list[str]:
    found = inspect.inspect(saved(scene(size=made_as), "PNG"))
    return [caution.message for caution in cautions.of("image.png", found, Asked(options), is_unverified=False)]


# Shapes.


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"size": "16:9"}, (1024, 1024)),
        ({"aspect_ratio": "4:3"}, (120, 80)),
        ({"size": "1024x1536"}, (120, 80)),
        ({"size": "1792 × 1024"}, (80, 80)),
        ({"size": "1024*1024"}, (120, 80)),
        ({"size": "2.39:1"}, (160, 90)),
        ({"aspect_ratio": "1:1", "size": "3:2"}, (120, 80)),
    ],
)
def test_another_shape_than_was_asked_for_is_said_with_both(options: dict[str, str], size: tuple[int, int]) -> None:
    option, asked = next(iter(options.items()))
    assert messages(size, options) == [f"image.png is {size[0]} x {size[1]}, and {option} asked for {asked}"]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"size": "16:9"}, (1344, 768)),  # a size that models make
        ({"size": "21:9"}, (1536, 672)),
        ({"size": "5:4"}, (1152, 896)),
        ({"size": "4:3"}, (1184, 864)),
        ({"size": "1024x1024"}, (2048, 2048)),
        ({"aspect_ratio": "3:2", "size": "1:1"}, (120, 80)),
        ({"size": "2K"}, (120, 80)),
        ({"size": "auto", "quality": "hd"}, (120, 80)),
        ({"size": "0x0"}, (120, 80)),
        ({"size": "9" * 60}, (120, 80)),
        ({}, (120, 80)),
    ],
)
def test_about_the_same_shape_is_none_and_so_is_what_names_no_shape(
    options: dict[str, str], size: tuple[int, int]
) -> None:
    assert messages(size, options) == []


# The picture that was sent.


def test_the_very_file_that_was_sent_is_unchanged() -> None:
    data = saved(NOISE, "PNG")
    digest = sha256(data)
    assert codes(data, Asked(sources=[source(sha256=digest)])) == ["unchanged"]
    assert codes(data, Asked(sources=[source()])) == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_so_are_the_same_pixels_with_other_words_beside_them(kind: str) -> None:
    data = photographed(kind, NOISE)
    assert SECRET.encode() in data
    sent = File([strip_metadata.stripped(data)[:]])
    assert SECRET.encode() not in sent[:]
    assert codes(data, Asked(sent=[Image(sent, inspect.facts(data).media_type, "0")])) == ["unchanged"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_other_pixels_are_not(kind: str) -> None:
    one, other = saved(NOISE, kind), saved(NOISE.rotate(180), kind)
    facts = inspect.inspect(one).facts
    assert codes(one, Asked(sent=[Image(other, facts.media_type, "0"), Image(one, "image/gif", "0")])) == []


def test_what_was_sent_and_comes_back_is_said_in_the_result(world: World) -> None:
    photo = photographed("JPEG", NOISE)
    world.objects.put("uploads", "a.jpg", photo)
    world.script(lambda question: made(question.context.images[0].data[:]))
    world.send({"instruction": "a", "images": ["s3://uploads/a.jpg"]})
    assert world.api.questions[0].context.images[0].data[:] != photo
    assert world.result(1, "m-1")["warnings"] == [
        {"code": "unchanged", "message": "image.jpg has the same pixels as a picture that was sent"}
    ]
    world.script(lambda question: made(question.context.images[0].data[:]))
    assert [each.code for each in world.send({"instruction": "b"}, message_id="m-2").warnings] == ["unchanged"]


def test_a_source_that_comes_back_is_seen_also_when_the_answer_is_found_in_the_spool(world: World) -> None:
    photo = saved(NOISE, "PNG")
    world.objects.put("uploads", "a.png", photo)
    world.script(stated(200, {"data": [{"url": "https://cdn.example/1.png"}]}))
    world.wait({"instruction": "a", "images": ["s3://uploads/a.png"]})
    world.fetcher.pages["https://cdn.example/1.png"] = photo
    ended = world.send({"instruction": "a", "images": ["s3://uploads/a.png"]})
    assert len(world.api.questions) == 1
    assert [each.code for each in ended.warnings] == ["unchanged"]


# In a turn.


def test_a_turn_is_told_what_to_look_at(world: World) -> None:
    world.script(made(saved(Pillow.new("RGB", (64, 64), "red"), "PNG")))
    world.send({"instruction": "a", "options": {"size": "16:9"}})
    assert world.result(1, "m-1")["status"] == "succeeded"
    assert world.result(1, "m-1")["warnings"] == [
        {"code": "single_colour", "message": "image.png is one colour all over"},
        {"code": "aspect_ratio", "message": "image.png is 64 x 64, and size asked for 16:9"},
    ]
    assert [each.code for each in world.ledger.thread("t").turns[0].warnings] == ["single_colour", "aspect_ratio"]


def test_of_several_pictures_each_is_named(world: World) -> None:
    world.script(made(saved(Pillow.new("RGB", (8, 6), "red"), "PNG"), saved(NOISE, "PNG")))
    world.send({"instruction": "a"})
    assert world.result(1, "m-1")["warnings"] == [
        {"code": "single_colour", "message": "image-1.png is one colour all over"}
    ]


def test_a_turn_with_nothing_to_say_has_no_warnings(world: World) -> None:
    world.script(made(saved(NOISE, "PNG")))
    assert world.send({"instruction": "a"}).warnings == []
