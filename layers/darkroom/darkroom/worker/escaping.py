"""Other people's names on a terminal: characters that move its cursor, break lines or reverse text become escapes.

Object keys, thread ids and request ids are free text.
"""

import json
import re
from typing import Any

# Controls (C0, DEL, C1), halves of surrogate pairs, and invisible characters: direction marks, separators, tags.
# Not compiled here: that takes a tenth of the time of all our own imports, and most lines need no escapes.
_HARMFUL = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0001-\U000e007f]"
)


def escaped(text: str) -> str:
    """The text in one line, with harmful characters as JSON escapes. JSON stays JSON with the same meaning."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_HARMFUL, _escape, text)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def escaped_lines(text: str) -> str:
    """The text escaped line by line, for a text whose line breaks are our own."""
    return "\n".join(map(escaped, text.split("\n")))


def as_json(record: dict[str, Any]) -> str:
    """The record as a line of the log."""
    return escaped(json.dumps(record, default=str, separators=(",", ":"), ensure_ascii=False))
