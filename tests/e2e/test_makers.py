"""Photos of every make through the deployed stack. The API gets them upright, in right colours, without metadata."""

import io
import uuid
from collections.abc import Iterator

import pytest
from PIL import Image as Pillow

from tests.e2e.conftest import BringUp
from tests.e2e.provider import Provider, provider
from tests.e2e.road import Doors
from tests.pictures.making import DISPLAY_P3, FILES, SECRET, corners, furthest, photographed, rgb_profile, saved, scene

pytestmark = pytest.mark.slow

TOLERANCE = 8  # of 256
PHOTOS = {
    **{path.name: path.read_bytes() for path in sorted(FILES.iterdir())},
    "iphone.HEIC": photographed("HEIF", scene(), 6, icc_profile=rgb_profile(DISPLAY_P3)),
    "pixel.avif": photographed("AVIF", scene(), 8),
    "upside-down.jpeg": photographed("JPEG", scene(), 3),
    "fine.jpg": photographed("JPEG", scene()),
    "galaxy.jpg": saved(scene(), "MPO", save_all=True, append_images=[scene().rotate(90)]) + SECRET.encode(),
    "web.webp": photographed("WEBP", scene(), 5),
    "screen.png": photographed("PNG", scene(), 7),
    "palette.png": photographed("PNG", scene("P")),
    "old.gif": photographed("GIF", scene("P")),
    "paint.bmp": saved(scene(), "BMP"),
    "scanner.tiff": photographed("TIFF", scene("CMYK"), 2),
    "a HEIC that is called.jpg": photographed("HEIF", scene(), 3),
}


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    with provider("sk-pictures") as started:
        yield started


@pytest.fixture(scope="module")
def doors(bring_up: BringUp, api: Provider) -> Doors:
    return Doors(bring_up(image_api_url=api.url, image_api_key=api.key))


@pytest.fixture(scope="module")
def threads(doors: Doors) -> dict[str, str]:
    """Upload all of them. Return the thread of each."""
    folder = f"makers-{uuid.uuid4().hex[:6]}"
    for name, data in PHOTOS.items():
        doors.upload(f"{folder}/{name}", data, instruction=f"keep {name}.")
    return {name: f"{folder}/{name.rpartition('.')[0]}" for name in PHOTOS}


@pytest.mark.parametrize("name", PHOTOS)
def test_what_the_api_gets_is_upright_in_its_colours_and_bare(
    doors: Doors, api: Provider, threads: dict[str, str], name: str
) -> None:
    result = doors.turn(threads[name], 1)
    assert result["status"] == "succeeded", result["error"]
    (call,) = api.calls(f"keep {name}.")
    (picture,) = call.pictures
    assert SECRET.encode() not in picture
    with Pillow.open(io.BytesIO(picture)) as received:
        assert received.format in ("PNG", "JPEG", "WEBP")
        assert received.size == (96, 64)
        assert not received.getexif()
        expected = corners(scene("CMYK")) if name == "scanner.tiff" else corners(scene())
        if name == "iphone.HEIC":  # the purest colours of P3 are outside sRGB
            expected = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
        assert furthest(corners(received), expected) <= TOLERANCE


def test_a_result_that_is_sent_again_is_bare_too(doors: Doors, api: Provider, threads: dict[str, str]) -> None:
    name = "fine.jpg"
    doors.turn(threads[name], 1)
    doors.send(threads[name], {"instruction": "and now at night"})
    assert doors.turn(threads[name], 2)["status"] == "succeeded"
    (call,) = api.calls("and now at night")
    assert len(call.pictures) == (2 if doors.dialect.history == "turns" else 1)
    assert not any(SECRET.encode() in picture for picture in call.pictures)
