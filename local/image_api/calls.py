"""The calls that the stand-in has received. People and tests can list them."""

import hashlib
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any

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


def picture_described(media_type: str, content: bytes | None) -> dict[str, Any]:
    """A picture as the list of calls shows it. `content` is None if the picture cannot be read."""
    if content is None:
        return {"media_type": media_type, "bytes": None, "sha256": None}
    return {"media_type": media_type, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
