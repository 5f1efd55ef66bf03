"""Interprets replies of the dialect `nebula`: a pure function of the raw reply.

This module reads the documented form (https://docs.openai-nebula.com). `any_form` reads all other forms, and errors.
"""

from collections.abc import Mapping, Set
from contextlib import suppress
from typing import Any

from darkroom.errors import TooLarge
from darkroom.providers import error_rules
from darkroom.providers.dialect import MAX_PICTURES, Answer, Encoded
from darkroom.providers.reply import Reply, without_lone_surrogates
from darkroom.streaming import json_document
from darkroom.streaming.blob import Part
from darkroom.streaming.json_document import LongString

_ENVELOPE = {"code", "msg", "data", "created", "usage"}
_ITEM = {"b64_json", "url", "revised_prompt"}
_HEAD_BYTES = 12
_PLAIN_BASE64 = (b"iVBORw0KGgo", b"/9j/", b"\\/9j\\/", b"UklGR", b"R0lGOD")  # `any_form` reads the others
_MAY_SHOW_PICTURES = ("![", "<", "data:", "://")


def interpret(reply: Reply) -> Answer:
    """The answer in a reply. If there is none, raises Rejected, Unavailable or Ambiguous, according to the reply."""
    said = parsed(reply) if reply.status == 200 else {}
    return documented(said, reply, _ENVELOPE) or in_any_form(reply)


def in_any_form(reply: Reply) -> Answer:
    """The answer in a reply of any form. Raises as `interpret` does."""
    from darkroom.providers import any_form  # few answers need it, and each import costs at a cold start

    return any_form.interpret(reply)


def parsed(reply: Reply) -> Mapping[str, Any]:
    """The reply's JSON object; empty if it is something else."""
    with suppress(ValueError, RecursionError, TooLarge):
        said = json_document.parsed(reply.body) if reply.body[:1] == b"{" else None
        return said if isinstance(said, dict) else {}
    return {}


def documented(said: Mapping[str, Any], reply: Reply, envelope: Set[str]) -> Answer | None:
    """The answer, if it has exactly the documented form: no other names, and pictures in `data`."""
    if reply.status != 200 or not said.keys() <= envelope or said.get("code", 200) != 200:
        return None
    items = _items(said.get("data"))
    pictures = [picture for item in items if (picture := _picture(item))]
    if not pictures or len(pictures) != len(items):
        return None
    words = (without_lone_surrogates(item.get("revised_prompt") or "").strip() for item in items)
    text = "\n".join(dict.fromkeys(filter(None, words))) or None
    return Answer(tuple(pictures[-MAX_PICTURES:]), text, error_rules.request_id(reply))


def _items(data: object) -> list[Mapping[str, Any]]:
    """The items of `data.data` or `data`; none if any of them has another form."""
    inner = data["data"] if isinstance(data, dict) and data.keys() <= _ENVELOPE and "data" in data else data
    items = inner if isinstance(inner, list) else []
    return [] if any(not isinstance(item, dict) or not item.keys() <= _ITEM for item in items) else items


def _picture(item: Mapping[str, Any]) -> Encoded | str | None:
    """The item's Base64, otherwise its address. None if it has neither, or if its words may show another picture."""
    encoded, words = item.get("b64_json"), item.get("revised_prompt") or ""
    if not isinstance(words, str) or any(mark in words for mark in _MAY_SHOW_PICTURES):
        return None
    if isinstance(encoded, LongString) and encoded[:_HEAD_BYTES].startswith(_PLAIN_BASE64):
        return Encoded(Part(encoded, 0, len(encoded)), "json")
    address = item.get("url")
    return address if not encoded and isinstance(address, str) and address.startswith("https://") else None
