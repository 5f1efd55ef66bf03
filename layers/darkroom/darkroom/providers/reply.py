"""A raw reply of the image API, and functions that make its words safe to quote."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.streaming.blob import Blob

MAX_ANSWER_BYTES = 160_000_000  # far more than any picture; no more of a hostile answer is read
CUT = "darkroom-cut"  # a header of Darkroom's own: the connection was lost before the reply's end
QUOTED_CHARACTERS = 500  # of other parties' words in a message


@dataclass(frozen=True, slots=True)
class Reply:
    """A raw HTTP answer. Header names are lowercase; `seconds` is the duration of the call.

    `dialect` is the dialect of the call; the reply is interpreted in it, however late. `asked` is the instruction: an
    error may quote it, and its words say nothing about the error. `without_key` removes the API's key from words that
    people may read. The spool keeps neither `asked` nor `without_key`.
    """

    status: int
    headers: Mapping[str, str]
    body: Blob
    seconds: float
    dialect: str = DEFAULT_DIALECT
    asked: str = ""
    without_key: Callable[[str], str] = field(default=str, repr=False, compare=False)


def without_lone_surrogates(text: str) -> str:
    """The text without half surrogate pairs, which JSON can express and UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def redacted(text: str) -> str:
    """The text in one line, without keys and pictures."""
    text = without_lone_surrogates(text)
    text = re.sub(r"(?i)\b(sk-|aiza|bearer\s+)[\w.\-]{4,}", r"\1…", text)
    text = re.sub(r"[A-Za-z0-9+/_-]{60,}={0,2}", "…", text)
    return " ".join(text.split())
