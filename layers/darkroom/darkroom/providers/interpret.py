"""What the image API's replies mean. A pure function of the raw reply, so that it can be repeated from the spool.

Documented and undocumented forms alike: https://docs.openai-nebula.com, and what its users and siblings met.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from darkroom.errors import Rejected, TooLarge
from darkroom.providers import error_rules
from darkroom.providers.dialect import Answer, Encoded
from darkroom.providers.error_rules import SAY_MORE
from darkroom.providers.reply import Reply, without_lone_surrogates
from darkroom.streaming import json_document
from darkroom.streaming.blob import Blob, Part, search
from darkroom.streaming.json_document import LongString

MAX_PICTURES = 32  # far over any answer; the last are the final ones
MAX_TEXT_BYTES = 100_000  # of what is said before, between and after pictures
DATA_URI_BYTES = 200  # within them is the comma before the picture


def interpret(reply: Reply) -> Answer:
    """The answer in a reply. Raises Rejected, Unavailable or Ambiguous, by what the reply says of the call."""
    try:
        said = _json_object(reply.body)
    except TooLarge as error:
        raise error_rules.endless(reply, str(error)) from error
    if said is None:
        raise error_rules.page(reply)
    if 300 <= reply.status < 400:
        raise error_rules.redirect(reply)
    if (stated := error_rules.stated(said, reply)) and not _is_paid(said, reply):
        raise error_rules.error(stated, reply)
    return _answer(said, error_rules.request_id(reply))


def _is_paid(said: Mapping[str, Any], reply: Reply) -> bool:
    """Whether there are pictures beside a code that we do not know, and no word of an error: they were made."""
    said_no = said.get("error") or said.get("success") is False or reply.status >= 300
    return not said_no and any(list(_pictures(item)) for item in _items(said.get("data")))


def _json_object(body: Blob) -> dict[str, Any] | None:
    try:
        parsed = json_document.parsed(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


# No part of it goes past a `[`, so that words that are full of beginnings are read once, and not from each of them.
_MARKDOWN = re.compile(r"!\[[^\[\]]*\]\(\s*(data:image/[^)\[]+|https?://[^)\s\[]+\s*)\)")

# The same of what is not held in memory.
_DATA_URI, _END, _OPENING = re.compile(rb"data:image/"), re.compile(rb"\)"), re.compile(r"!\[[^\[\]]*\]\(\s*$")


def _answer(said: Mapping[str, Any], request_id: str | None) -> Answer:
    items = list(_items(said.get("data")))
    pictures = [picture for item in items for picture in _pictures(item)]
    text = "\n".join(dict.fromkeys(filter(None, map(_words, items)))) or None
    if not pictures and (text or error_rules.is_refusal(json.dumps(items, ensure_ascii=False, default=str))):
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
    return Answer(tuple(pictures[-MAX_PICTURES:]), text, request_id)


def _items(data: object) -> Iterator[Mapping[str, Any]]:
    """The items of `data.data[]`, of `data[]`, or `data` itself where it is the one item."""
    if isinstance(data, dict) and isinstance(data.get("data"), list):
        data = data["data"]
    elements: Sequence[object] = data if isinstance(data, list) else [data]
    yield from (element for element in elements if isinstance(element, dict))


def _pictures(item: Mapping[str, Any]) -> Iterator[Encoded | str]:
    for field in ("b64_json", "url"):
        value = item.get(field)
        if isinstance(value, LongString):
            yield _long_picture(value)
            return
        if isinstance(value, str) and value.strip():
            yield _picture(value.strip(), is_address=field == "url")
            return
    for _, pictures in _told(item):
        yield from pictures


def _picture(value: str, *, is_address: bool) -> Encoded | str:
    if value.startswith("data:"):
        return Encoded(value.partition(",")[2].encode(errors="replace"))
    if is_address or value.startswith(("http://", "https://")):
        return value
    return Encoded(value.encode(errors="replace"))


def _long_picture(value: LongString) -> Encoded:
    """No address is as long."""
    head = value[:DATA_URI_BYTES]
    begin = head.find(b",") + 1 if b"data:" in head else 0
    return Encoded(Part(value, begin, len(value)), is_json=True)


def _told(item: Mapping[str, Any]) -> Iterator[tuple[str, list[Encoded | str]]]:
    """What each of its texts says, and the pictures that are in it as Markdown."""
    for field in ("revised_prompt", "text", "content"):
        value = item.get(field)
        if isinstance(value, LongString):
            yield _long_told(value)
        elif isinstance(value, str):
            text = without_lone_surrogates(value)
            yield _MARKDOWN.sub("", text).strip(), _shown(text)


def _long_told(value: LongString) -> tuple[str, list[Encoded | str]]:
    """The same of a text that is not held in memory: its pictures stay where they are."""
    words, pictures, position = "", list[Encoded | str](), 0
    for _ in range(MAX_PICTURES):  # each beginning costs a look at all the words before it
        begin = search(_DATA_URI, value, position, width=11)
        end = search(_END, value, begin[0], width=1) if begin else None
        if not begin or not end:
            break
        words += LongString(value, position, begin[0]).text(MAX_TEXT_BYTES)
        if value[max(0, begin[0] - 10) : begin[0]].rstrip().endswith(b"]("):
            pictures.append(_long_picture(LongString(value, begin[0], end[0])))
        words, position = _OPENING.sub("", words), end[0] + 1
    words = without_lone_surrogates(words + LongString(value, position, len(value)).text(MAX_TEXT_BYTES))
    return _MARKDOWN.sub("", words[:MAX_TEXT_BYTES]).strip(), pictures + _shown(words)


def _shown(text: str) -> list[Encoded | str]:
    return [_picture(found[1].strip(), is_address=True) for found in _MARKDOWN.finditer(text)]


def _words(item: Mapping[str, Any]) -> str:
    return "\n".join(words for words, _ in _told(item) if words)
