"""Faults on request: for one call, by a marker in its last text, or for every call.

    [fault:429 retry-after=3]    rate limited, with that Retry-After
    [fault:500 x2 any-words]     only the first two calls with exactly this text fail

| fault | effect for the caller |
|---|---|
| 401, 402, 429, 500, 503 | this status and the documented error body |
| 504 | an HTML page from a gateway |
| refusal | 400, code `prompt_blocked` |
| text | 200, words in `revised_prompt` and no picture |
| none | 200, `data` empty |
| garbage | 200, a picture that does not decode |
| plain | 200, a large picture of one colour |
| cut | the head and half the body, then the connection is closed |
| hang | the connection is closed without an answer |
| slow | the given number of seconds (5), then the normal answer |
| signature | 400 "missing a thought_signature" if a model turn holds a picture, otherwise the normal answer |
"""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass

MARKER = re.compile(r"\[fault:([^\]]*)\]", re.IGNORECASE)
NAMES = (
    *("401", "402", "429", "500", "503", "504"),
    *("refusal", "text", "none", "garbage", "plain", "cut", "hang", "slow", "signature"),
)
REMEMBERED_TEXTS = 1000


class UnknownFault(ValueError):
    """The marker names no known fault."""


@dataclass(frozen=True)
class Fault:
    name: str
    retry_after: str | None = None
    seconds: float = 5.0
    times: int | None = None


def read_fault(said: str) -> Fault:
    """The fault in a marker: `429`, `429 retry-after=3`, `slow 5`, `500 x2 order-7`."""
    name, *rest = said.lower().split() or [""]
    if name not in NAMES:
        raise UnknownFault(f"fault: {name!r} is not one of {', '.join(NAMES)}")
    found: dict[str, str] = {}
    for word in rest:
        for kind, pattern in (
            ("retry", r"retry-after=(.+)"),
            ("times", r"x(\d{1,4})"),
            ("seconds", r"(\d{1,3}(?:\.\d+)?)s?"),
        ):
            if match := re.fullmatch(pattern, word):
                found[kind] = match[1]
    times = int(found["times"]) if "times" in found else None
    return Fault(name, found.get("retry"), float(found.get("seconds", 5)), times)


def without_markers(text: str) -> str:
    return MARKER.sub("", text).strip()


class Faults:
    """Chooses the fault of the next call, if any. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standing: Fault | None = None
        self._left: int | None = None
        self._seen: OrderedDict[str, int] = OrderedDict()

    def stand(self, fault: Fault | None, times: int | None = None) -> None:
        """Switches the fault on for every call, or for the next `times` calls. None switches it off."""
        with self._lock:
            self._standing, self._left = fault, times

    def next_for(self, text: str) -> Fault | None:
        """The fault of a call with this text. Raises `UnknownFault`."""
        marker = MARKER.search(text)
        with self._lock:
            return self._next_standing() or (self._next_marked(read_fault(marker[1]), text) if marker else None)

    def _next_standing(self) -> Fault | None:
        if self._left is None or self._standing is None:
            return self._standing
        self._left -= 1
        return self._standing if self._left >= 0 else None

    def _next_marked(self, fault: Fault, text: str) -> Fault | None:
        self._seen[text] = self._seen.pop(text, 0) + 1
        if len(self._seen) > REMEMBERED_TEXTS:
            self._seen.popitem(last=False)
        return fault if fault.times is None or self._seen[text] <= fault.times else None
