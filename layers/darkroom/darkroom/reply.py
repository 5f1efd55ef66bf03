"""A raw reply of the image API, and what may be quoted of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

QUOTED_CHARACTERS = 500  # of what somebody else said, in a message of ours


@dataclass(frozen=True, slots=True)
class Reply:
    """A raw HTTP answer. Header names are lowercase; `seconds` is how long the call took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def provider_request_id(reply: Reply, message: str) -> str | None:
    """The provider's name for the call, from a header or from the end of its message."""
    header = reply.headers.get("x-oneapi-request-id") or reply.headers.get("x-request-id")
    found = re.search(r"\(request id: ([\w.:-]{1,128})\)", message)
    return (header or (found[1] if found else None) or "")[:128] or None


def whole(text: str) -> str:
    """The text without half surrogate pairs, which JSON can say and UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def redacted(text: str) -> str:
    """The text in one line, without keys and pictures."""
    text = whole(text)
    text = re.sub(r"(?i)\b(sk-|bearer\s+)[\w.\-]{4,}", r"\1…", text)
    text = re.sub(r"[A-Za-z0-9+/_-]{60,}={0,2}", "…", text)
    return " ".join(text.split())
