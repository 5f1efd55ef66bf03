"""Looks for people's words, secrets and pictures in everything that a stack's functions logged.

The words come from the stack itself: uploaded texts and metadata, and the words in every result. So this covers every
test without further work. Names may be logged: keys, and threads, which are parts of keys.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.stack.home import Home

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

LEAST_CHARACTERS = 5  # shorter words occur anywhere
PIECE_CHARACTERS = 24  # enough of a long text to betray it
_TEXTS = (".txt", ".json", ".jsonl", ".csv")
_IDS = ("source", "thread", "request")  # metadata of a copied result that only names things
_PICTURES = re.compile(
    r"data:image|b64_json|iVBORw0KGgo|/9j/[24]|UklGR|R0lGOD|\x89PNG|\\x89PNG|JFIF|WEBPVP8|[A-Za-z0-9+/]{200}"
)
_CREDENTIALS = re.compile(r"Authorization|Bearer ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Search:
    """The number of different lines, the number of texts and secrets looked for, and a sentence for each leak."""

    lines: int
    looked_for: int
    leaks: list[str]


def search(stack: "Stack") -> Search:
    """Search everything that was logged so far."""
    written = list(_lines(stack))
    text = "\n".join(written)
    unspeakable = _unspeakable(stack)
    leaks = [f"{kind}: {_around(text, form)}" for kind, word in unspeakable for form in _forms_in(word, text)]
    for kind, pattern in (("picture", _PICTURES), ("credentials", _CREDENTIALS)):
        leaks += [f"{kind}: {_around(text, match[0])}" for match in pattern.finditer(text)]
    return Search(len(set(written)), len(unspeakable), leaks)


def _lines(stack: "Stack") -> Iterator[str]:
    """All lines of the functions, and the emulator's lines about them."""
    logs = stack.aws.logs
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            for event in page["events"]:
                yield from event["message"].splitlines()
    yield from _emulator_log(stack.home)


def _emulator_log(home: Home) -> list[str]:
    return home.log("ministack").read_text(encoding="utf-8", errors="replace").splitlines()


def _unspeakable(stack: "Stack") -> set[tuple[str, str]]:
    """Secrets, and the words of people and the API, in pieces."""
    keys = [key for bucket in ("UPLOADS_BUCKET", "RESULTS_BUCKET") for key in _keys(stack, stack.env[bucket])]
    names = "\n".join(keys)
    said = {piece for text in _said(stack) for piece in _pieces(text) if piece not in names}
    return {("words", piece) for piece in said} | {("secret", secret) for secret in _secrets(stack)}


def _said(stack: "Stack") -> Iterator[str]:
    s3, uploads, results = stack.aws.s3, stack.env["UPLOADS_BUCKET"], stack.env["RESULTS_BUCKET"]
    for key in _keys(stack, uploads):
        stored = s3.get_object(Bucket=uploads, Key=key)
        data = stored["Body"].read()
        yield from (value for name, value in stored["Metadata"].items() if name not in _IDS)
        if key.endswith(_TEXTS):
            yield data.decode(errors="replace")
    for key in _keys(stack, results):
        if key.endswith("/result.json"):
            yield from _words_of(json.loads(s3.get_object(Bucket=results, Key=key)["Body"].read()))


def _words_of(result: dict[str, Any]) -> Iterable[str]:
    error = result.get("error") or {}
    told = (result.get("instruction"), result.get("text"), result.get("body"), error.get("message"))
    return [*filter(None, told), *(result.get("metadata") or {}).values()]


def _pieces(text: str) -> Iterator[str]:
    """The text, and the beginning and the end of each long line."""
    for line in (text, *text.splitlines()):
        stripped = line.strip()
        pieces = (stripped, stripped[:PIECE_CHARACTERS], stripped[-PIECE_CHARACTERS:])
        yield from (piece for piece in pieces if len(piece) >= LEAST_CHARACTERS and re.search(r"[^\W\d]", piece))


def _secrets(stack: "Stack") -> list[str]:
    secret = stack.env["IMAGE_API_KEY_SECRET_ARN"]
    return [stack.aws.secrets.get_secret_value(SecretId=secret)["SecretString"]]


def _keys(stack: "Stack", bucket: str) -> list[str]:
    pages = stack.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _forms_in(word: str, text: str) -> list[str]:
    """The forms of the word in the text: plain, as JSON writes it, and as Python does."""
    forms = {word, json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1], repr(word)[1:-1]}
    return [form for form in forms if form in text]


def _around(text: str, word: str) -> str:
    place = max(0, text.find(word))
    return text[max(0, text.rfind("\n", 0, place)) : place + len(word) + 80].strip()
