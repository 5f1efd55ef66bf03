"""The use case of uploads: an object becomes a request in the queue, waits for its other half, or gets an error.

read its content - decide what is new - store the decision with the request - pass its lane - send it
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from darkroom.batches import batch_file
from darkroom.domain import keys, outcome, request_file, upload
from darkroom.domain.outcome import Timing, Uploaded
from darkroom.domain.ports import Listed, ObjectStore, QueueSender
from darkroom.domain.request_schema import ImageRef, RequestRules
from darkroom.domain.timing import UNHEARD_SECONDS, WORDLESS_SECONDS
from darkroom.domain.upload import Owner, Upload
from darkroom.errors import Outdated, Rejected, TooLarge, Unavailable, Unreadable, invalid
from darkroom.turns.publisher import Publisher
from darkroom.uploads import beside, hints, instruction_text, multipart_etag, pairing
from darkroom.uploads.dispatch import Dispatch
from darkroom.uploads.instruction_lookup import Instructions
from darkroom.uploads.pairing import Ask, Decision, Stem, Waiting
from darkroom.uploads.partners import Partners, named_thread
from darkroom.uploads.ports import Lanes, UploadEvents, UploadState

TRIES = 8
MAX_TAKEN_UP = 1000  # photos that a folder's instruction starts when it comes after them
ANNOUNCED_AT_ONCE = 10
MADE_HERE = "request"  # metadata key of a picture in the results bucket, see `provenance`
MAX_REQUEST_BYTES = 1 << 20
MAX_OUTBOX_CHARACTERS = 350_000  # of an item's 400 KB
_ASKED_BEFORE = "its request is on its way, or has ended"


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """The operator's settings. `grace` is the longest time, in seconds, between a photo and its text."""

    rules: RequestRules
    default_instruction: str
    grace: float


@dataclass(frozen=True, slots=True)
class IntakeDependencies:
    """The ports of the intake. `requests` and `batches` are the queues that it sends to, and `events` is the queue that
    it is fed from. `token` returns 16 hex digits that cannot be guessed.
    """

    objects: ObjectStore
    state: UploadState
    lanes: Lanes
    requests: QueueSender
    batches: QueueSender
    events: UploadEvents
    publisher: Publisher
    clock: Callable[[], float] = time.time
    token: Callable[[], str] = lambda: secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of an upload, in a word; and why it is nothing new, if that may surprise."""

    key: str
    result: str
    because: str | None = None


class Intake:
    """Takes uploads in: each becomes a request, waits, or is refused."""

    def __init__(self, policy: IntakePolicy, dependencies: IntakeDependencies) -> None:
        self._policy = policy
        self._objects = dependencies.objects
        self._state = dependencies.state
        self._dispatch = Dispatch(
            dependencies.state, dependencies.lanes, dependencies.requests, dependencies.batches, dependencies.clock,
            dependencies.token,
        )  # fmt: skip
        self._instructions = Instructions(
            dependencies.objects, policy.default_instruction, is_shared=not policy.rules.keeps_folders_apart
        )
        self._partners = Partners(dependencies.state, dependencies.objects, self._dispatch.stem)
        self._events = dependencies.events
        self._publisher = dependencies.publisher
        self._clock = dependencies.clock

    def take(self, arrived: Upload) -> str:
        """Take an upload in, and return its result in a word. Raises Unavailable, as `taken` does."""
        return self.taken(arrived).result

    def taken(self, arrived: Upload) -> Taken:
        """Take an upload in.

        Raises Unavailable, with `retry_after`, if it has to wait. A request that was sent is not sent again.
        """
        result = self._became(arrived)
        if result == _ASKED_BEFORE:
            return Taken(arrived.key, "nothing new", _ASKED_BEFORE)
        return Taken(arrived.key, result)

    def _became(self, arrived: Upload) -> str:
        try:
            return self._taken(arrived)
        except Rejected as rejection:
            self._refuse(arrived, rejection)
            return rejection.code
        except Unreadable:
            self._refuse(arrived, locked := hints.unreadable(arrived.name))
            return locked.code

    def _taken(self, arrived: Upload) -> str:
        if arrived.kind == "noise":
            return "ignored"
        if arrived.kind == "unsupported":
            raise hints.unsupported(arrived)
        if self._policy.rules.keeps_folders_apart and upload.is_decomposed(arrived.key):
            raise hints.decomposed(arrived)
        if arrived.kind == "folder_instruction":
            return self._keep_folder_instruction(arrived)
        if not arrived.size:
            return self._take_empty(arrived)
        receive = {"photo": self._take_photo, "request": self._take_request, "batch": self._take_batch}.get(
            arrived.kind, self._take_text
        )
        for _ in range(TRIES):
            try:
                return receive(arrived)
            except Outdated:
                continue
        raise Unavailable("aws", "other workers keep changing the state of this stem")

    def _keep_folder_instruction(self, arrived: Upload) -> str:
        """Start the photos of its folder that came before it. Raises Rejected if it cannot be used."""
        if arrived.name != upload.FOLDER_INSTRUCTION:
            raise hints.misnamed(arrived)
        if self._policy.rules.keeps_folders_apart and arrived.key in upload.SHARED_INSTRUCTIONS:
            raise hints.for_all_folders(arrived)
        stored = self._instructions.read(ImageRef(arrived.bucket, arrived.key, arrived.version_id))
        if stored and stored.data:
            instruction_text.of_text(stored.data)
            self._take_up(arrived)
        return "kept"

    def _take_up(self, folder: Upload) -> None:
        """Announce the photos without words again, so that each of them passes its lane by itself."""
        left = self._state.wordless(folder, MAX_TAKEN_UP, now=self._clock())
        for first in range(0, len(left), ANNOUNCED_AT_ONCE):
            photos = left[first : first + ANNOUNCED_AT_ONCE]
            self._events.announce(photos)
            for photo in photos:
                self._state.take_up(photo)

    def _take_empty(self, arrived: Upload) -> str:
        """Wait for the content: some clients create an empty object first. Its event may be late, so look for it."""
        known, stem = self._partners.stem(arrived)
        if pairing.is_late(stem, known):
            return "nothing new"
        there = self._objects.part(ImageRef(arrived.bucket, arrived.key), 0)
        if there is None:
            return "gone"
        if there:
            return "nothing new"
        if not self._waited(arrived):
            raise self._later(arrived)
        raise hints.empty(arrived)

    def _take_photo(self, arrived: Upload) -> str:
        stem = self._dispatch.stem(arrived)
        image = ImageRef(arrived.bucket, arrived.key, arrived.version_id)
        metadata = self._objects.metadata(image)
        if metadata is None:
            return "gone"
        named = named_thread(metadata)
        if pairing.is_late(stem, arrived):
            return "nothing new"
        arrived = multipart_etag.in_one(self._objects, arrived)
        thread = named or arrived.thread
        self._keep_apart(arrived, thread)
        own, found, unusable = self._instructions.of_photo(arrived, metadata)
        is_copy = MADE_HERE in metadata and not named and found is not None and found.shared_in is not None
        if is_copy:
            found = None
        stem = self._partners.with_its_text(arrived, stem, found)
        has_text = found is not None and found.text_at is not None
        text = found.text if found else None
        formats = self._partners.formats(thread, arrived, stem, text) if has_text else []
        decision = pairing.photo(stem, arrived, own, found, thread=named, formats=formats)
        if has_text:
            decision = self._with_all_formats(arrived, text, stem, decision)
        waits = Waiting(arrived.home, arrived.stem, image, arrived.etag, arrived.at)
        self._dispatch.carry_out(thread, arrived, stem, decision, waits)
        result = self._result(arrived, decision)
        if result == "waits" and is_copy:
            raise hints.copied_result(arrived)
        if result == "waits":
            self._state.leave_wordless(arrived, until=self._clock() + WORDLESS_SECONDS)
            if unusable:
                raise hints.said_in_vain(arrived, unusable)
            if self._instructions.come_meanwhile(arrived):
                raise Outdated
            raise hints.nothing_said(arrived, metadata)
        return result

    def _take_text(self, arrived: Upload) -> str:
        arrived, stem = self._partners.stem(arrived)
        stored = self._instructions.read(ImageRef(arrived.bucket, arrived.key, arrived.version_id))
        if stored is None:
            return "gone"
        if pairing.is_late(stem, arrived):
            return "nothing new"
        named = named_thread(stored.metadata)
        listed = self._beside(arrived, stem, named or stem.thread or arrived.thread)
        arrived, stem = self._partners.with_its_photo(arrived, stem, listed)
        thread = named or stem.thread or arrived.thread
        if pairing.is_late(stem, arrived):
            return "nothing new"
        self._keep_apart(arrived, thread)
        words = instruction_text.of_text(stored.data)
        may_be_older = pairing.may_be_older(stem, arrived, words)
        taken_back = self._taken_back(arrived) if may_be_older or self._waited(arrived) else None
        if taken_back and may_be_older:
            return taken_back
        waiting = [] if taken_back else self._partners.waiting(thread, arrived)
        formats = beside.formats(arrived, stem.seen)
        is_met = bool(formats) or not arrived.goes_with
        is_known = not waiting and is_met and self._is_known(thread, arrived)
        is_alone = not (waiting or is_known or taken_back)
        of_its_name = self._of_its_name(arrived, stem, listed) if is_alone else None
        # Its photo may exist while its event is late. Starting now would pay for the text, and again for the photo.
        longer = UNHEARD_SECONDS if of_its_name and beside.has_photo(arrived, of_its_name) else 0
        is_free = named or arrived.goes_with or is_known or longer or taken_back
        stray = _stray(arrived, listed, of_its_name) if listed and not is_free else None
        starts = not waiting and not taken_back and (is_known or (self._waited(arrived, longer) and not stray))
        decision = pairing.text(stem, arrived, words, waiting, starts=starts, formats=formats)
        if any(photo.stem == arrived.stem for photo in waiting):
            decision = self._with_all_formats(arrived, arrived, stem, decision)
        self._dispatch.carry_out(thread, arrived, stem, decision)
        result = self._result(arrived, decision, longer)
        if result == "waits" and stray:
            raise stray
        return taken_back if taken_back and result == "waits" else result

    def _beside(self, text: Upload, stem: Stem, thread: str) -> Listed | None:
        """The files beside a text that may belong to a photo; None if that is known, or does not matter."""
        has_photo = text.goes_with or pairing.knows_a_photo(stem)
        if text.is_in_threads or has_photo or (stem.generation and self._is_known(thread, text)):
            return None
        return self._objects.listed(text.bucket, text.folder, beside.MAX_KEYS)

    def _taken_back(self, text: Upload) -> str | None:
        """The result of a text that was deleted or replaced; None if it is still there."""
        try:
            lying = self._instructions.read(ImageRef(text.bucket, text.key))
        except (Rejected, Unreadable):
            return "nothing new"  # the object in its place gets its own error
        if lying is None:
            return "gone"
        return "nothing new" if lying.etag != text.etag else None

    def _of_its_name(self, text: Upload, stem: Stem, listed: Listed | None) -> Listed | None:
        """The files of the text's name, once it has waited; None if they are known, or it is too early."""
        if not self._waited(text) or beside.formats(text, stem.seen):
            return None
        if listed is None or listed.is_cut:
            return self._objects.listed(text.bucket, beside.beginning(text), beside.MAX_KEYS)
        return listed

    def _with_all_formats(self, arrived: Upload, text: Upload | None, stem: Stem, decision: Decision) -> Decision:
        """Hold a photo or its text back while another format of the photo exists whose event is late.

        Otherwise the words would be paid for each format.
        """
        if not decision.ask or self._waited(arrived):
            return decision
        listed = self._objects.listed(arrived.bucket, f"{arrived.stem}.", beside.MAX_KEYS)
        is_missing = beside.has_other_format(arrived, text, listed, decision.stem.seen)
        return pairing.held(stem, arrived, decision) if is_missing else decision

    def _take_request(self, arrived: Upload) -> str:
        stem = self._dispatch.stem(arrived)
        try:
            stored = self._objects.read(
                ImageRef(arrived.bucket, arrived.key, arrived.version_id), most_bytes=MAX_REQUEST_BYTES
            )
        except TooLarge as error:
            raise _too_large(f"{MAX_REQUEST_BYTES:,} bytes") from error
        if stored is None:
            return "gone"
        if pairing.is_late(stem, arrived):
            return "nothing new"
        asked = request_file.of_file(
            instruction_text.decoded(stored.data, "body"),
            folder=batch_file.folder_of(arrived.bucket, arrived.key),
            thread_id=named_thread(stored.metadata) or stem.thread or arrived.thread,
            request_id=self._dispatch.request_id(stem.generation + 1),
            rules=self._policy.rules,
        )
        self._keep_apart(arrived, asked.thread_id, asked.images, field="thread_id")
        if len(asked.body) > MAX_OUTBOX_CHARACTERS:
            raise _too_large(f"{MAX_OUTBOX_CHARACTERS:,} characters, as it is sent")
        content = hashlib.sha256(stored.data).hexdigest()
        decision = pairing.request(stem, arrived, content, Ask(asked.instruction, asked.images))
        self._dispatch.carry_out(asked.thread_id, arrived, stem, decision, body=asked.body)
        return self._result(arrived, decision)

    def _take_batch(self, arrived: Upload) -> str:
        """Start the batch. Its lines are read when its message comes."""
        if arrived.size > batch_file.MAX_BYTES:
            raise _too_large(f"{batch_file.MAX_BYTES:,} bytes")
        before = self._dispatch.stem(arrived)
        if pairing.is_late(before, arrived):
            return "nothing new"
        stem = pairing.batch(before, multipart_etag.in_one(self._objects, arrived))
        return "batch" if self._dispatch.begin(arrived, before, stem) else "nothing new"

    def _keep_apart(
        self, arrived: Upload, thread: str, images: Sequence[ImageRef] = (), *, field: str = "thread-id"
    ) -> None:
        """Raises Rejected if folders are kept apart and the upload names threads or pictures of others."""
        owner = Owner(arrived.bucket, arrived.key, arrived.stem, arrived.thread)
        if self._policy.rules.keeps_folders_apart and (faults := owner.strangers(thread, images, field)):
            raise invalid(faults, upload.OWN_FOLDER)

    def _result(self, arrived: Upload, decision: Decision, longer: int = 0) -> str:
        """The result of a decided upload, in a word. Raises Unavailable if it has to wait."""
        if decision.ask:
            return "asked"
        if decision.is_held or (decision.waits and not self._waited(arrived, longer)):
            raise self._later(arrived, longer)
        if decision.is_settled:
            return _ASKED_BEFORE
        return "waits" if decision.waits else "nothing new"

    def _is_known(self, thread: str, arrived: Upload) -> bool:
        """Whether the thread has a turn, or a request for one is on its way from the upload's own folder."""
        return self._state.ahead(thread, arrived.top) is not None or self._state.has_turn(thread)

    def _later(self, arrived: Upload, longer: int = 0) -> Unavailable:
        left = self._grace_ends(arrived) + longer - self._clock()
        return Unavailable("held", "it waits for its other half", retry_after=left)

    def _waited(self, arrived: Upload, longer: int = 0) -> bool:
        return self._clock() >= self._grace_ends(arrived) + longer

    def _grace_ends(self, arrived: Upload) -> float:
        """The end of the waiting time. Under load the other half is announced late, though both came together."""
        return max(arrived.at, arrived.heard_at) + self._policy.grace

    def _refuse(self, arrived: Upload, rejection: Rejected) -> None:
        now = outcome.timestamp(self._clock())
        refused = outcome.refusal(
            rejection,
            timing=Timing(outcome.timestamp(arrived.at), None, now, None),
            attempts=1,
            upload=Uploaded(arrived.bucket, arrived.key, arrived.etag, arrived.version_id),
        )
        self._publisher.announce(refused, keys.rejected_upload_key(arrived.key, arrived.etag))


def _stray(text: Upload, listed: Listed, of_its_name: Listed | None) -> Rejected | None:
    """The error for a text that is probably meant for a file beside it; None for a text that stands by itself."""
    if other := beside.no_photo_of(text, of_its_name or listed):
        return hints.of_no_photo(text, other)
    photo = beside.without_text(text.bucket, listed)
    return hints.stray(text, photo) if photo else None


def _too_large(most: str) -> Rejected:
    hint = "Shorten it, or split it into several files, and upload those."
    return Rejected("invalid_request", f"the file is over {most}", hint=hint, param="body")
