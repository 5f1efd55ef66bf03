"""Requests for pictures: a new conversation, a reply to any turn, and the text of a photo that had none."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkroom.domain import upload
from darkroom_client import naming
from darkroom_client.console.acting.forms import Form, on_disk
from darkroom_client.errors import Invalid
from darkroom_client.pending import PendingTurn
from darkroom_client.stacks.aws_errors import READER, SENDER, translated

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk


def send(desk: "Desk", form: Form) -> str:
    """Starts a conversation, with the pictures of the form. Returns its thread. Raises Trouble."""

    def work() -> tuple[str, Sequence[PendingTurn]]:
        with on_disk(form.files) as paths:
            own = naming.after_file(paths[0]) if paths else naming.after_words(form.text("words"))
            thread_id = desk.room.free_name(form.text("thread") or own)
            return thread_id, _ask(desk, form, thread_id, paths, 0)

    return desk.sent.once(form.id, work)


def reply(desk: "Desk", form: Form) -> str:
    """Replies to one of a thread's turns. Returns the thread. Raises Trouble."""
    thread_id, parent = desk.room.thread(form.text("thread")).id, form.number("parent_turn")

    def work() -> tuple[str, Sequence[PendingTurn]]:
        with on_disk(form.files) as paths:
            return thread_id, _ask(desk, form, thread_id, paths, parent)

    return desk.sent.once(form.id, work)


def instruct(desk: "Desk", form: Form) -> str:
    """Uploads the text of a photo that was uploaded without one.

    Returns the key of the text. Raises Trouble.
    """
    key, words = form.text("key"), form.text("words")
    bucket = desk.room.stack.outputs["UploadsBucket"]
    if upload.of_key(bucket, key).kind != "photo":
        raise Invalid(f"{key!r} is no photo")
    desk.room.prepared({"thread_id": "new", "request_id": "new", "instruction": words}, ())
    text = f"{upload.of_key(bucket, key).stem}.txt"
    with translated(SENDER):
        desk.room.stack.s3.put_object(
            Bucket=bucket, Key=text, Body=words.encode(), ContentType="text/plain; charset=utf-8"
        )
    return text


def _ask(desk: "Desk", form: Form, thread_id: str, paths: Sequence[Path], parent: int | None) -> Sequence[PendingTurn]:
    """Sends one request, or several siblings. Their ids follow from the form's, so that each is paid once."""
    fields: dict[str, Any] = {"parent_turn": parent, "model": form.text("model") or None, "options": form.options}
    ids = [form.id, *(f"{form.id}-{number}" for number in range(2, form.variations + 1))]
    if len(ids) > 1 and parent is None:
        fields["parent_turn"] = _newest(desk, thread_id)
    return [
        desk.room.send(thread_id, form.text("words"), images=paths, request_id=request_id, **fields)
        for request_id in ids
    ]


def _newest(desk: "Desk", thread_id: str) -> int:
    """The turn that all siblings answer, so that they do not answer each other."""
    with translated(READER):
        return desk.room.thread(thread_id).latest_success()
