"""The dialect of Google's own API: `POST /v1beta/models/<model>:generateContent`, with a conversation as `contents`."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from darkroom.domain.context import NOTHING_SAID, ApiLimits, Content, Context, Image
from darkroom.domain.validation import RuleError, Shape, choice, number, optional, value
from darkroom.errors import Rejected
from darkroom.providers import error_rules
from darkroom.providers.dialect import ApiCall, ApiRequest, Dialect, DialectSettings
from darkroom.providers.dialects import gemini_reply
from darkroom.providers.reply import CUT
from darkroom.streaming import json_document
from darkroom.streaming.base64_blob import Base64
from darkroom.streaming.blob import Blob, Joined
from darkroom.streaming.json_document import Spelled

_MODEL = re.compile(r"(?:models/)?([A-Za-z0-9][A-Za-z0-9._-]{0,127})")
_BOTH = ("TEXT", "IMAGE")


def call(request: ApiRequest, _: DialectSettings) -> ApiCall:
    """The request as JSON. Its pictures are encoded as the body is read. Raises Rejected."""
    model = _MODEL.fullmatch(request.model)
    if model is None:
        said = "the name of a model has letters, digits, and the marks . _ -"
        raise Rejected("invalid_request", said, hint="Name a model that the image API offers.", param="model")
    document = {
        "contents": list(_contents(request.context)),
        "generationConfig": _config(request.options),
    }
    path = f"/v1beta/models/{model[1]}:generateContent"
    return ApiCall(path, "application/json", Joined(json_document.written(document)))


def authorise(key: str) -> tuple[str, str]:
    """The header that carries the key."""
    return "x-goog-api-key", key


def _config(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options under the API's own names. Some models make a picture only if `responseModalities` asks for one."""
    config: dict[str, Any] = {"responseModalities": options.get("response_modalities", _BOTH)}
    picture = {"aspectRatio": options.get("aspect_ratio"), "imageSize": options.get("image_size")}
    if picture := {name: option for name, option in picture.items() if option is not None}:
        config["imageConfig"] = picture
    rest = {"temperature": options.get("temperature"), "topP": options.get("top_p")}
    return config | {name: option for name, option in rest.items() if option is not None}


def _contents(context: Context) -> Iterator[dict[str, Any]]:
    """The turns. A picture in a model's turn needs its signature; one without it moves to the last user turn."""
    *history, last = context.contents
    loose = list[Image]()
    for content in history:
        if content.role == "user":
            yield {"role": "user", "parts": _parts(content)}
            continue
        made = [(image, _parts_as_made(image)) for image in content.images]
        loose += [image for image, parts in made if not parts]
        signed = [part for _, parts in made for part in parts]
        yield {"role": "model", "parts": signed or [{"text": content.text or NOTHING_SAID}]}
    yield {"role": "user", "parts": _parts(last._replace(images=(*loose, *last.images)))}


def _parts(content: Content) -> list[dict[str, Any]]:
    words: list[dict[str, Any]] = [{"text": content.text}] if content.text else []
    return words + [_inline(image) for image in content.images]


def _inline(image: Image) -> dict[str, Any]:
    data = Spelled((b'"', Base64(image.data), b'"'))
    return {"inlineData": {"mimeType": image.media_type, "data": data}}


def _parts_as_made(image: Image) -> list[dict[str, Any]]:
    """The parts of a model's turn as the API returned them, with their signatures; empty if they are unknown."""
    parts = []
    for part in _read(image.state):
        signature = {gemini_reply.SIGNATURE: part[gemini_reply.SIGNATURE]} if gemini_reply.SIGNATURE in part else {}
        parts.append(({"text": part["text"]} if "text" in part else _inline(image)) | signature)
    return parts


def _read(state: Blob) -> list[dict[str, Any]]:
    with suppress(ValueError, RecursionError):
        parts = json_document.parsed(state) if len(state) else []
        return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return []


def _modalities(given: Any) -> list[str]:
    """The modalities in the API's spelling, from `image`, `text,image` or a list."""
    named = re.split(r"[\s,+-]+", given.strip()) if isinstance(given, str) else given
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise RuleError("must be a string or a list of strings")
    modalities = [each.upper() for each in named]
    if not set(modalities) <= set(_BOTH) or "IMAGE" not in modalities:
        raise RuleError("must be 'image', or 'text' and 'image': a turn is about a picture")
    return [each for each in _BOTH if each in modalities]


OPTIONS: Mapping[str, Shape] = {
    "aspect_ratio": optional(
        value(choice("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")),
    ),
    "image_size": optional(value(choice("1K", "2K", "4K"))),
    "response_modalities": optional(value(_modalities)),
    "temperature": optional(value(number(0, 2))),
    "top_p": optional(value(number(0, 1))),
}

GEMINI = Dialect(
    name="gemini",
    url="https://generativelanguage.googleapis.com",
    model="gemini-3.1-flash-image",
    retired=frozenset(("gemini-2.5-flash-image-preview",)),
    history="turns",
    call=call,
    interpret=gemini_reply.interpret,
    authorise=authorise,
    request_id=gemini_reply.request_id,
    options=OPTIONS,
    limits=ApiLimits(
        image_bytes=7_000_000, side=4096, media_types=("image/png", "image/jpeg", "image/webp"), encoded_share=3 / 4
    ),
    kept_headers=("content-type", "date", "retry-after", CUT, *error_rules.REQUEST_ID_HEADERS),
    models_path="/v1beta/models?pageSize=1000",
)
