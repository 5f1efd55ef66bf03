"""What section 2 of the contract asks for, sentence by sentence, worked out anew from all that has happened so far.

It remembers no state of a stem: only what was put, what has been heard of, and which requests there have been.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.guarantees.uploads.bucket import Version, VersionedBucket

PHOTOS = (".jpg", ".png")
MOST_PHOTOS = 14


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that shall exist, and the upload that made it."""

    thread: str
    words: str
    photos: tuple[Version, ...]
    by: Version

    def concerns(self, name: str) -> bool:
        """Whether it came of this stem, or took a photo of it along."""
        return name in map(stem, (self.by, *self.photos))


@dataclass
class Oracle:
    """Hears of uploads, one after the other, and says which requests there are, and what of each upload becomes."""

    bucket: VersionedBucket
    default_instruction: str
    grace: float
    clock: Callable[[], float]
    requests: list[Asked] = field(default_factory=list)
    heard: list[Version] = field(default_factory=list)
    settled: set[Version] = field(default_factory=set)  # there is nothing more to ask because of them

    def hear(self, upload: Version) -> str:
        """What becomes of an upload, as often as it is announced."""
        if self.is_late(upload):
            return "nothing new"
        is_photo = upload.key.endswith(PHOTOS)
        if upload not in self.heard and upload.data:  # decided: an empty object is not there yet
            self.heard.append(upload)
        if upload in self.settled:
            return "nothing new"
        if not upload.data:
            return self._empty(upload)
        return self._photo(upload) if is_photo else self._text(upload)

    def _empty(self, upload: Version) -> str:
        """Decided: it is told only where nothing else has come to lie there."""
        lying = self.bucket.newest(upload.key)
        if lying is None or lying.data:
            return "nothing new" if lying else "gone"
        return self._too_late(upload, "unsupported_image" if upload.key.endswith(PHOTOS) else "invalid_request")

    def is_late(self, upload: Version) -> bool:
        """'Announced late by an older sequencer': of its key something newer has been heard of, or used."""
        known = (*self.heard, *self.settled)
        return any(other.key == upload.key and other.number > upload.number for other in known)

    def _photo(self, photo: Version) -> str:
        own, text = photo.metadata.get("instruction"), self.bucket.newest(stem(photo) + ".txt")
        words = own or self._instruction(photo)
        last = self._last_pair(photo)
        if not words:
            if last and last[0] == photo.etag:
                return self._settle(photo, "nothing new")
            return self._too_late(photo, "needs_instruction")
        if last == (photo.etag, words):
            return self._settle(photo, "nothing new")
        if last and last[0] == photo.etag and own and self._said_before(photo) == (photo.etag, own):
            return self._settle(photo, "nothing new")  # decided: bringing back words counts per file
        if not own and text and text.data:
            self.settled.add(text)
        return self._ask(photo, words, [photo])

    def _text(self, text: Version) -> str:
        words, thread = (text.data or b"").decode(), self._thread(text)
        along = self._without_words(thread, stem(text))
        own = [photo for photo in along if stem(photo) == stem(text)]
        before = self._before(text)
        if before and before in self.settled and before.data == text.data and not own:
            return self._settle(text, "nothing new")  # saved as it was
        if not along and self._last_words(stem(text)) == words:
            return self._settle(text, "nothing new")  # it leaves the pair as it was
        exists = any(asked.thread == thread for asked in self.requests)
        if along or exists or self._has_waited(text):
            return self._ask(text, words, along)
        return "waits"

    def _ask(self, upload: Version, words: str, photos: Sequence[Version]) -> str:
        self.requests.append(Asked(self._thread(upload), words, tuple(photos), upload))
        self.settled |= {upload, *photos}
        return "asked"

    def _settle(self, upload: Version, became: str) -> str:
        self.settled.add(upload)
        return became

    def _has_waited(self, upload: Version) -> bool:
        return self.clock() >= upload.at + self.grace

    def _too_late(self, upload: Version, code: str) -> str:
        """'Waits that long, then ends as …'."""
        return code if self._has_waited(upload) else "waits"

    def _instruction(self, photo: Version) -> str | None:
        """'First that exists': its text, the nearest folder's, the operator's."""
        keys = [stem(photo) + ".txt", *_folder_instructions(photo.key)]
        lying = (self.bucket.newest(key) for key in keys)
        return next((text.data.decode() for text in lying if text and text.data), self.default_instruction or None)

    def _thread(self, upload: Version) -> str:
        """'An uploaded object belongs to the thread …'. A photo's metadata names it for its text, too."""
        if named := upload.metadata.get("thread-id"):
            return named
        beside = [other for other in self.heard if stem(other) == stem(upload) and other.key.endswith(PHOTOS)]
        if upload.key.endswith(".txt") and beside and (named := beside[-1].metadata.get("thread-id")):
            return named
        if upload.key.startswith("threads/"):
            return upload.key.removeprefix("threads/").rpartition("/")[0]
        return stem(upload)

    def _without_words(self, thread: str, own: str) -> list[Version]:
        """'Photos of that thread that still have no instruction': heard of, lying there, and in no request."""
        newest = {photo.key: photo for photo in sorted(self.heard, key=lambda version: version.number)}
        lying = [photo for photo in newest.values() if photo.key.endswith(PHOTOS) and self._lies_there(photo)]
        left = [photo for photo in lying if photo.data and photo not in self.settled and self._thread(photo) == thread]
        return sorted(left, key=lambda photo: (stem(photo) != own, photo.at))[:MOST_PHOTOS]

    def _lies_there(self, photo: Version) -> bool:
        """Not deleted, and not put in another thread meanwhile."""
        lying = self.bucket.newest(photo.key)
        return lying is not None and self._thread(lying) == self._thread(photo)

    def _before(self, upload: Version) -> Version | None:
        """The upload before it at its key, of those that have been heard of or used."""
        known = {version for version in (*self.heard, *self.settled) if version.key == upload.key}
        return max((version for version in known if version.number < upload.number), key=_number, default=None)

    def _said_before(self, photo: Version) -> tuple[str, str | None] | None:
        before = self._before(photo)
        return (before.etag, before.metadata.get("instruction")) if before else None

    def _last_words(self, name: str) -> str | None:
        """Those of the stem's last request, or of the one that took its photo along."""
        return next((asked.words for asked in reversed(self.requests) if asked.concerns(name)), None)

    def _last_pair(self, photo: Version) -> tuple[str, str] | None:
        """'The last pair': this photo's entity tag as last sent, and the words that have gone with it since."""
        for position, asked in reversed(list(enumerate(self.requests))):
            sent = next((sent for sent in asked.photos if sent.key == photo.key), None)
            if sent:
                texts = [later for later in self.requests[position:] if _is_by_text_of(later, stem(photo))]
                return sent.etag, (texts or [asked])[-1].words
        return None


def stem(version: Version) -> str:
    """'The key without its last extension.'"""
    return version.key.rpartition(".")[0]


def _is_by_text_of(asked: Asked, name: str) -> bool:
    return stem(asked.by) == name and not asked.by.key.endswith(PHOTOS)


def _folder_instructions(key: str) -> Iterator[str]:
    folders = key.split("/")[:-1]
    for depth in range(len(folders), -1, -1):
        yield "/".join([*folders[:depth], "_instruction.txt"])


def _number(version: Version) -> int:
    return version.number
