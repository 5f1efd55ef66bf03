"""A picture is normalized once if it has to be, and each failure ends in an outcome or a wait."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from PIL import Image as Pillow

from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Rejected, TooManyPixels, Unavailable, Undecodable
from darkroom.pictures.handler import Normalizer
from darkroom.pictures.renditions import Renditions
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.turns.input_images import Reader
from tests.fakes.objects import MemoryObjects
from tests.pictures.making import saved
from tests.unit.samples import encoded, source

SCAN = saved(Pillow.effect_noise((96, 64), 60), "TIFF")
SHA256 = hashlib.sha256(SCAN).hexdigest()
REF = ImageRef("uploads", "scan.tif")


@dataclass
class CountedNormalizer:
    """A normalizer that counts its work. `happens` runs before each."""

    objects: MemoryObjects
    happens: Callable[[], object] = lambda: None
    done: list[tuple[str, int]] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)

    def normalize(self, ref: ImageRef, most_bytes: int) -> None:
        self.done.append((ref.key, most_bytes))
        self.happens()
        Normalizer(self.objects, "spool").normalize(ref, most_bytes)

    def check(self, ref: ImageRef) -> bool:
        self.checked.append(ref.key)
        self.happens()
        return Normalizer(self.objects, "spool").check(ref)


@pytest.fixture
def objects() -> MemoryObjects:
    objects = MemoryObjects()
    objects.put("uploads", "scan.tif", SCAN)
    return objects


@pytest.fixture
def normalizer(objects: MemoryObjects) -> CountedNormalizer:
    return CountedNormalizer(objects)


@pytest.fixture
def renditions(objects: MemoryObjects, normalizer: CountedNormalizer) -> Renditions:
    return Renditions(objects, normalizer, "spool")


def raising(error: Exception) -> Callable[[], object]:
    def happens() -> None:
        raise error

    return happens


def test_a_picture_is_developed_once_wherever_it_lies(
    objects: MemoryObjects, normalizer: CountedNormalizer, renditions: Renditions
) -> None:
    objects.put("uploads", "copy.tif", SCAN)
    ((named, first),) = Reader(objects, renditions, NEBULA.limits).attached([REF])
    ((_, second),) = Reader(objects, renditions, NEBULA.limits).attached([ImageRef("uploads", "copy.tif")])
    assert first == second
    assert (first.media_type, first.sha256, named.sha256) == ("image/png", SHA256, SHA256)
    assert normalizer.done == [("scan.tif", 7_000_000)]


def test_it_is_developed_anew_for_another_size(
    objects: MemoryObjects, normalizer: CountedNormalizer, renditions: Renditions
) -> None:
    ((_, image),) = Reader(objects, renditions, NEBULA.limits).attached([REF])
    assert Reader(objects, renditions, NEBULA.limits).at_most(REF, image, len(image.data)) is image
    smaller = Reader(objects, renditions, NEBULA.limits).at_most(REF, image, len(image.data) - 1)
    assert len(smaller.data) < len(image.data)
    assert normalizer.done == [("scan.tif", 7_000_000), ("scan.tif", len(image.data) - 1)]


def test_a_picture_that_is_replaced_meanwhile_is_waited_for(
    objects: MemoryObjects, normalizer: CountedNormalizer, renditions: Renditions
) -> None:
    normalizer.happens = lambda: objects.put("uploads", "scan.tif", encoded("TIFF", (16, 24)))
    with pytest.raises(Unavailable, match="changed while it was read"):
        Reader(objects, renditions, NEBULA.limits).attached([REF])
    normalizer.happens = lambda: None
    ((named, image),) = Reader(objects, renditions, NEBULA.limits).attached([REF])
    assert named.sha256 == image.sha256 != SHA256


@pytest.mark.parametrize(
    ("error", "code"), [(Undecodable("broken"), "unsupported_image"), (TooManyPixels("many"), "image_too_large")]
)
def test_what_cannot_be_developed_is_told_by_its_place(
    objects: MemoryObjects, normalizer: CountedNormalizer, renditions: Renditions, error: Exception, code: str
) -> None:
    objects.put("uploads", "fine.png", encoded("PNG"))
    normalizer.happens = raising(error)
    with pytest.raises(Rejected) as caught:
        Reader(objects, renditions, NEBULA.limits).attached([ImageRef("uploads", "fine.png"), REF])
    assert (caught.value.code, caught.value.param) == (code, "images.1")
    assert caught.value.message == f"s3://uploads/scan.tif: {error}"


def test_an_older_picture_is_left_out_where_it_was_replaced_or_cannot_be_developed(
    objects: MemoryObjects, normalizer: CountedNormalizer, renditions: Renditions
) -> None:
    assert Reader(objects, renditions, NEBULA.limits).older([source("scan.tif", "0" * 64)]) == []
    assert normalizer.done == []
    normalizer.happens = raising(Undecodable("broken"))
    assert Reader(objects, renditions, NEBULA.limits).older([source("scan.tif", SHA256)]) == []
    assert normalizer.done == [("scan.tif", 7_000_000)]


def test_no_picture_is_developed_where_too_little_time_is_left(
    renditions: Renditions, normalizer: CountedNormalizer
) -> None:
    def late() -> None:
        raise Unavailable("time", "too little is left")

    with pytest.raises(Unavailable, match="time"):
        renditions.checking(late).of(REF, SHA256, 7_000_000)
    assert normalizer.done == []
