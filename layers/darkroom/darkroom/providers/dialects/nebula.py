"""The dialect of https://docs.openai-nebula.com: `POST /v1/images/generations`, with a conversation as `contents`."""

from collections.abc import Mapping
from typing import Any

from darkroom.domain.context import ApiLimits, Content, Context, Image
from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.domain.validation import Shape, array, choice, either, number, optional, text, value
from darkroom.providers import error_rules
from darkroom.providers.dialect import SEVERAL, ApiCall, ApiRequest, Dialect, DialectSettings, bearer
from darkroom.providers.dialects import nebula_reply
from darkroom.providers.reply import CUT
from darkroom.streaming import json_document
from darkroom.streaming.base64_blob import Base64
from darkroom.streaming.blob import Joined
from darkroom.streaming.json_document import Spelled

PATH = "/v1/images/generations"
MIME_TYPES = ("image/png", "image/jpeg")


def call(request: ApiRequest, settings: DialectSettings) -> ApiCall:
    """The request as JSON. Its pictures are encoded as the body is read."""
    return ApiCall(PATH, "application/json", Joined(json_document.written(_document(request, settings))))


def _document(request: ApiRequest, settings: DialectSettings) -> dict[str, Any]:
    """The request. Without pictures and history, every style sends only `prompt`."""
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
    if len(images) == 1:
        return {"image": _data_uri(images[0])}
    return {"images": [_data_uri(image) for image in images]}


def _content(content: Content) -> dict[str, Any]:
    parts: list[dict[str, object]] = [{"text": content.text}] if content.text else []
    parts += [{"image": _data_uri(image)} for image in content.images]
    return {"role": content.role, "parts": parts}


def _data_uri(image: Image) -> Spelled:
    """A picture as a data URI. It is encoded as the body is read."""
    return Spelled((f'"data:{image.media_type};base64,'.encode(), Base64(image.data), b'"'))


_WORD = value(text(1, 64))
OPTIONS: Mapping[str, Shape] = {
    **dict.fromkeys(("size", "aspect_ratio", "quality", "image_size"), optional(_WORD)),
    **SEVERAL,
    "mime_type": optional(value(choice(*MIME_TYPES))),
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
