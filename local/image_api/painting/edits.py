"""Edits a picture by the words of an instruction, in English and Chinese. If it knows none, it writes them on it.

It applies light before weather, weather before style, and style before lay-out. So flakes stay white at night, and a
frame stays straight. Within a stage it follows the order of the words.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from PIL import Image

from darkroom_client.sheets.lettering import captioned
from local.image_api.painting import light, style, tone, weather
from local.image_api.painting.raster import Size
from local.image_api.painting.scene import draw_scene

LONGEST_SIDE = 1536

Edit = Callable[[Image.Image, str], Image.Image]


class Stage(IntEnum):
    LIGHT = 1
    WEATHER = 2
    STYLE = 3
    LAYOUT = 4


@dataclass(frozen=True)
class Skill:
    """An edit, and the words that ask for it."""

    name: str
    stage: Stage
    words: str
    edit: Edit


SKILLS = (
    Skill("night", Stage.LIGHT, r"\bnight(?!mare)|\bmidnight|\bmoonl|夜", light.at_night),
    Skill("sunset", Stage.LIGHT, r"\bsunset|\bdusk\b|\bgolden hour|日落|夕阳|黄昏|晚霞|傍晚", light.at_sunset),
    Skill("dawn", Stage.LIGHT, r"\bsunrise|\bdawn\b|\bmorning|日出|清晨|黎明", light.at_dawn),
    Skill("autumn", Stage.LIGHT, r"\bautumn|\bfall colou?rs|秋", tone.in_autumn),
    Skill("warmer", Stage.LIGHT, r"\bwarm(er|th)?\b|暖", tone.warmer),
    Skill("cooler", Stage.LIGHT, r"\bcool(er)?\b|\bcold(er)?\b|冷", tone.cooler),
    Skill("brighter", Stage.LIGHT, r"\bbright(er|en)?\b|\blighter\b|(?<![月漂])亮", tone.brighter),
    Skill("darker", Stage.LIGHT, r"\bdark(er|en)?\b|暗(?!角)", tone.darker),
    Skill("snow", Stage.WEATHER, r"\bsnow|\bwinter|\bblizzard|雪|冬", weather.in_snow),
    Skill("rain", Stage.WEATHER, r"\brain(y|ing|s|ed)?\b|\bstorm|雨", weather.in_rain),
    Skill("fog", Stage.WEATHER, r"\bfog|\bmist(y|s)?\b|\bhaz[ey]|雾", weather.in_fog),
    Skill("rainbow", Stage.WEATHER, r"\brainbow|彩虹", weather.with_rainbow),
    Skill("watercolour", Stage.STYLE, r"\bwater-?\s?colou?r|水彩", style.as_watercolour),
    Skill("oil painting", Stage.STYLE, r"\boil[- ]paint|油画", style.as_oil),
    Skill("sketch", Stage.STYLE, r"\bsketch|\bpencil|素描|铅笔", style.as_sketch),
    Skill("cartoon", Stage.STYLE, r"\bcartoon|\bcomic|\banime|卡通|漫画|动漫", style.as_cartoon),
    Skill("pixels", Stage.STYLE, r"\bpixel|像素", style.pixelated),
    Skill("blur", Stage.STYLE, r"\bblur|模糊|虚化", style.blurred),
    Skill("sharper", Stage.STYLE, r"\bsharp|锐化|清晰", style.sharper),
    Skill(
        "black and white",
        Stage.STYLE,
        r"\bblack[- ]and[- ]white|\bmonochrome|\bgr[ae]y-?scale|黑白",
        tone.black_and_white,
    ),
    Skill("vintage", Stage.STYLE, r"\bsepia|\bvintage|\bretro|\bold photo|复古|怀旧|老照片", tone.vintage),
    Skill("invert", Stage.STYLE, r"\binvert|\bnegative|反色|负片|反转颜色", tone.inverted),
    Skill("vignette", Stage.STYLE, r"\bvignett|暗角", tone.with_vignette),
    Skill("mirror", Stage.LAYOUT, r"\bmirror|\bflip|镜像|翻转", style.mirrored),
    Skill("rotate", Stage.LAYOUT, r"\brotat|\bturn(ed)? (it )?\d+|旋转", style.rotated),
    Skill("frame", Stage.LAYOUT, r"\bframe|\bborder|边框|相框|画框", style.framed),
)


def skills_asked(instruction: str) -> list[Skill]:
    """The edits that the words ask for, in the order in which they are applied."""
    found = [(skill.stage, hit.start(), skill) for skill in SKILLS if (hit := _asked(skill, instruction))]
    return [skill for _, _, skill in sorted(found, key=lambda item: item[:2])]


def _asked(skill: Skill, instruction: str) -> re.Match[str] | None:
    return re.search(skill.words, instruction, re.IGNORECASE)


def edit_picture(picture: Image.Image, instruction: str) -> Image.Image:
    """The edited picture. It keeps its size up to `LONGEST_SIDE`, except after a rotation."""
    edited = _bounded(picture.convert("RGB"))
    asked = skills_asked(instruction)
    for skill in asked:
        edited = skill.edit(edited, instruction)
    return _bounded(edited) if asked else captioned(edited, instruction)


def paint_from_words(prompt: str, size: Size) -> Image.Image:
    """A scene with the subjects, light, weather and style that the prompt names."""
    scene = draw_scene(prompt, size)
    for skill in skills_asked(prompt):
        scene = skill.edit(scene, prompt)
    return scene


def described(instruction: str) -> str:
    """A short description of the picture."""
    names = ", ".join(skill.name for skill in skills_asked(instruction))
    return f"Here is the picture: {names}." if names else "Here is the picture."


def _bounded(picture: Image.Image) -> Image.Image:
    longest = max(picture.size)
    if longest <= LONGEST_SIDE:
        return picture
    width, height = (max(1, round(side * LONGEST_SIDE / longest)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
