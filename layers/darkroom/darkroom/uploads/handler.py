"""Handles a message that announces uploads. The message comes back while one of its uploads waits."""

from collections.abc import Callable

from darkroom.domain.message import Message
from darkroom.errors import Unavailable
from darkroom.uploads import s3_notification
from darkroom.uploads.intake import Intake, Taken


class UploadHandler:
    """Handles the messages of the upload events' queue; see `message_batch.MessageHandler`."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def answer(self, message: Message, time_left: Callable[[], float]) -> list[Taken]:  # noqa: ARG002 - see `message_batch.MessageHandler`
        """The result of each upload. Raises Unavailable, with the shortest wait, if some have to wait."""
        taken, waiting = [], []
        for arrived in s3_notification.announced(message.body, heard_at=message.first_received_at):
            try:
                taken.append(self._intake.taken(arrived))
            except Unavailable as trouble:
                waiting.append(trouble)
        if waiting:
            raise min(waiting, key=lambda trouble: trouble.retry_after or 0)
        return taken

    def was_abandoned(self, message: Message) -> bool:  # noqa: ARG002 - see `message_batch.MessageHandler`
        """Return False: uploads are small work, which never takes a worker down."""
        return False
