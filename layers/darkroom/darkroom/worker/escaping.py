"""Names of others on a terminal: what moves its cursor, breaks its lines or turns them round becomes an escape.

Object keys, thread and request ids are whatever people chose.
"""

import json
import re
from typing import Any

# Controls (C0, DEL, C1), halves of surrogate pairs, and what is invisible: marks of direction, separators, tags.
# Not compiled here: that takes as long as a tenth of our own imports, and most lines are plain.
_HARMFUL = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0001-\U000e007f]"
)


def escaped(text: str) -> str:
    """The text in one line, harmful characters as JSON escapes: so what is JSON stays JSON, and says the same."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_HARMFUL, _escape, text)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def escaped_lines(text: str) -> str:
    """The same, of a text whose line breaks are our own."""
    return "\n".join(map(escaped, text.split("\n")))


def as_json(record: dict[str, Any]) -> str:
    """A line of the log."""
    return escaped(json.dumps(record, default=str, separators=(",", ":"), ensure_ascii=False))
