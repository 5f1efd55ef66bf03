"""A request in an uploaded file, or in a line of a batch file; or every fault in it."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from darkroom.domain import keys
from darkroom.domain.request import Request, bucket_faults, json_object, of_form
from darkroom.domain.request_schema import CUSTOM_ID_CHARACTERS, REQUEST_ID, Body, Folder, Line, RequestRules, validated
from darkroom.errors import FieldFault, Rejected, invalid
from darkroom.streaming import charsets

FILE_REMEDY = "Fix the fields listed above and upload the file again; nothing was started or paid."
LINE_REMEDY = "Fix this line and upload the file again; lines that have their outcome are not paid again."
DERIVED_ID = r"custom-[0-9a-f]{64}"
_WORDS = ("prompt", "input", "messages", "contents", "content", "parts", "text")
_WORDS_DEPTH = 8
_WORDS_SHOWN = 200
_OPTION_SHOWN = 64


def of_file(text: str, *, folder: Folder, thread_id: str, request_id: str, rules: RequestRules) -> Request:
    """The request in an uploaded file. `thread_id` and `request_id` are its defaults. Raises Rejected."""
    valid = validated(Body, json_object(text, FILE_REMEDY), FILE_REMEDY, folder=folder, options=rules.options)
    if faults := bucket_faults(valid, rules.buckets):
        raise invalid(faults, FILE_REMEDY)
    return of_form(valid, valid.thread_id or thread_id, valid.request_id or request_id)


def of_line(line: bytes, *, folder: Folder, stem: str, rules: RequestRules) -> Request:
    """The request in a line of a batch file. Its default thread is `<stem>/<request id>`. Raises Rejected."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise invalid([FieldFault("body", charsets.told(line))], LINE_REMEDY) from error
    document = json_object(text, LINE_REMEDY)
    if foreign := _foreign(document, rules.options):
        raise invalid([FieldFault("body", foreign)], LINE_REMEDY)
    valid = validated(Line, document, LINE_REMEDY, folder=folder, options=rules.options)
    if faults := bucket_faults(valid, rules.buckets):
        raise invalid(faults, LINE_REMEDY)
    request_id = request_id_of(valid.custom_id)
    return of_form(valid, valid.thread_id or keys.thread_of(f"{stem}/{request_id}"), request_id)


def custom_id(line: bytes | None) -> str | None:
    """The id of a line, if the id itself is valid. A line without data has none."""
    try:
        document = json_object((line or b"").decode(), LINE_REMEDY, is_lenient=True)
        asked = {"instruction": "-", "custom_id": document.get("custom_id")}
        return validated(Line, asked, LINE_REMEDY).custom_id
    except (UnicodeDecodeError, Rejected):
        return None


def max_calls(line: bytes | None) -> int:
    """The bound that the first line of a batch file sets, `{"max_calls": 500}`; 0 if that line is a request."""
    try:
        document = json_object((line or b"").decode(), LINE_REMEDY)
    except (UnicodeDecodeError, Rejected):
        return 0
    said = document.get("max_calls") if document.keys() == {"max_calls"} else 0
    return said if type(said) is int and said > 0 else 0


def request_id_of(custom_id: str) -> str:
    """The request id of a line: its own id if that is a valid one, or a hash. A hash never equals a line's own id."""
    is_plain = re.fullmatch(REQUEST_ID, custom_id) and not re.fullmatch(DERIVED_ID, custom_id)
    return custom_id if is_plain else f"custom-{keys.sha256(custom_id)}"


def _foreign(document: Mapping[str, Any], options: Collection[str]) -> str | None:
    """The suggestion for a line that is written for another service's batches."""
    form = _form(document)
    if form is None:
        return None
    whose, custom_id, asked = form
    line: dict[str, Any] = {"custom_id": custom_id if _is_short(custom_id, CUSTOM_ID_CHARACTERS) else "…"}
    line["instruction"] = (_words(asked, _WORDS_DEPTH) or "…")[:_WORDS_SHOWN]
    if known := {name: asked[name] for name in options if _is_short(asked.get(name), _OPTION_SHOWN)}:
        line["options"] = known
    shown = json.dumps(line, ensure_ascii=False).encode(errors="replace").decode()  # it may hold half a surrogate pair
    return f"is a line for the batches of {whose}: write {shown}, and name pictures that you uploaded as `images`"


def _is_short(given: Any, most: int) -> bool:
    return isinstance(given, int | float | str) and len(str(given)) <= most


def _form(document: Mapping[str, Any]) -> tuple[str, Any, Mapping[str, Any]] | None:
    """The service that a line is written for, the line's id, and its request."""
    body, params, request = (document.get(name) for name in ("body", "params", "request"))
    if isinstance(body, dict) and not document.keys().isdisjoint(("method", "url")):
        return "OpenAI", document.get("custom_id"), body
    if isinstance(params, dict) and "custom_id" in document:
        return "Anthropic", document["custom_id"], params
    if isinstance(request, dict) and "key" in document:
        return "Gemini", document["key"], request
    return None


def _words(part: Any, depth: int) -> str | None:
    """The last words in a request of another service."""
    if isinstance(part, str) or not depth:
        return part if isinstance(part, str) else None
    if isinstance(part, dict):
        part = [part[name] for name in reversed(_WORDS) if name in part]
    inner = (_words(each, depth - 1) for each in reversed(part)) if isinstance(part, list) else ()
    return next(filter(None, inner), None)
