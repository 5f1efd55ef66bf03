"""A raw reply of the image API, and what may be quoted of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from darkroom.blob import Blob

QUOTED_CHARACTERS = 500  # of what somebody else said, in a message of ours


@dataclass(frozen=True, slots=True)
class Reply:
    """A raw HTTP answer. Header names are lowercase; `seconds` is how long the call took."""

    status: int
    headers: Mapping[str, str]
    body: Blob
    seconds: float


def provider_request_id(reply: Reply, message: str) -> str | None:
    """The provider's name for the call, from a header or from the end of its message.

    It is logged, so it must look like a name: elsewhere in the message it may be an instruction that is quoted.
    """
    header = reply.headers.get("x-oneapi-request-id") or reply.headers.get("x-request-id") or ""
    at_end = re.search(r"\(request id: ([^()]*)\)[\s.]*$", message)
    named = (header.strip(), at_end[1] if at_end else "")
    return next((name for name in named if re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", name)), None)


def whole(text: str) -> str:
    """The text without half surrogate pairs, which JSON can say and UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def redacted(text: str) -> str:
    """The text in one line, without keys and pictures."""
    text = whole(text)
    text = re.sub(r"(?i)\b(sk-|bearer\s+)[\w.\-]{4,}", r"\1…", text)
    text = re.sub(r"[A-Za-z0-9+/_-]{60,}={0,2}", "…", text)
    return " ".join(text.split())
