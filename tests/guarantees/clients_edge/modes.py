"""The kinds of request that are swept: the state before it, its form, and the provider's answer."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from darkroom.domain import keys
from darkroom.turns import judging
from tests.guarantees.clients_edge.provider import Answer
from tests.guarantees.clients_edge.world import PHOTO, Upload, World

THREAD = "thread"
SOURCE = {"images": ["s3://uploads/pictures/photo.png"]}


@dataclass(frozen=True, slots=True)
class Mode:
    """A kind of request. `earlier` requests of the thread were answered with pictures; `asked` is swept.

    Instead, `uploads` may be swept. They are announced at once. `later` ones are put as soon as some time has passed,
    and `lying` ones were announced and handled before.
    """

    asked: Mapping[str, Any] = field(default_factory=dict)
    earlier: Sequence[Mapping[str, Any]] = ()
    lying: Sequence[Upload] = ()
    uploads: Sequence[Upload] = ()
    later: Sequence[Upload] = ()
    sources: Sequence[str] | None = None  # the keys, of an upload's request
    answers: Answer = "picture"
    is_busy_first: bool = False
    code: str | None = None  # of its final error
    takes_a_turn: bool = True
    calls: int = 1  # that it needs, without free ones
    daily_call_limit: int = 1000  # a limit, so that the day's book is kept

    @property
    def is_judged(self) -> bool:
        """Whether a turn is judged again."""
        return "repairs" in self.asked

    @property
    def turns(self) -> int:
        """The number of the thread's turns at the end."""
        answered = [upload for upload in self.lying if "instruction" in upload.metadata]
        return len(self.earlier) + len(answered) + int(self.takes_a_turn)

    def ask(self, world: World) -> str:
        """Send the swept request. Return the place of its outcome in case it takes no turn."""
        world.provider.answers, world.provider.is_busy = self.answers, self.is_busy_first
        world.later = list(self.later)
        if not self.uploads:
            return keys.rejected_message_key(world.ask(THREAD, self.asked))
        for upload in self.uploads:
            world.upload(upload)
        etag = hashlib.md5(self.uploads[0].data, usedforsecurity=False).hexdigest()
        return keys.rejected_upload_key(self.uploads[0].key, etag)


WITHOUT_WORDS = Upload(f"{THREAD}.png", PHOTO)
WITH_WORDS = Upload(f"{THREAD}.png", PHOTO, {"instruction": "a house"})
TEXT = Upload(f"{THREAD}.txt", b"at night")
FORMATS = [WITHOUT_WORDS, Upload(f"{THREAD}.PNG", PHOTO + b"another")]
IN_THREAD = [Upload(f"threads/{THREAD}/{name}.png", PHOTO + name.encode()) for name in "ab"]

MODES = {
    "text to image": Mode({"instruction": "a cat"}),
    "text to image, without a limit": Mode({"instruction": "a cat"}, daily_call_limit=0),
    "image to image, by an upload": Mode(uploads=[WITH_WORDS], sources=[WITH_WORDS.key]),
    "a text that follows up a photo": Mode(lying=[WITH_WORDS], uploads=[TEXT], sources=[]),
    "a photo that waits, and then its text": Mode(
        uploads=[replace(WITHOUT_WORDS, age=0)], later=[TEXT], sources=[WITHOUT_WORDS.key]
    ),
    "a photo that was told, and then its text": Mode(
        lying=[WITHOUT_WORDS], uploads=[TEXT, WITHOUT_WORDS], sources=[WITHOUT_WORDS.key]
    ),
    "a text that waits, alone": Mode(uploads=[replace(TEXT, age=0)], sources=[]),
    "a folder's words for a photo": Mode(
        lying=[Upload("_instruction.txt", b"at night")], uploads=[WITHOUT_WORDS], sources=[WITHOUT_WORDS.key]
    ),
    "a photo that was told, and then its folder's words": Mode(
        lying=[WITHOUT_WORDS], uploads=[Upload("_instruction.txt", b"at night")], sources=[WITHOUT_WORDS.key]
    ),
    "a photo and its text in another spelling": Mode(
        uploads=[replace(WITHOUT_WORDS, age=0)],
        later=[Upload(f"{THREAD}.png.txt", b"at night")],
        sources=[WITHOUT_WORDS.key],
    ),
    "a photo that was told, and then another format and their text": Mode(
        lying=FORMATS[:1], uploads=[*FORMATS[1:], TEXT], sources=[upload.key for upload in FORMATS]
    ),
    "photos of a thread, and their text": Mode(
        lying=IN_THREAD,
        uploads=[Upload(f"threads/{THREAD}/1.txt", b"a collage"), *IN_THREAD],
        sources=[upload.key for upload in IN_THREAD],
    ),
    "a photo without a word": Mode(
        uploads=[replace(WITHOUT_WORDS, age=0)], code="needs_instruction", takes_a_turn=False, calls=0
    ),
    "a file of another kind": Mode(
        uploads=[Upload(f"{THREAD}.pdf", b"no picture")], code="unsupported_file", takes_a_turn=False, calls=0
    ),
    "conversation": Mode({"instruction": "in snow"}, earlier=[{"instruction": "a house"} | SOURCE]),
    "branch": Mode(
        {"instruction": "by the sea", "parent_turn": 1}, earlier=[{"instruction": "a house"}, {"instruction": "red"}]
    ),
    "a picture at an address": Mode({"instruction": "a cat"}, answers="address"),
    "a refusal by the API, which was busy first": Mode(
        {"instruction": "a cat"}, answers="refusal", is_busy_first=True, code="refused"
    ),
    "a refusal by the API, without a limit": Mode(
        {"instruction": "a cat"}, answers="refusal", is_busy_first=True, code="refused", daily_call_limit=0
    ),
    "a picture that is not there": Mode(
        {"instruction": "a cat", "images": ["s3://uploads/gone.png"]}, code="image_not_found", calls=0
    ),
    "a turn that is judged again": Mode(
        {"repairs": 1, "request_id": judging.request_id("r")},
        earlier=[{"instruction": "a cat", "request_id": "r"} | SOURCE],
        calls=0,
    ),
    "an invalid request": Mode({"instructoin": "a cat"}, code="invalid_request", takes_a_turn=False, calls=0),
    "an id used again": Mode(
        {"instruction": "a dog", "request_id": "r"},
        earlier=[{"instruction": "a cat", "request_id": "r"}],
        code="request_id_reused",
        takes_a_turn=False,
        calls=0,
    ),
}
