"""Carries out a decision on an upload: stores it, and sends the request when its lane has room.

The request is stored together with its decision, so that it is sent exactly once, even after a crash. A full lane
delays requests and never changes which requests there are.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, replace

from darkroom.batches import batch_file
from darkroom.domain.ports import QueueSender
from darkroom.domain.timing import MAX_AGE_SECONDS
from darkroom.domain.upload import Upload
from darkroom.errors import Unavailable
from darkroom.turns import retry_policy
from darkroom.uploads import pairing
from darkroom.uploads.pairing import Ask, Decision, Stem, Waiting
from darkroom.uploads.ports import Lanes, UploadState


class Dispatch:
    """Stores decisions, and sends requests and batches. Raises Outdated if a decision must be made again."""

    def __init__(
        self,
        state: UploadState,
        lanes: Lanes,
        requests: QueueSender,
        batches: QueueSender,
        clock: Callable[[], float],
        token: Callable[[], str],
    ) -> None:
        self._state = state
        self._lanes = lanes
        self._requests = requests
        self._batches = batches
        self._clock = clock
        self._token = token

    def stem(self, arrived: Upload) -> Stem:
        """The state of the upload's stem, after its unsent request was sent."""
        return self._sent(arrived, arrived.home, arrived.stem)

    def carry_out(
        self,
        thread: str,
        arrived: Upload,
        before: Stem,
        decision: Decision,
        waits: Waiting | None = None,
        *,
        body: str | None = None,
    ) -> None:
        """Store a decision and send its request.

        `waits` is the photo, if it may have to wait for words. `body` replaces the message for an upload that says more
        than words and photos.
        """
        stem = decision.stem
        if decision.ask:
            lane = pairing.lane(arrived, decision.ask, begins=not self._goes_on(thread, arrived))
            stem = replace(stem, outbox=body or self._message(thread, stem, decision.ask), lane=lane)
        if stem != before:
            still_waits, left = waits if decision.waits else None, before.thread or arrived.thread
            stem = self._state.decide(thread, arrived, stem, decision.ask, still_waits, left=left)
        if decision.ask:
            self._send(arrived, arrived.home, arrived.stem, stem)

    def request_id(self, generation: int) -> str:
        """The id of a stem's request. It cannot be guessed, so no one can use it for another request first."""
        return f"upload-{self._token()}-{generation}"

    def begin(self, arrived: Upload, before: Stem, stem: Stem) -> bool:
        """Store a batch file and start it. Return False if its content is not new."""
        begins = stem.generation > before.generation
        if begins:
            stem = replace(stem, outbox=batch_file.uploaded(arrived, stem.generation).body)
        if stem != before:
            stem = self._state.decide(arrived.thread, arrived, stem, None, None)
        if begins:
            self._send(arrived, arrived.home, arrived.stem, stem)
        return begins

    def _goes_on(self, thread: str, arrived: Upload) -> bool:
        """Whether the thread has begun.

        Requests of other stems from the same first folder go first, also while they wait in a lane. A request from
        another folder joins the thread when it leaves its own lane; there is no need to wait for it.
        """
        if ahead := self._state.ahead(thread, arrived.top):
            self._sent(arrived, *ahead)
        return ahead is not None or self._state.has_turn(thread)

    def _sent(self, arrived: Upload, home: str, name: str) -> Stem:
        stem = self._state.stem(home, name)
        if not stem.outbox:
            return stem
        self._send(arrived, home, name, stem)
        return self._state.stem(home, name)

    def _send(self, arrived: Upload, home: str, name: str, stem: Stem) -> None:
        """Send the stem's outbox; a request only if its lane has room. Raises Unavailable."""
        document, age = json.loads(str(stem.outbox)), self._clock() - arrived.at
        if "generation" in document:  # a batch: requests have no generation
            self._batches.send(str(stem.outbox), document["key"], str(document["generation"]))
        else:
            thread, request_id = document["thread_id"], document["request_id"]
            has_to_pass = stem.lane is not None and age < MAX_AGE_SECONDS
            if has_to_pass and not self._lanes.enter(str(stem.lane), thread, request_id):
                raise Unavailable("held", "its lane is full", retry_after=retry_policy.lane_delay(age))
            self._requests.send(str(stem.outbox), thread, request_id)
        self._state.sent(home, name, stem)

    def _message(self, thread: str, stem: Stem, ask: Ask) -> str:
        """The request as a message. It is ASCII, because SQS refuses a message that contains U+FFFE or U+FFFF."""
        images = [{name: value for name, value in asdict(image).items() if value is not None} for image in ask.images]
        document = {
            "thread_id": thread,
            "request_id": self.request_id(stem.generation),
            "instruction": ask.words,
            "images": images,
        }
        return json.dumps(document)
