"""A raw reply of the image API, and what may be quoted of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.streaming.blob import Blob

MAX_ANSWER_BYTES = 160_000_000  # far over any picture; of a hostile answer no more is read
CUT = "darkroom-cut"  # a header of ours: the line broke before the reply's end
QUOTED_CHARACTERS = 500  # of what somebody else said, in a message of ours


@dataclass(frozen=True, slots=True)
class Reply:
    """A raw HTTP answer. Header names are lowercase; `seconds` is how long the call took.

    `dialect` is the one that the call was made in, so that the reply is interpreted in it whenever that is. `asked` is
    the instruction, which an error may quote: its words say nothing of the error. `without_key` takes the key of the
    API out of words that may be read. The spool keeps neither.
    """

    status: int
    headers: Mapping[str, str]
    body: Blob
    seconds: float
    dialect: str = DEFAULT_DIALECT
    asked: str = ""
    without_key: Callable[[str], str] = field(default=str, repr=False, compare=False)


def without_lone_surrogates(text: str) -> str:
    """The text without half surrogate pairs, which JSON can say and UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def redacted(text: str) -> str:
    """The text in one line, without keys and pictures."""
    text = without_lone_surrogates(text)
    text = re.sub(r"(?i)\b(sk-|aiza|bearer\s+)[\w.\-]{4,}", r"\1…", text)
    text = re.sub(r"[A-Za-z0-9+/_-]{60,}={0,2}", "…", text)
    return " ".join(text.split())
