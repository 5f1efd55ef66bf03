"""The use case of uploads: an object becomes a request in the queue, waits for its other half, or is told why not.

    read what it says - decide what is new - remember the decision with the request - pass its lane - send it

The request is remembered with the decision that made it, so that whatever dies in between, it is sent, once; and a
full lane changes when a request is sent, and not which requests there are.
"""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, replace
from itertools import islice

from darkroom import batch_file, hints, naming, outcome, pairing, parts, patience, request, upload, words
from darkroom.errors import Outdated, Rejected, TooLarge, Unavailable
from darkroom.form import INSTRUCTION_CHARACTERS, MOST_IMAGES
from darkroom.outcome import Timing, Uploaded
from darkroom.pairing import Ask, Decision, Stem, Waiting, Words
from darkroom.ports import Lanes, Memory, ObjectStore, Outbox, Stored
from darkroom.publication import Publication
from darkroom.request import ImageRef
from darkroom.upload import Upload

TRIES = 8
MOST_REQUEST_BYTES = 1 << 20
MOST_TEXT_BYTES = INSTRUCTION_CHARACTERS * 4 + 3  # at its longest, in UTF-8 or UTF-16, and a BOM


class Intake:
    """Takes uploads in. `grace` is how long, in seconds, a photo and its text may be apart."""

    def __init__(
        self,
        objects: ObjectStore,
        memory: Memory,
        lanes: Lanes,
        requests: Outbox,
        batches: Outbox,
        publication: Publication,
        *,
        buckets: Collection[str],
        default_instruction: str,
        grace: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._objects = objects
        self._memory = memory
        self._lanes = lanes
        self._requests = requests
        self._batches = batches
        self._publication = publication
        self._buckets = buckets
        self._default_instruction = default_instruction
        self._grace = grace
        self._clock = clock

    def take(self, arrived: Upload) -> str:
        """Takes an upload in, and says in a word what became of it.

        Raises Unavailable, with `retry_after`, where it has to wait; what was sent before is not sent again.
        """
        try:
            return self._taken(arrived)
        except Rejected as rejection:
            self._refuse(arrived, rejection)
            return rejection.code

    def _taken(self, arrived: Upload) -> str:
        if arrived.kind == "noise":
            return "ignored"
        if arrived.kind == "unsupported":
            raise hints.unsupported(arrived)
        if arrived.kind == "folder_instruction":
            return self._keep_folder_instruction(arrived)
        receive = {"photo": self._take_photo, "request": self._take_request, "batch": self._take_batch}.get(
            arrived.kind, self._take_text
        )
        for _ in range(TRIES):
            try:
                return receive(arrived)
            except Outdated:
                continue
        raise Unavailable("aws", "others keep changing what is remembered of this stem")

    def _keep_folder_instruction(self, arrived: Upload) -> str:
        """It starts nothing; but who wrote one that cannot be used is told."""
        if arrived.name != upload.FOLDER_INSTRUCTION:
            raise hints.misnamed(arrived)
        stored = self._read(ImageRef(arrived.bucket, arrived.key, arrived.version_id))
        if stored and stored.data:
            words.of_text(stored.data)
        return "kept"

    def _take_photo(self, arrived: Upload) -> str:
        stem = self._stem(arrived)
        image = ImageRef(arrived.bucket, arrived.key, arrived.version_id)
        metadata = self._objects.metadata(image)
        if metadata is None:
            return "gone"
        arrived = parts.in_one(self._objects, arrived)
        named = _named(metadata)
        thread = named or arrived.thread
        own, found, unusable = self._said_of(arrived, metadata)
        decision = pairing.photo(stem, arrived, own, found, thread=named)
        waits = Waiting(arrived.thread, arrived.stem, image, arrived.etag, arrived.at) if arrived.size else None
        became = self._carry_out(thread, arrived, stem, decision, waits)
        if became == "waits" and self._waited(arrived):
            raise _told(arrived, unusable)
        return became

    def _take_text(self, arrived: Upload) -> str:
        stem = self._stem(arrived)
        stored = self._read(ImageRef(arrived.bucket, arrived.key, arrived.version_id))
        if stored is None:
            return "gone"
        thread = _named(stored.metadata) or stem.thread or arrived.thread
        if pairing.is_late(stem, arrived):
            return "nothing new"
        if not arrived.size and not self._waited(arrived):
            raise self._later(arrived)  # some clients make an empty object first
        waiting = self._waiting(thread, arrived)
        starts = not waiting and (self._waited(arrived) or self._memory.is_known(thread))
        decision = pairing.text(stem, arrived, words.of_text(stored.data), waiting, starts=starts)
        return self._carry_out(thread, arrived, stem, decision, None)

    def _take_request(self, arrived: Upload) -> str:
        stem = self._stem(arrived)
        try:
            stored = self._objects.read(
                ImageRef(arrived.bucket, arrived.key, arrived.version_id), most_bytes=MOST_REQUEST_BYTES
            )
        except TooLarge as error:
            raise _too_large(f"{MOST_REQUEST_BYTES:,} bytes") from error
        if stored is None:
            return "gone"
        if pairing.is_late(stem, arrived):
            return "nothing new"
        self._check_written(arrived)
        asked = request.of_file(
            words.decoded(stored.data, "body"),
            folder=batch_file.folder_of(arrived.bucket, arrived.key),
            thread_id=_named(stored.metadata) or stem.thread or arrived.thread,
            request_id=_request_id(arrived, stem.generation + 1),
            buckets=self._buckets,
        )
        content = hashlib.sha256(stored.data).hexdigest()
        decision = pairing.request(stem, arrived, content, Ask(asked.instruction, asked.images))
        return self._carry_out(asked.thread_id, arrived, stem, decision, None, body=asked.body)

    def _take_batch(self, arrived: Upload) -> str:
        """Only begins: its lines are read when its message comes."""
        if arrived.size > batch_file.MOST_BYTES:
            raise _too_large(f"{batch_file.MOST_BYTES:,} bytes")
        before = self._stem(arrived)
        if not pairing.is_late(before, arrived):
            self._check_written(arrived)
        stem = pairing.batch(before, parts.in_one(self._objects, arrived))
        begins = stem.generation > before.generation
        if begins:
            stem = replace(stem, outbox=batch_file.uploaded(arrived, stem.generation).body)
        if stem != before:
            stem = self._memory.decide(arrived.thread, arrived, stem, None, None)
        if begins:
            self._send(arrived, arrived.thread, arrived.stem, stem)
        return "batch" if begins else "nothing new"

    def _check_written(self, arrived: Upload) -> None:
        """Some clients make an empty object first."""
        if arrived.size:
            return
        if not self._waited(arrived):
            raise self._later(arrived)
        raise Rejected("invalid_request", "the file is empty", hint="Write the request into it and upload it again.")

    def _carry_out(
        self,
        thread: str,
        arrived: Upload,
        before: Stem,
        decision: Decision,
        waits: Waiting | None,
        *,
        body: str | None = None,
    ) -> str:
        """Remembers, sends, and says what became of the upload. Raises Unavailable where it has to wait.

        `body` is the request's message, where the upload says more than its words and its photos.
        """
        stem = decision.stem
        if decision.ask:
            lane = pairing.lane(arrived, decision.ask, begins=not self._goes_on(thread, arrived))
            stem = replace(stem, outbox=body or _message(thread, arrived, stem, decision.ask), lane=lane)
        if stem != before:
            still_waits, left = waits if decision.waits else None, before.thread or arrived.thread
            stem = self._memory.decide(thread, arrived, stem, decision.ask, still_waits, left=left)
        if decision.ask:
            self._send(arrived, arrived.thread, arrived.stem, stem)
            return "asked"
        if decision.waits and not self._waited(arrived):
            raise self._later(arrived)
        return "waits" if decision.waits else "nothing new"

    def _goes_on(self, thread: str, arrived: Upload) -> bool:
        """Whether the thread has begun. What was asked in it by other stems, and waits in a lane, goes first."""
        if not self._memory.is_known(thread):
            return False
        if ahead := self._memory.ahead(thread):
            self._sent(arrived, *ahead)
        return True

    def _stem(self, arrived: Upload) -> Stem:
        """What is remembered, once what was left unsent has been sent."""
        return self._sent(arrived, arrived.thread, arrived.stem)

    def _sent(self, arrived: Upload, home: str, name: str) -> Stem:
        stem = self._memory.stem(home, name)
        if not stem.outbox:
            return stem
        self._send(arrived, home, name, stem)
        return self._memory.stem(home, name)

    def _send(self, arrived: Upload, home: str, name: str, stem: Stem) -> None:
        """Sends what is in the stem's outbox; a request where its lane lets it pass. Raises Unavailable."""
        document, age = json.loads(str(stem.outbox)), self._clock() - arrived.at
        if "generation" in document:  # a batch; no request has one
            self._batches.send(str(stem.outbox), document["key"], str(document["generation"]))
        else:
            thread, request_id = document["thread_id"], document["request_id"]
            has_to_pass = stem.lane is not None and age < patience.OLDEST_SECONDS
            if has_to_pass and not self._lanes.enter(str(stem.lane), thread, request_id):
                raise Unavailable("held", "its lane is full", retry_after=patience.lane_delay(age))
            self._requests.send(str(stem.outbox), thread, request_id)
        self._memory.sent(home, name, stem)

    def _waiting(self, thread: str, text: Upload) -> list[Waiting]:
        """The thread's photos without words, as many as one request may have."""
        in_turn = pairing.in_turn(self._memory.waiting(thread), text)
        return list(islice((photo for photo in in_turn if self._still_waits(thread, photo)), MOST_IMAGES))

    def _still_waits(self, thread: str, photo: Waiting) -> bool:
        """Whether a photo still lies where it was put, and in this thread."""
        metadata = self._objects.metadata(ImageRef(photo.image.bucket, photo.image.key))
        return metadata is not None and (_named(metadata) or photo.home) == thread

    def _later(self, arrived: Upload) -> Unavailable:
        left = self._grace_ends(arrived) - self._clock()
        return Unavailable("held", "it waits for its other half", retry_after=left)

    def _waited(self, arrived: Upload) -> bool:
        return self._clock() >= self._grace_ends(arrived)

    def _grace_ends(self, arrived: Upload) -> float:
        """Where much is going on its other half is heard of late, too, though both came at once."""
        return max(arrived.at, arrived.heard_at) + self._grace

    def _said_of(
        self, arrived: Upload, metadata: Mapping[str, str]
    ) -> tuple[str | None, Words | None, Rejected | None]:
        """A photo's words: its own, or those that hold for it; or why those that come first cannot be used."""
        try:
            own = words.of_metadata(metadata.get("instruction", "")) or None
            return own, None if own else self._found(arrived), None
        except Rejected as unusable:
            return None, None, unusable

    def _found(self, arrived: Upload) -> Words | None:
        """The words that hold for a photo, beside its own: its text, the nearest folder's, the operator's."""
        if own_text := self._readable(arrived.bucket, arrived.stem + pairing.TEXT_EXTENSION):
            return own_text
        for key in upload.folder_instructions(arrived.key):
            if found := self._readable(arrived.bucket, key):
                return Words(found.words)
        return Words(self._default_instruction) if self._default_instruction else None

    def _readable(self, bucket: str, key: str) -> Words | None:
        """A text's words; none where it is not there, or says nothing. Raises Rejected, naming it."""
        try:
            stored = self._read(ImageRef(bucket, key))
            said = words.said(stored.data) if stored else ""
        except Rejected as rejection:
            raise hints.text_of_a_photo(key, rejection) from rejection
        return Words(said, stored.modified) if stored and said else None

    def _read(self, ref: ImageRef) -> Stored | None:
        """A text file. Raises Rejected where it is longer than any instruction."""
        try:
            return self._objects.read(ref, most_bytes=MOST_TEXT_BYTES)
        except TooLarge as error:
            raise words.too_long() from error

    def _refuse(self, arrived: Upload, rejection: Rejected) -> None:
        now = outcome.timestamp(self._clock())
        refused = outcome.refusal(
            rejection,
            timing=Timing(outcome.timestamp(arrived.at), None, now, None),
            attempts=1,
            upload=Uploaded(arrived.bucket, arrived.key, arrived.etag, arrived.version_id),
        )
        self._publication.announce(refused, naming.rejected_upload_key(arrived.key, arrived.etag))


def _named(metadata: Mapping[str, str]) -> str | None:
    """The thread that an object's metadata names."""
    name = words.thread_in_metadata(metadata.get("thread-id", ""))
    return naming.thread_of(name) if name else None


def _message(thread: str, arrived: Upload, stem: Stem, ask: Ask) -> str:
    """The request as a message."""
    document = {
        "thread_id": thread,
        "request_id": _request_id(arrived, stem.generation),
        "instruction": ask.words,
        "images": [{name: value for name, value in asdict(image).items() if value is not None} for image in ask.images],
    }
    return json.dumps(document, ensure_ascii=False)


def _request_id(arrived: Upload, generation: int) -> str:
    """It follows from the stem and the number of its requests."""
    return f"upload-{naming.sha256(arrived.stem)[:16]}-{generation}"


def _too_large(most: str) -> Rejected:
    hint = "Split it into several files and upload those."
    return Rejected("invalid_request", f"the file is over {most}", hint=hint, param="body")


def _told(arrived: Upload, unusable: Rejected | None) -> Rejected:
    """Why a photo has waited in vain."""
    if not arrived.size:
        return hints.empty_photo(arrived)
    return hints.said_in_vain(arrived, unusable) if unusable else hints.nothing_said(arrived)
