"""The calls that the stand-in received, for people and tests to look at."""

import base64
import hashlib
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any

from local.image_api.options import OPTIONS
from local.image_api.picture import DATA_URI

KEPT_CALLS = 1000


class Calls:
    """The last calls, the oldest first, without the pictures' bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: deque[dict[str, Any]] = deque(maxlen=KEPT_CALLS)
        self._count = 0

    def begin(self) -> dict[str, Any]:
        with self._lock:
            self._count += 1
            record = {"n": self._count, "at": datetime.now(UTC).isoformat(), "status": None, "seconds": None}
            self._records.append(record)
            return record

    def note(self, record: dict[str, Any], **what: Any) -> None:
        with self._lock:
            record.update(what)

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(record) for record in self._records]


def call_described(call: dict[str, Any]) -> dict[str, Any]:
    """A call as the list of calls shows it, whether it is valid or not."""
    known = {"model", "prompt", "response_format"}
    shown: dict[str, Any] = {name: call.get(name) for name in sorted(known)}
    shown["options"] = {name: call[name] for name in OPTIONS if name in call}
    shown["contents"] = _contents_described(call.get("contents"))
    listed = call.get("images")
    flat = [call.get("image"), *(listed if isinstance(listed, list) else [])]
    shown["images"] = [_image_described(uri) for uri in flat if uri is not None]
    shown["ignored"] = sorted(set(call) - known - set(OPTIONS) - {"contents", "image", "images"})
    return shown


def _contents_described(contents: object) -> object:
    if not isinstance(contents, list):
        return None
    return [
        {"role": turn.get("role"), "parts": [_part_described(part) for part in turn.get("parts") or []]}
        for turn in contents
        if isinstance(turn, dict) and isinstance(turn.get("parts"), list | None)
    ]


def _part_described(part: object) -> object:
    if not isinstance(part, dict) or "image" not in part:
        return part
    return {**part, "image": _image_described(part["image"])}


def _image_described(uri: object) -> object:
    match = DATA_URI.fullmatch(uri) if isinstance(uri, str) else None
    if not match:
        return {"url": str(uri)[:200]}
    try:
        content = base64.b64decode(match[2])
    except ValueError:
        return {"media_type": match[1], "bytes": None, "sha256": None}
    return {"media_type": match[1], "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
