"""A stack as its users see it: ask it, look into its threads, and hear of its outcomes."""

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from darkroom.domain import keys, request
from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.domain.request import Request
from darkroom.domain.request_schema import RequestRules
from darkroom.errors import Rejected
from darkroom_client import naming, pictures
from darkroom_client.consumer import Consumer
from darkroom_client.errors import Invalid, Unreachable
from darkroom_client.index import Index, Summary
from darkroom_client.pending import PendingTurn
from darkroom_client.pictures import Given, LocalPicture
from darkroom_client.results import Result
from darkroom_client.stacks import choice, connection
from darkroom_client.stacks.aws_errors import SENDER, translated
from darkroom_client.stacks.choice import Choice
from darkroom_client.stacks.stack import Known, Stack
from darkroom_client.thread import Thread

NEEDED = ("UploadsBucket", "ResultsBucket", "RequestsQueueUrl", "ThreadsTable")


class Darkroom:
    """One stack. It may be used by several threads of execution at once. Nothing is asked before it has to be."""

    def __init__(
        self,
        deployed: Stack,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.stack = deployed
        self._clock = clock
        self._sleep = sleep

    @classmethod
    def from_stack(cls, name: str, region: str | None = None, profile: str | None = None) -> "Darkroom":
        """The stack of this name on AWS, with the caller's own credentials. `local` and `local:4600` are this
        machine's. Raises Unreachable.
        """
        return cls(Choice(name, region, profile).open())

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Darkroom":
        """The stack that `DARKROOM_STACK` names; or else the one whose parts `UPLOADS_BUCKET`, `RESULTS_BUCKET`,
        `REQUESTS_QUEUE_URL` and `THREADS_TABLE` name, as `.local/env` does. Raises Unreachable where neither is set.
        """
        if environ.get("DARKROOM_STACK"):
            return cls(choice.find(environ=environ).open())
        outputs = {name: environ.get(_variable(name), "") for name in NEEDED}
        if missing := [_variable(name) for name, value in outputs.items() if not value]:
            raise Unreachable(f"{', '.join(missing)} not set.", "Set them, or DARKROOM_STACK to the name of a stack.")
        return cls(Stack(Known(outputs, {}, {}), connection.on_aws().client))

    @classmethod
    def local(cls, port: int | None = None) -> "Darkroom":
        """The stack on `port` of this machine, or the one last brought up in this checkout. Raises Unreachable."""
        return cls(Choice(choice.LOCAL if port is None else f"{choice.LOCAL}:{port}").open())

    def send(
        self,
        thread: str,
        words: str,
        *,
        images: Sequence[Given] = (),
        request_id: str | None = None,
        parent_turn: int | None = None,
        model: str | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> PendingTurn:
        """Asks for the next turn of a thread. Returns at once, and the request is in the queue then.

        `images` are paths, bytes or `s3://` URIs; those of this machine are uploaded first. `request_id` is the
        idempotency key: the same id with the same content is paid once, for 35 days. Without one each call is a new
        request. The other fields are those of docs/contract.md. Raises Invalid before anything is sent, and Trouble.
        """
        given = {
            "thread_id": thread, "request_id": request_id or uuid.uuid4().hex, "instruction": words,
            "parent_turn": parent_turn, "model": model, "options": options and dict(options),
            "metadata": metadata and dict(metadata),
        }  # fmt: skip
        return self.stack.up_to_date(lambda: self._send(*self.prepared(given, images)))

    def prepared(self, fields: Mapping[str, Any], images: Sequence[Given]) -> tuple[Request, list[LocalPicture]]:
        """The request with these fields, and the pictures to upload before it. Nothing is sent. Raises Invalid."""
        uris, ours = pictures.placed(images, self.stack.outputs["UploadsBucket"])
        body = {name: value for name, value in {**fields, "images": uris}.items() if value not in (None, [])}
        return _valid(body, self._rules()), ours

    def thread(self, thread_id: str) -> Thread:
        """The thread of this id, whether there is one or not. Raises Invalid where it can be no thread's."""
        return Thread(self.stack, naming.thread_id(thread_id))

    def free_name(self, name: str) -> str:
        """The name, or the first of `mug-2`, `mug-3` … that no thread has. Raises Invalid, and Trouble."""
        thread, number = self.thread(name), 1
        first = thread.id
        while thread.exists():
            number += 1
            thread = self.thread(f"{first}-{number}")
        return thread.id

    def threads(self, since: datetime, prefix: str = "", words: str = "") -> Iterator[Summary]:
        """The threads whose ids begin so, in which something has ended since then, or waits; the newest first.

        With `words` only those with an instruction that holds them. They are read as they are taken. Raises Trouble.
        """
        return Index(self.stack).threads(since, prefix, words)

    def outcomes(self, *, queue_url: str, idle: float | None = None) -> Iterator[Result]:
        """Every outcome that an EventBridge rule announces to this queue, failed ones too, each at least once.

        An outcome is acknowledged when its block ends. It is there again at once where the block raises, or leaves
        the loop. Ends after `idle` seconds without an outcome; None never ends. Raises Trouble.
        """
        bucket = self.stack.outputs["ResultsBucket"]
        return Consumer(self.stack.sqs, self.stack.s3, bucket, queue_url).outcomes(idle, self._clock)

    def _send(self, asked: Request, ours: Sequence[LocalPicture]) -> PendingTurn:
        from darkroom.aws.sqs import SqsSender

        for picture in ours:
            picture.upload(self.stack.s3, self.stack.outputs["UploadsBucket"])
        with translated(SENDER):
            sender = SqsSender(self.stack.sqs, self.stack.outputs["RequestsQueueUrl"])
            message_id = sender.send(asked.body, asked.thread_id, asked.request_id)
        return PendingTurn(self.stack, asked, message_id, clock=self._clock, sleep=self._sleep)

    def _rules(self) -> RequestRules:
        from darkroom.providers.dialect_table import DIALECTS

        buckets = (self.stack.outputs["UploadsBucket"], self.stack.outputs["ResultsBucket"])
        return RequestRules(buckets, DIALECTS[DEFAULT_DIALECT].options)


def _valid(body: Mapping[str, Any], rules: RequestRules) -> Request:
    """As a function would understand it, by the same code."""
    group = keys.message_group(naming.thread_id(body["thread_id"]))
    try:
        return request.parse(json.dumps(body), group=group, message_id="", rules=rules)
    except (TypeError, ValueError) as error:
        raise Invalid(f"This is not JSON: {error}") from error
    except Rejected as rejected:
        raise Invalid(rejected.message, "Nothing was sent or paid.") from rejected


def _variable(output: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()
