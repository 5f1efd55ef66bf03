"""The dialect of https://docs.openai-nebula.com: `POST /v1/images/generations`, with a conversation as `contents`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from darkroom.domain.context import ApiLimits, Content, Context, Image
from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.domain.validation import Shape, array, either, number, optional, text, value
from darkroom.providers import error_rules
from darkroom.providers.dialect import SEVERAL, ApiCall, ApiRequest, Dialect, DialectSettings, bearer
from darkroom.providers.dialects import nebula_reply
from darkroom.providers.reply import CUT
from darkroom.streaming.base64_blob import Base64
from darkroom.streaming.blob import Blob, Joined

PATH = "/v1/images/generations"
MIME_TYPES = ("image/png", "image/jpeg")


def call(request: ApiRequest, settings: DialectSettings) -> ApiCall:
    """The request as JSON, whose pictures are encoded when they are read."""
    return ApiCall(PATH, "application/json", Joined(_json(_document(request, settings))))


def _document(request: ApiRequest, settings: DialectSettings) -> dict[str, Any]:
    """The request, with images in it. Without picture and history every style sends `prompt` alone."""
    context = request.context
    document: dict[str, Any] = {
        "model": request.model,
        "response_format": settings.response_format,
        **request.options,
    }
    if context.mode == "text_to_image" or settings.request_style != "contents":
        document["prompt"] = context.instruction
    if context.mode == "text_to_image":
        return document
    if settings.request_style == "flat":
        return document | _flat(context)
    return document | {"contents": [_content(content) for content in context.contents]}


def _flat(context: Context) -> dict[str, Any]:
    images = context.images
    if not images:
        return {}
    return {"image": images[0]} if len(images) == 1 else {"images": images}


def _content(content: Content) -> dict[str, Any]:
    parts: list[dict[str, object]] = [{"text": content.text}] if content.text else []
    parts += [{"image": image} for image in content.images]
    return {"role": content.role, "parts": parts}


def _json(document: object) -> Iterator[Blob]:
    """A document as JSON, in parts; an image in it is a data URI, which is made when it is read."""
    if isinstance(document, Image):
        yield from (f'"data:{document.media_type};base64,'.encode(), Base64(document.data), b'"')
    elif isinstance(document, dict):
        for position, (name, inner) in enumerate(document.items()):
            yield (", " if position else "{").encode() + json.dumps(name).encode() + b": "
            yield from _json(inner)
        yield b"}" if document else b"{}"
    elif isinstance(document, list | tuple):
        for position, inner in enumerate(document):
            yield b", " if position else b"["
            yield from _json(inner)
        yield b"]" if document else b"[]"
    else:
        yield json.dumps(document, ensure_ascii=False).encode()


def _mime_type(given: Any) -> str:
    if given not in MIME_TYPES:
        raise ValueError("must be " + " or ".join(map(repr, MIME_TYPES)))
    return str(given)


_WORD = value(text(1, 64))
OPTIONS: Mapping[str, Shape] = {
    **dict.fromkeys(("size", "aspect_ratio", "quality", "image_size"), optional(_WORD)),
    **SEVERAL,
    "mime_type": optional(value(_mime_type)),
    "response_modalities": optional(either(_WORD, array(_WORD, least=1, most=4))),
    "temperature": optional(value(number(0, 2))),
    "top_p": optional(value(number(0, 1))),
}

NEBULA = Dialect(
    name=DEFAULT_DIALECT,
    url="https://llm.ai-nebula.com",
    model="gemini-3.1-flash-image",
    retired=frozenset(("gemini-2.5-flash-image-preview", "gpt-image-1", "dall-e-2", "dall-e-3")),
    history="turns",
    call=call,
    interpret=nebula_reply.interpret,
    authorise=bearer,
    request_id=error_rules.request_id,
    options=OPTIONS,
    limits=ApiLimits(
        image_bytes=7_000_000, side=4096, media_types=("image/png", "image/jpeg", "image/webp"), encoded_share=3 / 4
    ),
    kept_headers=("content-type", "date", "retry-after", CUT, *error_rules.REQUEST_ID_HEADERS),
)
