"""OpenAI's Images API: `POST /v1/images/generations` for words alone, `POST /v1/images/edits` with pictures.

It has no conversations: each call sends the newest picture and the words of its turn.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from darkroom.domain.context import ApiLimits, Image
from darkroom.domain.validation import Shape, choice, optional, text, value, whole
from darkroom.providers import error_rules
from darkroom.providers.dialect import SEVERAL, ApiCall, ApiRequest, Dialect, DialectSettings, bearer
from darkroom.providers.dialects import openai_reply
from darkroom.providers.reply import CUT
from darkroom.streaming.form_data import FormFile, form

GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
MAX_SIDE = 3840
MAX_PIXELS = 3840 * 2160
SIDE_STEP = 16
MAX_RATIO = 3
# Each endpoint takes an option that the other does not know.
_OF_GENERATIONS = ("moderation",)
_OF_EDITS = ("input_fidelity",)


def call(request: ApiRequest, _: DialectSettings) -> ApiCall:
    """The request: JSON for words alone, otherwise a form whose pictures stream from disk."""
    images = request.context.images
    unknown = _OF_GENERATIONS if images else _OF_EDITS
    fields = {
        "model": request.model,
        "prompt": request.context.instruction,
        **{name: option for name, option in request.options.items() if name not in unknown},
    }
    if not images:
        return ApiCall(GENERATIONS, "application/json", json.dumps(fields, ensure_ascii=False).encode())
    files = [_file(number, image) for number, image in enumerate(images, start=1)]
    return ApiCall(EDITS, *form({name: str(field) for name, field in fields.items()}, files))


def _file(number: int, image: Image) -> FormFile:
    name = f"image-{number}.{ENDINGS[image.media_type]}"
    return FormFile("image[]", name, image.media_type, image.data, image.sha256)


def _size(given: Any) -> str:
    found = re.fullmatch(r"([1-9]\d{1,3})x([1-9]\d{1,3})", given) if isinstance(given, str) else None
    if given == "auto" or (found and _is_made(int(found[1]), int(found[2]))):
        return str(given)
    raise ValueError(
        f"must be 'auto', or a size such as '1536x1024': two multiples of {SIDE_STEP} up to {MAX_SIDE}, neither more "
        f"than {MAX_RATIO} times the other, with no more pixels than 3840x2160"
    )


def _is_made(width: int, height: int) -> bool:
    short, long = sorted((width, height))
    is_whole = width % SIDE_STEP == height % SIDE_STEP == 0
    return is_whole and long <= MAX_RATIO * short and long <= MAX_SIDE and width * height <= MAX_PIXELS


_NAME = optional(value(text(1, 64)))
OPTIONS: Mapping[str, Shape] = {
    "size": optional(value(_size)),
    "quality": optional(value(choice("auto", "low", "medium", "high", "xhigh", "max"))),
    **SEVERAL,
    "background": optional(value(choice("auto", "opaque", "transparent"))),
    "output_format": optional(value(choice("png", "jpeg", "webp"))),
    "output_compression": optional(value(whole(0, 100))),
    "input_fidelity": optional(value(choice("low", "high"))),
    "moderation": optional(value(choice("auto", "low"))),
    "user": _NAME,
    "safety_identifier": _NAME,
}

OPENAI = Dialect(
    name="openai",
    url="https://api.openai.com",
    model="gpt-image-2",
    retired=frozenset(("gpt-image-1", "dall-e-2", "dall-e-3")),
    history="newest",
    call=call,
    interpret=openai_reply.interpret,
    authorise=bearer,
    request_id=error_rules.request_id,
    options=OPTIONS,
    limits=ApiLimits(image_bytes=50_000_000, side=4096, media_types=tuple(ENDINGS), encoded_share=1),
    kept_headers=("content-type", "date", "retry-after", CUT, "x-request-id"),
)
