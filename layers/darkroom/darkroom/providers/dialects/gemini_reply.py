"""Interprets replies of the dialect `gemini`: a pure function of the raw reply.

This module reads Google's own form. `any_form` reads the variants of relays, and `gemini_errors` reads errors.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from darkroom.errors import Rejected, TooLarge
from darkroom.providers import any_form, error_rules, picture_strings, usage
from darkroom.providers.dialect import MAX_PICTURES, Answer, Encoded
from darkroom.providers.dialects import gemini_errors
from darkroom.providers.reply import Reply, without_lone_surrogates
from darkroom.streaming import json_document
from darkroom.streaming.blob import Blob, Joined
from darkroom.streaming.json_document import LongString

SIGNATURE = "thoughtSignature"
_KNOWN = {"text", "thought", SIGNATURE, "thought_signature"}  # the names in a part without a picture
_MAY_SHOW_PICTURES = ("![", "<", "data:", "://")
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class _Part(NamedTuple):
    """A part of a candidate: a picture, or words. `signature` goes back to the API with it."""

    picture: Encoded | None
    text: str
    is_draft: bool
    signature: str | LongString | None


def interpret(reply: Reply) -> Answer:
    """The answer in a reply. If there is none, raises Rejected, Unavailable or Ambiguous, according to the reply."""
    document = _document(reply)
    if error := gemini_errors.stated(document, reply):
        raise error
    if not document or not 200 <= reply.status < 300 or not _is_ours(document):
        return any_form.interpret(reply)
    return _answer(document, reply) or any_form.interpret(reply)


def request_id(reply: Reply) -> str | None:
    """The provider's id of the call: a relay's from a header, otherwise Google's from the body."""
    return error_rules.request_id(reply) or _named(_document(reply))


def _document(reply: Reply) -> dict[str, Any]:
    """The body as a JSON object; empty if it is something else. The error of a stream comes in a list."""
    said = None
    with suppress(ValueError, RecursionError, TooLarge):
        said = json_document.parsed(reply.body)
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    return said if isinstance(said, dict) else {}


def _named(document: dict[str, Any]) -> str | None:
    name = document.get("responseId")
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def _is_ours(document: dict[str, Any]) -> bool:
    return not error_rules.says_no_at_all(document) and ("candidates" in document or "promptFeedback" in document)


def _answer(document: dict[str, Any], reply: Reply) -> Answer | None:
    """The answer, if it is in Google's form. Raises Rejected or Unavailable if that gives a reason for having none."""
    candidates = [list(_parts(each)) for each in _dicts(document.get("candidates"))]
    made = [_with_state(part, parts) for parts in candidates for part in parts if part.picture and not part.is_draft]
    words = [part.text for parts in candidates for part in parts if part.text and not part.is_draft]
    text = "\n".join(dict.fromkeys(filter(None, map(str.strip, words)))) or None
    name = error_rules.request_id(reply) or _named(document)
    used = usage.read(document.get("usageMetadata"))
    if made:
        return Answer(tuple(made[-MAX_PICTURES:]), text, name, usage=used)
    drafts = [part.picture for parts in candidates for part in parts if part.picture and part.is_draft]
    why = gemini_errors.without_picture(document, text, name, has_draft=bool(drafts))
    if why and not (isinstance(why, Rejected) and _may_show_more(document, text)):
        raise why
    return Answer((drafts[-1],), text, name, (any_form.DRAFT,), usage=used) if drafts else None


def _may_show_more(document: dict[str, Any], text: str | None) -> bool:
    """Whether a picture may be in a place that Google does not use: as an address, in the text, in another form."""
    if text and any(mark in text for mark in _MAY_SHOW_PICTURES):
        return True
    contents = [each.get("content") for each in _dicts(document.get("candidates"))]
    parts = [part for each in contents if isinstance(each, dict) for part in _dicts(each.get("parts"))]
    return any(part.keys() - _KNOWN and not _picture(_data(part)) for part in parts)


def _parts(candidate: dict[str, Any]) -> Iterator[_Part]:
    """The parts of a candidate that are pictures or words."""
    content = candidate.get("content")
    for part in _dicts(content.get("parts") if isinstance(content, dict) else None):
        signature = part.get(SIGNATURE, part.get("thought_signature"))
        if not isinstance(signature, str | LongString) or not len(signature):
            signature = None
        picture = _picture(_data(part))
        words = part.get("text")
        text = without_lone_surrogates(words) if isinstance(words, str) else ""
        if picture or text:
            yield _Part(picture, text, bool(part.get("thought")), signature)


def _data(part: dict[str, Any]) -> object:
    """The data of a part. Its field may have its JSON name or the name in Google's definition."""
    inline = part.get("inlineData", part.get("inline_data"))
    return inline.get("data") if isinstance(inline, dict) else None


def _picture(data: object) -> Encoded | None:
    """The picture, if the data is the Base64 of one, in either alphabet."""
    if not isinstance(data, str | LongString) or not picture_strings.is_picture(data):
        return None
    found = picture_strings.picture_of(data)
    return found if isinstance(found, Encoded) else None


def _with_state(made: _Part, parts: list[_Part]) -> Encoded:
    """The picture, with the signed parts of its turn as its state. Other pictures are left out."""
    picture = made.picture or Encoded(b"")
    told = [part for part in parts if not part.is_draft and (part is made or not part.picture)]
    if not any(part.signature for part in told):
        return picture
    return picture._replace(state=_joined(told))


def _joined(parts: list[_Part]) -> Blob:
    """The parts as JSON. A part without text stands for the picture."""
    words = [{} if part.picture else {"text": part.text} for part in parts]
    signatures = [{SIGNATURE: part.signature} if part.signature else {} for part in parts]
    return Joined(json_document.written([{**said, **signed} for said, signed in zip(words, signatures, strict=True)]))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
