"""People and clients that put, overwrite, touch and delete; and S3, which announces in any order, twice and late."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.domain.keys import rejected_upload_key
from darkroom.domain.timing import UNHEARD_SECONDS
from darkroom.errors import Unavailable
from tests.fakes.edge import Clock
from tests.fakes.lanes import MemoryLanes
from tests.fakes.queue import MemoryOutbox, MemoryUploadEvents
from tests.fakes.stack import intake
from tests.guarantees.uploads.bucket import Version, VersionedBucket
from tests.guarantees.uploads.oracle import Asked, Oracle
from tests.guarantees.uploads.table import MemoryTable

GRACE = 120.0
TOLD = ("needs_instruction", "unsupported_image", "unsupported_file", "invalid_request")


@dataclass(frozen=True, slots=True)
class Scene:
    """Related keys. The metadata of those in `named` may put them into another thread."""

    photos: Sequence[str]
    texts: Sequence[str]
    named: Sequence[str] = ()


SCENES = (
    Scene(["shop/a.jpg"], ["shop/a.txt"]),
    Scene(["shop/a.jpg", "shop/a.png"], ["shop/a.txt"]),
    Scene(["threads/trip/a.jpg", "threads/trip/b.jpg"], ["threads/trip/a.txt", "threads/trip/1.txt"]),
    Scene(["threads/trip/a.jpg", "threads/trip/a.png"], ["threads/trip/1.txt", "threads/trip/2.txt"]),
    Scene(["a.jpg", "b.jpg"], ["a.txt", "1.txt"], named=["a.jpg", "b.jpg", "1.txt"]),
    Scene(["shop/a.jpg", "shop/a.cr2"], ["shop/a.cr2.txt", "shop/a.txt.txt"]),
    Scene(["shop/cafe\u0301.jpg"], ["shop/caf\u00e9.txt"]),
    Scene(["shop/a.jpg", "shop/a.png"], ["shop/a.txt.txt"]),
    Scene(["threads/trip/a.jpg", "threads/trip/a.png"], ["threads/trip/a.txt", "threads/trip/1.txt"]),
    Scene(["shop/a.jpg", "shop/a.png"], ["shop/a.jpg.txt"]),
    Scene(["shop/a.jpg", "shop/a.png"], ["shop/a.jpg.txt", "shop/a.png.txt"]),
    Scene(["shop/a.jpg", "shop/a.png"], ["shop/a.jpg.txt", "shop/a.txt"]),
    Scene(["shop/A.JPG", "shop/a.png"], ["shop/a.txt"]),
    Scene(["shop/A.JPG", "shop/b.jpg"], ["shop/a.txt", "shop/notes.txt"], named=["shop/A.JPG"]),
)
FOLDERS = ("_instruction.txt", "shop/_instruction.txt", "threads/trip/_instruction.txt")


@dataclass(frozen=True, slots=True)
class Step:
    """The next event: its kind, the choice of its object, and its data."""

    what: str
    which: int
    content: bytes
    words: str
    own: str | None
    named: str | None
    is_announced: bool
    is_copy: bool  # of a result
    seconds: float


WHAT = {
    "put_photo": 6, "put_text": 6, "put_folder_instruction": 1, "touch": 2, "delete": 1,
    "announce": 5, "announce_again": 4, "pass_time": 3, "come_to_rest": 1,
}  # fmt: skip
STEP = st.builds(
    Step,
    what=st.sampled_from([what for what, weight in WHAT.items() for _ in range(weight)]),
    which=st.integers(0, 11),
    content=st.sampled_from([b"1", b"1", b"1", b"2", b"2", b""]),
    words=st.sampled_from(["blue", "blue", "blue", "red", "red", ""]),
    own=st.sampled_from([None, None, None, None, "blue", "red"]),
    named=st.sampled_from([None, "camp", "camp", "other"]),
    is_announced=st.sampled_from([True, True, False]),
    is_copy=st.sampled_from([False] * 7 + [True]),
    seconds=st.sampled_from([1.0, 30.0, 60.0, 130.0]),
)


class Course:
    """The real intake and state beside the oracle. After every step both have the same requests."""

    def __init__(self, scene: Scene, default_instruction: str) -> None:
        self.scene = scene
        self.clock = Clock()
        self.bucket = VersionedBucket(self.clock)
        self.queue = MemoryOutbox()
        self.events = MemoryUploadEvents()
        self.oracle = Oracle(self.bucket, default_instruction, GRACE, self.clock)
        self.intake = intake(
            self.bucket,
            DynamoUploadState(MemoryTable()),
            MemoryLanes(self.clock),
            self.queue,
            MemoryOutbox(),
            self.clock,
            grace=GRACE,
            default_instruction=default_instruction,
            events=self.events,
        )
        self.unannounced: list[Version] = []
        self.announced: list[Version] = []
        self.waiting: dict[Version, float] = {}  # with the end of each wait

    def take(self, step: Step) -> None:
        """Take a step, and compare the requests."""
        getattr(self, step.what)(step)
        self.check()

    def put_photo(self, step: Step) -> None:
        self._put(_one(self.scene.photos, step), step.content, step, own=step.own)

    def put_text(self, step: Step) -> None:
        self._put(_one(self.scene.texts, step), step.words.encode(), step)

    def put_folder_instruction(self, step: Step) -> None:
        version = self.bucket.upload(_one(FOLDERS, step), b"folder" if step.words else b"red")
        assert self.intake.take(version.announced) == "kept"
        taken_up, self.events.announced[:] = list(self.events.announced), []
        wanted = self.oracle.come(version)
        assert sorted(upload.key for upload in taken_up) == sorted(photo.key for photo in wanted)
        for upload in taken_up:
            (photo,) = (photo for photo in wanted if photo.announced == upload)
            self._announce(photo)

    def touch(self, step: Step) -> None:
        """Put an existing object once more: upload it again, or copy it onto itself."""
        if lying := self._lying():
            version = _one(lying, step)
            self._arrive(self.bucket.upload(version.key, version.data, version.metadata), step)

    def delete(self, step: Step) -> None:
        if lying := self._lying():
            self.bucket.upload(_one(lying, step).key, None)

    def announce(self, step: Step) -> None:
        """Announce an upload. S3 does so in any order."""
        if self.unannounced:
            self._announce(_one(self.unannounced, step))

    def announce_again(self, step: Step) -> None:
        if self.announced:
            self._announce(_one(self.announced, step))

    def pass_time(self, step: Step) -> None:
        """Let time pass. Uploads that have waited long enough come back."""
        self.clock.advance(step.seconds)
        self._come_back()

    def come_to_rest(self, _: Step | None = None) -> None:
        """Announce everything, and wait until no wait is left."""
        for version in list(self.unannounced):
            self._announce(version)
        for seconds in (GRACE, UNHEARD_SECONDS):
            self.clock.advance(seconds)
            self._come_back()
        assert not self.waiting, "something waits for longer than the grace"

    def check(self) -> None:
        """Check that both have the same requests, each once."""
        assert len({sent[1:] for sent in self.queue.sent}) == len(self.queue.sent), "sent twice"
        assert [_asked(body) for body, _, _ in self.queue.sent] == [_wanted(asked) for asked in self.oracle.requests]

    def _put(self, key: str, data: bytes, step: Step, own: str | None = None) -> None:
        named = step.named if key in self.scene.named else None
        request = "r-1" if step.is_copy else None
        said = {"instruction": own, "thread-id": named, "request": request}
        metadata = {name: value for name, value in said.items() if value}
        self._arrive(self.bucket.upload(key, data, metadata), step)

    def _arrive(self, version: Version, step: Step) -> None:
        self.unannounced.append(version)
        if step.is_announced:
            self._announce(version)

    def _announce(self, version: Version) -> None:
        """Deliver the message, hide it while it waits, and check the uploader's error."""
        if version in self.unannounced:
            self.unannounced.remove(version)
            self.announced.append(version)
        self.waiting.pop(version, None)
        wanted = self.oracle.hear(version)
        try:
            became = self.intake.take(version.announced)
        except Unavailable as trouble:
            became = "waits"
            self.waiting[version] = self.clock() + (trouble.retry_after or 0)
        assert became == wanted, f"{version.key} {version.id}: {became} and not {wanted}"
        if wanted in TOLD:
            told = self.bucket.document("results", rejected_upload_key(version.key, version.etag))
            assert told["error"]["hint"]

    def _come_back(self) -> None:
        for version, until in sorted(self.waiting.items(), key=lambda item: item[1]):
            if until <= self.clock():
                self._announce(version)

    def _lying(self) -> list[Version]:
        found = (self.bucket.newest(key) for key in (*self.scene.photos, *self.scene.texts))
        return [version for version in found if version]


def _one(of: Sequence[Any], step: Step) -> Any:
    return of[step.which % len(of)]


def _asked(body: str) -> tuple[str, str, list[str]]:
    sent = json.loads(body)
    return sent["thread_id"], sent["instruction"], [image["version_id"] for image in sent["images"]]


def _wanted(asked: Asked) -> tuple[str, str, list[str]]:
    return asked.thread, asked.words, [photo.id for photo in asked.photos]
