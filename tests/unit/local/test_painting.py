"""An edit can be seen, is always the same, and builds on the one before it."""

import subprocess
import sys

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from local.image_api.painting.edits import SKILLS, edit_picture, paint_from_words, skills_asked
from local.image_api.painting.lake_house import draw_lake_house
from local.image_api.painting.scene import subjects_of


@pytest.fixture(scope="module")
def scenery() -> Image.Image:
    return draw_lake_house((256, 192))


def brightness(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.convert("L")).mean[0]


def mean(picture: Image.Image, channel: int) -> float:
    return ImageStat.Stat(picture).mean[channel]


def whitest(picture: Image.Image) -> int:
    """The number of nearly white pixels."""
    return sum(picture.convert("L").histogram()[215:])


def difference(one: Image.Image, other: Image.Image) -> float:
    return brightness(ImageChops.difference(one, other))


@pytest.mark.parametrize("words", ["at night", "夜景"])
def test_night_is_dark_and_blue(scenery: Image.Image, words: str) -> None:
    night = edit_picture(scenery, words)
    assert brightness(night) < 0.6 * brightness(scenery)
    assert mean(night, 2) > 1.2 * mean(night, 0)


@pytest.mark.parametrize("words", ["now the same at night, in snow", "把景色换成夜色下雪的场景", "a snowy night"])
def test_snow_falls_white_through_the_night(scenery: Image.Image, words: str) -> None:
    night, snowy = edit_picture(scenery, "night"), edit_picture(scenery, words)
    assert brightness(snowy) < 0.8 * brightness(scenery)
    assert whitest(snowy) > 1.5 * whitest(night)


@pytest.mark.parametrize("words", ["in black and white", "monochrome please", "换成黑白照片"])
def test_black_and_white_has_no_colour(scenery: Image.Image, words: str) -> None:
    saturation = edit_picture(scenery, words).convert("HSV").getchannel(1)
    assert saturation.getextrema() == (0, 0)


@pytest.mark.parametrize("words", ["mirror it", "Flip the picture", "镜像"])
def test_a_mirror_is_exact(scenery: Image.Image, words: str) -> None:
    assert edit_picture(scenery, words).tobytes() == ImageOps.mirror(scenery).tobytes()


def test_edits_build_on_each_other(scenery: Image.Image) -> None:
    twice = edit_picture(edit_picture(scenery, "mirror it"), "in black and white")
    assert twice.tobytes() == edit_picture(scenery, "mirror it, in black and white").tobytes()


def test_a_sunset_is_warm(scenery: Image.Image) -> None:
    sunset = edit_picture(scenery, "Turn the scene into a warm sunset")
    assert mean(sunset, 0) / mean(sunset, 2) > 1.5 * mean(scenery, 0) / mean(scenery, 2)


def test_brighter_darker_warmer_and_cooler_are_what_they_say(scenery: Image.Image) -> None:
    assert brightness(edit_picture(scenery, "brighter")) > brightness(scenery)
    assert brightness(edit_picture(scenery, "暗一点")) < brightness(scenery)
    assert mean(edit_picture(scenery, "更暖"), 2) < mean(scenery, 2)
    assert mean(edit_picture(scenery, "cooler"), 0) < mean(scenery, 0)


def test_a_frame_has_the_colour_asked_for_and_keeps_the_size(scenery: Image.Image) -> None:
    assert edit_picture(scenery, "Add a white frame").getpixel((4, 4)) == (250, 248, 244)
    assert edit_picture(scenery, "a gold border").getpixel((4, 4)) == (201, 162, 74)
    assert edit_picture(scenery, "黑色边框").size == scenery.size


def test_a_quarter_turn_swaps_width_and_height(scenery: Image.Image) -> None:
    assert edit_picture(scenery, "rotate it").size == (192, 256)
    assert edit_picture(scenery, "旋转180度").size == scenery.size


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_each_skill_can_be_seen_and_repeats_itself(scenery: Image.Image, skill: object) -> None:
    (known,) = [one for one in SKILLS if one == skill]
    edited = known.edit(scenery, known.name)
    assert edited.mode == "RGB"
    assert edited.size != scenery.size or difference(edited, scenery) > 2
    assert edited.tobytes() == known.edit(scenery, known.name).tobytes()


def test_unknown_words_become_a_caption(scenery: Image.Image) -> None:
    captioned = edit_picture(scenery, "把瓶子换成杯子")
    upper = (0, 0, 256, 140)
    assert captioned.crop(upper).tobytes() == scenery.crop(upper).tobytes()
    assert difference(captioned, scenery) > 2
    assert captioned.tobytes() != edit_picture(scenery, "把杯子换成瓶子").tobytes()


@pytest.mark.parametrize("words", ["", "\x00\x07", "🦄" * 30, "龘靐" * 40, "\ud800", "x" * 8000, "שלום"])
def test_no_words_are_too_odd_for_a_caption(scenery: Image.Image, words: str) -> None:
    assert edit_picture(scenery, words).size == scenery.size


def test_words_inside_other_words_ask_for_nothing() -> None:
    for harmless in ("a rainy-day fund", "the darkroom", "a trained eye", "月亮很漂亮", "暗角"):
        assert {skill.name for skill in skills_asked(harmless)} <= {"rain", "vignette"}
    assert [skill.name for skill in skills_asked("a rainbow")] == ["rainbow"]


def test_large_pictures_are_bounded_and_tiny_ones_survive() -> None:
    assert edit_picture(Image.new("RGB", (3000, 1000)), "mirror").size == (1536, 512)
    for skill in SKILLS:
        skill.edit(Image.new("RGB", (16, 16), (90, 140, 200)), skill.name)


def test_a_scene_shows_what_the_prompt_names() -> None:
    assert subjects_of("一只小猫在海边的城市") == {"cat", "water", "city"}
    size = (160, 160)
    prompts = ("a cat", "the sea", "mountains", "a city", "flowers", "a city at night", "a city in snow")
    scenes = [paint_from_words(prompt, size) for prompt in prompts]
    assert len({scene.tobytes() for scene in scenes}) == len(scenes)


def test_a_scene_is_the_same_in_another_process() -> None:
    script = (
        "import hashlib; from local.image_api.painting.edits import paint_from_words;"
        "print(hashlib.sha256(paint_from_words('a house at night', (96, 96)).tobytes()).hexdigest())"
    )
    runs = {subprocess.check_output([sys.executable, "-c", script]) for _ in range(2)}
    assert len(runs) == 1
