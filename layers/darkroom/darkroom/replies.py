"""What the image API's replies mean. A pure function of the raw reply, so that it can be repeated from the spool.

Documented and undocumented forms alike: https://docs.openai-nebula.com, and what its users and siblings met.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from darkroom import api_errors, document
from darkroom.api_errors import SAY_MORE
from darkroom.content import Content, Part
from darkroom.document import LongString
from darkroom.encoding import decoded
from darkroom.errors import Rejected
from darkroom.reply import Reply, provider_request_id, whole

MOST_PICTURES = 32  # far over any answer; the last are the final ones


@dataclass(frozen=True, slots=True)
class Answer:
    """A paid answer: pictures as bytes, or as an address where they lie, in the API's order; and its words."""

    pictures: tuple[bytes | str, ...]
    text: str | None
    provider_request_id: str | None


def judge(reply: Reply) -> Answer:
    """The answer in a reply. Raises Rejected, Unavailable or Ambiguous, by what the reply says of the call."""
    document = _json_object(reply.body)
    if document is None:
        raise api_errors.page(reply)
    if 300 <= reply.status < 400:
        raise api_errors.redirect(reply)
    if (stated := api_errors.stated(document, reply)) and not _is_paid(document, reply):
        raise api_errors.error(stated, reply)
    return _answer(document, provider_request_id(reply, ""))


def _is_paid(document: Mapping[str, Any], reply: Reply) -> bool:
    """Whether there are pictures beside a code that we do not know, and no word of an error: they were made."""
    said_no = document.get("error") or document.get("success") is False or reply.status >= 300
    return not said_no and any(list(_pictures(item)) for item in _items(document.get("data")))


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


# No part of it goes past a `[`, so that words that are full of beginnings are read once, and not from each of them.
_MARKDOWN = re.compile(r"!\[[^\[\]]*\]\(\s*(data:image/[^)\[]+|https?://[^)\s\[]+\s*)\)")


def _answer(document: Mapping[str, Any], request_id: str | None) -> Answer:
    items = list(_items(document.get("data")))
    pictures = [picture for item in items for picture in _pictures(item)]
    text = "\n".join(dict.fromkeys(filter(None, map(_words, items)))) or None
    if not pictures and (text or api_errors.is_refusal(json.dumps(items, ensure_ascii=False))):
        hint = "A refusal or a question, in its own words. Say it differently."
        raise Rejected(
            "refused", "the model answered without a picture",
            hint=hint, text=text, charged=True, provider_request_id=request_id,
        )  # fmt: skip
    if not pictures:
        raise Rejected(
            "no_image", "the image API answered with neither picture nor words",
            hint=SAY_MORE, charged=True, provider_request_id=request_id,
        )  # fmt: skip
    return Answer(tuple(pictures[-MOST_PICTURES:]), text, request_id)


def _items(data: object) -> Iterator[Mapping[str, Any]]:
    """The items of `data.data[]`, of `data[]`, or `data` itself where it is the one item."""
    if isinstance(data, dict) and isinstance(data.get("data"), list):
        data = data["data"]
    elements: Sequence[object] = data if isinstance(data, list) else [data]
    yield from (element for element in elements if isinstance(element, dict))


def _pictures(item: Mapping[str, Any]) -> Iterator[bytes | str]:
    for field in ("b64_json", "url"):
        value = item.get(field)
        if isinstance(value, str) and value.strip():
            yield _picture(value.strip(), is_address=field == "url")
            return
    for found in _MARKDOWN.finditer(_raw_words(item)):
        yield _picture(found[1].strip(), is_address=True)


def _picture(value: str, *, is_address: bool) -> bytes | str:
    if value.startswith("data:"):
        return _decoded(value.partition(",")[2])
    if is_address or value.startswith(("http://", "https://")):
        return value
    return _decoded(value)


def _decoded(text: str) -> bytes:
    """Base64 of either alphabet, with line breaks and without padding; nothing where it is neither."""
    compact = re.sub(r"\s+", "", text).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _raw_words(item: Mapping[str, Any]) -> str:
    values = [item.get(field) for field in ("revised_prompt", "text", "content")]
    return "\n".join(whole(value) for value in values if isinstance(value, str) and value.strip())


def _words(item: Mapping[str, Any]) -> str:
    return _MARKDOWN.sub("", _raw_words(item)).strip()
