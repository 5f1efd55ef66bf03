"""A paid picture is published once and whole, even if the function that decodes it fails."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from PIL import Image as Pillow
from PIL import PngImagePlugin

from darkroom.domain.outcome import Outcome
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.thread import Past
from darkroom.domain.timing import LEASE_SECONDS, MAX_CHECKS, MAX_STRIKES, PICTURE_SECONDS, SAVE_SECONDS
from darkroom.errors import Fault, TooManyPixels, Unavailable, Undecodable
from darkroom.pictures.handler import Normalizer
from darkroom.pictures.marking import unmarked
from darkroom.pictures.renditions import Renditions
from darkroom.turns.ports import Claim
from tests.fakes.image_api import made
from tests.fakes.ledger import MemoryLedger
from tests.fakes.objects import MemoryObjects
from tests.fakes.queue import sent_message
from tests.pictures.breaking import BROKEN_PNG, EVERY, with_junk_for_pixels, with_wrong_checksum
from tests.pictures.making import saved, scene
from tests.unit.samples import opened
from tests.unit.turns.world import World

LARGE = (600, 420)
PHOTO = Pillow.effect_noise(LARGE, 60).convert("RGB")
WHOLE = saved(PHOTO, "PNG")
PLAIN = saved(scene(size=(1024, 1024)), "PNG")  # its few bytes may be one colour, or no picture
HEAD_ALONE = b"GIF89a" + struct.pack("<HH", 10_000, 9_999) + bytes(3) + b"," + bytes(26)


@dataclass
class OnPicture:
    """The function that decodes large pictures. `happens` runs before each."""

    happens: Callable[[], object] = lambda: None
    checked: list[ImageRef] = field(default_factory=list)

    def behind(self, objects: MemoryObjects) -> Renditions:
        self.objects = objects
        return Renditions(objects, self, "spool")

    def normalize(self, ref: ImageRef, most_bytes: int) -> None:
        Normalizer(self.objects, "spool").normalize(ref, most_bytes)

    def check(self, ref: ImageRef) -> bool:
        self.checked.append(ref)
        self.happens()
        return Normalizer(self.objects, "spool").check(ref)


class LedgerThatBreaks(MemoryLedger):
    """A ledger that does not commit while it `breaks`."""

    breaks = True

    def commit(self, claim: Claim, outcome: Outcome, past: Past | None = None) -> None:
        if self.breaks:
            raise Fault("died")
        super().commit(claim, outcome, past)


@pytest.fixture
def on_picture() -> OnPicture:
    return OnPicture()


@pytest.fixture
def world(on_picture: OnPicture) -> World:
    return World(renditions=on_picture.behind)


def raising(error: Exception) -> Callable[[], object]:
    def happens() -> None:
        raise error

    return happens


def published(world: World, *pictures: bytes) -> tuple[list[bytes], list[str]]:
    """A turn's pictures without their marks, and the codes of its warnings, for an answer with these pictures."""
    world.script(made(*pictures))
    ended = world.send({"instruction": "a"})
    assert ended.error is None
    assert ended.cost.paid_calls == 1
    files = [world.objects.objects[image.bucket, image.key].data for image in ended.images]
    assert [len(data) for data in files] == [image.bytes for image in ended.images]
    return [unmarked(data)[:] for data in files], [caution.code for caution in ended.warnings]


def with_words(picture: bytes, words: str) -> bytes:
    said = PngImagePlugin.PngInfo()
    said.add_text("Software", words)
    target = io.BytesIO()
    Pillow.open(io.BytesIO(picture)).save(target, "PNG", pnginfo=said)
    return target.getvalue()


# Each picture once.


def test_the_same_pixels_are_published_once_and_the_last_stays(world: World) -> None:
    files, _ = published(world, with_words(WHOLE, "a draft"), WHOLE, with_words(WHOLE, "the picture"))
    assert files == [with_words(WHOLE, "the picture")]
    assert [image["key"].rpartition("/")[2] for image in world.result(1, "m-1")["images"]] == ["image.png"]


def test_other_pictures_between_them_stay_in_their_order(world: World) -> None:
    other = saved(PHOTO.rotate(180), "PNG")
    files, _ = published(world, WHOLE, other, with_words(WHOLE, "-"))
    assert files == [other, with_words(WHOLE, "-")]
    images = world.result(1, "m-1")["images"]
    assert [(image["key"].rpartition("/")[2], image["primary"]) for image in images] == [
        ("image-1.png", False),
        ("image-2.png", True),
    ]


def test_the_same_file_in_a_format_without_parts_is_published_once_too(world: World) -> None:
    bmp = saved(scene(), "BMP")
    assert published(world, bmp, bmp)[0] == [bmp]


# Whole pictures.


@pytest.mark.parametrize(
    ("kind", "broken"), [(kind, broken) for kind, _, broken in EVERY], ids=[f"{kind}-{name}" for kind, name, _ in EVERY]
)
def test_a_broken_file_is_published_whole(
    world: World, on_picture: OnPicture, kind: str, broken: Callable[[bytes], bytes]
) -> None:
    whole = saved(PHOTO, kind)
    (data,), warned = published(world, broken(whole))
    assert warned == ["repaired"]
    Pillow.open(io.BytesIO(data)).verify()
    assert opened(data).tobytes() == opened(whole).tobytes()
    assert len(on_picture.checked) == (0 if kind == "WEBP" else 1), "what is small is decoded at once"


def test_a_sound_answer_is_published_as_it_is_and_asks_nobody(world: World, on_picture: OnPicture) -> None:
    assert published(world, WHOLE) == ([WHOLE], [])
    assert on_picture.checked == []


def test_one_of_few_bytes_is_decoded_and_is_published_as_it_is(world: World, on_picture: OnPicture) -> None:
    assert published(world, PLAIN) == ([PLAIN], [])
    assert len(on_picture.checked) == 1
    assert [key.partition("/")[0] for _, key in world.objects.objects if "doubtful" in key] == ["doubtful"]


def test_a_large_one_of_one_colour_is_said_so(world: World) -> None:
    assert published(world, saved(Pillow.new("RGB", (1024, 1024), "teal"), "PNG"))[1] == ["single_colour"]


@pytest.mark.parametrize("answer", [with_junk_for_pixels(WHOLE, bytes), HEAD_ALONE])
def test_what_cannot_be_whole_is_no_image(world: World, answer: bytes) -> None:
    world.script(made(answer))
    ended = world.send({"instruction": "a"})
    assert ended.error is not None
    assert (ended.error.code, ended.cost.paid_calls) == ("no_image", 1)
    assert published_keys(world) == ["result.json"]


def published_keys(world: World) -> list[str]:
    return [key.rpartition("/")[2] for key in world.objects.keys("results", "threads/")]


def test_it_is_left_out_while_another_is_whole(world: World) -> None:
    assert published(world, with_junk_for_pixels(WHOLE, bytes), WHOLE) == ([WHOLE], [])


# Failures of the function.


@pytest.mark.parametrize(
    ("answer", "warned"),
    [(PLAIN, ["unverified"]), (with_wrong_checksum(WHOLE, b"IDAT"), ["repaired", "unverified"])],
    ids=["of-few-bytes", "broken"],
)
def test_a_picture_that_on_picture_dies_over_is_published_and_is_no_strike(
    world: World, on_picture: OnPicture, answer: bytes, warned: list[str]
) -> None:
    on_picture.happens = raising(Fault("on-picture: Runtime.ExitError"))
    (data,), codes = published(world, answer)
    assert codes == warned
    Pillow.open(io.BytesIO(data)).verify()
    assert world.dead.sent == []


@pytest.mark.parametrize("error", [Undecodable("broken"), TooManyPixels("many")])
def test_what_on_picture_refuses_is_no_image(world: World, on_picture: OnPicture, error: Exception) -> None:
    on_picture.happens = raising(error)
    world.script(made(PLAIN))
    ended = world.send({"instruction": "a"})
    assert ended.error is not None
    assert ended.error.code == "no_image"


def test_where_aws_passes_the_answer_waits_for_it_without_a_strike(world: World, on_picture: OnPicture) -> None:
    on_picture.happens = raising(Unavailable("aws", "TooManyRequestsException"))
    world.script(made(PLAIN))
    for _ in range(MAX_STRIKES + 2):
        assert world.wait({"instruction": "a"}).cause == "aws"
        world.clock.advance(LEASE_SECONDS + 1)
    on_picture.happens = lambda: None
    assert world.send({"instruction": "a"}).error is None
    assert len(world.api.questions) == 1


def test_where_too_little_time_is_left_the_answer_waits_for_the_next_invocation(
    world: World, on_picture: OnPicture
) -> None:
    world.script(made(PLAIN))
    short = PICTURE_SECONDS + SAVE_SECONDS - 1.0
    with pytest.raises(Unavailable, match="time"):
        world.answering().answer(sent_message({"instruction": "a"}), lambda: short if world.api.questions else 900.0)
    assert on_picture.checked == []
    assert world.send({"instruction": "a"}).error is None
    assert len(world.api.questions) == 1


def test_only_so_many_pictures_are_checked_as_there_is_time_for(world: World, on_picture: OnPicture) -> None:
    plain = [saved(scene(size=(1024, 1000 + number)), "PNG") for number in range(MAX_CHECKS + 2)]
    files, warned = published(world, *plain)
    assert files == plain
    assert warned == ["unverified"] * 2
    assert len(on_picture.checked) == MAX_CHECKS


def test_an_answer_that_is_published_again_has_the_same_pictures(world: World, on_picture: OnPicture) -> None:
    """The first attempt dies after it has written its pictures and before it announces them."""
    answer = [BROKEN_PNG["no-end"](WHOLE), PLAIN]
    on_picture.happens = raising(Fault("on-picture: Runtime.ExitError"))
    world.script(made(*answer))
    world.ledger = ledger = LedgerThatBreaks(world.clock)
    with pytest.raises(Fault, match="died"):
        world.send({"instruction": "a"})
    ledger.breaks = False
    first = {key: world.objects.objects["results", key].data for key in world.objects.keys("results")}
    assert len(first) == 2
    world.clock.advance(LEASE_SECONDS + 1)
    on_picture.happens = lambda: None
    ended = world.send({"instruction": "a"})
    assert {image.key: world.objects.objects["results", image.key].data for image in ended.images} == first
    assert [caution.code for caution in ended.warnings] == ["repaired"]
    assert len(world.api.questions) == 1


def test_the_next_turn_goes_on_from_a_picture_that_nobody_could_verify(world: World, on_picture: OnPicture) -> None:
    on_picture.happens = raising(Fault("on-picture: Runtime.ExitError"))
    published(world, PLAIN)
    world.script(made(WHOLE))
    ended = world.send({"instruction": "b"}, message_id="m-2")
    assert ended.error is None
    assert [image.data[:] for image in world.api.questions[1].context.images] == [PLAIN]
