"""The use case of uploads: an object becomes a request in the queue, waits for its other half, or is told why not.

    read what it says - decide what is new - remember the decision with the request - send the request

The request is remembered with the decision that made it, so that whatever dies in between, it is sent, once.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

from darkroom import hints, naming, outcome, pairing, upload, words
from darkroom.errors import Outdated, Rejected, TooLarge, Unavailable
from darkroom.outcome import Timing, Uploaded
from darkroom.pairing import Ask, Decision, Stem, Waiting, Words
from darkroom.ports import Memory, ObjectStore, Outbox, Stored
from darkroom.publication import Publication
from darkroom.request import INSTRUCTION_CHARACTERS, ImageRef
from darkroom.upload import Upload

TRIES = 8
MOST_TEXT_BYTES = INSTRUCTION_CHARACTERS * 4 + 3  # at its longest, in UTF-8 or UTF-16, and a BOM


class Intake:
    """Takes uploads in. `grace` is how long, in seconds, a photo and its text may be apart."""

    def __init__(
        self,
        objects: ObjectStore,
        memory: Memory,
        requests: Outbox,
        publication: Publication,
        *,
        default_instruction: str,
        grace: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._objects = objects
        self._memory = memory
        self._requests = requests
        self._publication = publication
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
        receive = self._take_photo if arrived.kind == "photo" else self._take_text
        for _ in range(TRIES):
            try:
                return receive(arrived)
            except Outdated:
                continue
        raise Unavailable("aws", "others keep changing what is remembered of this stem")

    def _keep_folder_instruction(self, arrived: Upload) -> str:
        """It starts nothing; but who wrote one that cannot be used is told."""
        stored = self._read(ImageRef(arrived.bucket, arrived.key, arrived.version_id))
        if stored and stored.data:
            words.of_text(stored.data)
        return "kept"

    def _take_photo(self, arrived: Upload) -> str:
        image = ImageRef(arrived.bucket, arrived.key, arrived.version_id)
        metadata = self._objects.metadata(image)
        if metadata is None:
            return "gone"
        stem = self._stem(arrived)
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
        stored = self._read(ImageRef(arrived.bucket, arrived.key, arrived.version_id))
        if stored is None:
            return "gone"
        stem = self._stem(arrived)
        thread = _named(stored.metadata) or stem.thread or arrived.thread
        if pairing.is_late(stem, arrived):
            return "nothing new"
        if not arrived.size and not self._waited(arrived):
            raise self._later(arrived)  # some clients make an empty object first
        waiting = self._memory.waiting(thread)
        starts = not waiting and (self._waited(arrived) or self._memory.is_known(thread))
        decision = pairing.text(stem, arrived, words.of_text(stored.data), waiting, starts=starts)
        return self._carry_out(thread, arrived, stem, decision, None)

    def _carry_out(self, thread: str, arrived: Upload, before: Stem, decision: Decision, waits: Waiting | None) -> str:
        """Remembers, sends, and says what became of the upload. Raises Unavailable where it has to wait."""
        stem = decision.stem
        if decision.ask:
            stem = replace(stem, outbox=_message(thread, arrived, stem, decision.ask))
        if stem != before:
            stem = self._memory.decide(thread, arrived, stem, decision.ask, waits if decision.waits else None)
        if decision.ask:
            self._send(arrived, stem)
            return "asked"
        if decision.waits and not self._waited(arrived):
            raise self._later(arrived)
        return "waits" if decision.waits else "nothing new"

    def _stem(self, arrived: Upload) -> Stem:
        """What is remembered, once what an earlier worker left unsent has been sent."""
        stem = self._memory.stem(arrived.thread, arrived.stem)
        if not stem.outbox:
            return stem
        self._send(arrived, stem)
        return replace(stem, outbox=None)

    def _send(self, arrived: Upload, stem: Stem) -> None:
        request = json.loads(str(stem.outbox))
        self._requests.send(str(stem.outbox), request["thread_id"], request["request_id"])
        self._memory.sent(arrived.thread, arrived.stem, stem)

    def _later(self, arrived: Upload) -> Unavailable:
        left = arrived.at + self._grace - self._clock()
        return Unavailable("held", "it waits for its other half", retry_after=left)

    def _waited(self, arrived: Upload) -> bool:
        return self._clock() >= arrived.at + self._grace

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
    """The request as a message. Its id follows from the stem and the number of its requests."""
    document = {
        "thread_id": thread,
        "request_id": f"upload-{naming.sha256(arrived.stem)[:16]}-{stem.generation}",
        "instruction": ask.words,
        "images": [{name: value for name, value in asdict(image).items() if value is not None} for image in ask.images],
    }
    return json.dumps(document, ensure_ascii=False)


def _told(arrived: Upload, unusable: Rejected | None) -> Rejected:
    """Why a photo has waited in vain."""
    if not arrived.size:
        return hints.empty_photo(arrived)
    return hints.said_in_vain(arrived, unusable) if unusable else hints.nothing_said(arrived)
