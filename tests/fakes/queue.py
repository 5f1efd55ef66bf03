"""A queue that keeps its messages, and messages as Lambda delivers them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from darkroom.domain.keys import message_group
from darkroom.domain.message import Message
from darkroom.domain.upload import Upload
from darkroom.uploads import s3_notification
from tests.fakes.edge import NOON


@dataclass
class MemoryOutbox:
    """A queue that tests only look at."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        self.sent.append((body, thread_id, request_id))
        return f"message-{len(self.sent)}"


@dataclass
class MemoryUploadEvents:
    """The upload events' queue. Keeps the uploads that were announced again."""

    announced: list[Upload] = field(default_factory=list)

    def announce(self, uploads: Sequence[Upload]) -> None:
        assert 1 <= len(uploads) <= 10, "SQS refuses this batch"
        for upload in uploads:
            self.announced += s3_notification.announced(s3_notification.notification(upload), heard_at=upload.heard_at)


def sent_message(
    body: Mapping[str, Any] | str,
    *,
    thread: str = "t",
    message_id: str = "m-1",
    receive_count: int = 1,
    is_probe: bool = False,
) -> Message:
    """A message with the body that its sender meant."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    group, receipt = message_group(thread), f"receipt-{message_id}"
    return Message(message_id, group, text, receipt, NOON - 1, receive_count, is_probe)
