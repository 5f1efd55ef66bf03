"""The requests of section 2 of the contract, sentence by sentence, computed anew from everything that has happened.

It keeps no state of a stem: only the uploads, the announcements, and the requests so far.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from darkroom.domain.timing import UNHEARD_SECONDS
from tests.guarantees.uploads.bucket import Version, VersionedBucket

PHOTOS = (".jpg", ".png")
NO_PHOTO = ".cr2"
MOST_PHOTOS = 14


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that must exist, and the upload that made it."""

    thread: str
    words: str
    photos: tuple[Version, ...]
    by: Version
    stem: str  # of the upload that made it

    def concerns(self, name: str) -> bool:
        """Whether this stem made it, or gave a photo to it."""
        return name in (self.stem, *map(stem, self.photos))


class AmbiguousError(Exception):
    """A file beside an upload may be its other half, or another upload's."""


@dataclass
class Oracle:
    """Gets the uploads, one after the other, and gives the requests and the result of each upload."""

    bucket: VersionedBucket
    default_instruction: str
    grace: float
    clock: Callable[[], float]
    requests: list[Asked] = field(default_factory=list)
    heard: list[Version] = field(default_factory=list)
    settled: set[Version] = field(default_factory=set)  # no more requests follow from them
    joined: dict[str, str] = field(default_factory=dict)  # texts that go with a photo of another spelling, by its stem
    known_before: dict[str, tuple[int, str]] = field(default_factory=dict)  # words of a stem, before so many requests
    wordless: dict[str, Version] = field(default_factory=dict)  # photos that were refused for want of an instruction

    def hear(self, upload: Version) -> str:
        """The result of an upload, whenever it is announced."""
        if upload.key.endswith(NO_PHOTO):
            return "unsupported_file"
        if self.is_late(upload):
            return "nothing new"
        if not upload.data:  # decided: an empty object does not count as there yet
            return "nothing new" if upload in self.settled else self._empty(upload)
        is_photo = _is_photo(upload.key)
        try:
            name = stem(upload) if is_photo else self._stem_of_text(upload)
        except AmbiguousError:
            return "invalid_request"
        if upload not in self.heard:
            self.heard.append(upload)
        if upload in self.settled:
            return "nothing new"
        return self._photo(upload) if is_photo else self._text(upload, name)

    def come(self, words: Version) -> list[Version]:
        """The photos that an `_instruction.txt` starts when it comes after them: those of its very folder."""
        taken = [photo for key, photo in self.wordless.items() if _folder(key) == _folder(words.key)]
        self.wordless = {key: photo for key, photo in self.wordless.items() if photo not in taken}
        return taken

    def _empty(self, upload: Version) -> str:
        """Decided: an empty file is an error only if nothing else has replaced it."""
        lying = self.bucket.newest(upload.key)
        if lying is None or lying.data:
            return "nothing new" if lying else "gone"
        return self._too_late(upload, "unsupported_image" if _is_photo(upload.key) else "invalid_request")

    def is_late(self, upload: Version) -> bool:
        """Whether a newer upload of its key was announced or used: this one has an older sequencer."""
        known = (*self.heard, *self.settled)
        return any(other.key == upload.key and other.number > upload.number for other in known)

    def _photo(self, photo: Version) -> str:
        own, text = photo.metadata.get("instruction"), None
        try:
            text = None if own else self._text_of(photo)
            words = own or (str((text.data or b"").decode()) if text else self._shared(photo))
        except AmbiguousError:
            words = None
        is_copy = "request" in photo.metadata and "thread-id" not in photo.metadata and not own and not text
        had_shared = bool(words)
        words = None if is_copy else words
        self._join(photo, text)
        last = self._last_pair(photo)
        if not words:
            if last and last[0] == photo.etag:
                return self._settle(photo, "nothing new")
            became = self._too_late(photo, "needs_instruction")
            if became != "waits" and not (is_copy and had_shared):
                self.wordless[photo.key] = photo
            return became
        if last == (photo.etag, words):
            return self._settle(photo, "nothing new")
        if last and last[0] == photo.etag and own and self._said_before(photo) == (photo.etag, own):
            return self._settle(photo, "nothing new")  # decided: bringing back words counts per file
        if own or not text:
            return self._ask(photo, words, [photo], stem(photo))
        if self._has_format_unheard_of(photo, text, stem(photo)):
            return "waits"
        self.settled.add(text)
        waiting = self._without_words(self._thread(photo, stem(photo)), stem(photo))
        others = [other for other in waiting if stem(other) == stem(photo) and other.key != photo.key]
        others = [other for other in others if _holds_for(text, other)]
        formats = sorted((photo, *others), key=lambda version: version.at)
        return self._ask(photo, words, formats, stem(photo))

    def _text(self, text: Version, name: str) -> str:
        words, thread = (text.data or b"").decode(), self._thread(text, name)
        lying = self.bucket.newest(text.key)
        is_taken_back = self._has_waited(text) and (lying is None or lying.etag != text.etag)
        along = [] if is_taken_back else self._without_words(thread, name, text)
        own = [photo for photo in along if stem(photo) == name]
        if self._says_again(text) and not own:
            return self._settle(text, "nothing new")  # saved without a change
        if not along and self._last_words(name) == words:
            return self._settle(text, "nothing new")  # it leaves the pair unchanged
        if is_taken_back:
            return "nothing new" if lying else "gone"
        exists = self._is_met(text, name) and any(asked.thread == thread for asked in self.requests)
        is_alone = not along and not exists and self._has_waited(text)
        if is_alone and self._has_photo_unheard_of(text, name):
            if self.clock() < text.at + self.grace + UNHEARD_SECONDS:
                return "waits"
        elif is_alone and self._is_stray(text):
            return "invalid_request"
        if own and self._has_format_unheard_of(text, text, name):
            return "waits"
        if along or exists or self._has_waited(text):
            return self._ask(text, words, along, name)
        return "waits"

    def _ask(self, upload: Version, words: str, photos: Sequence[Version], name: str) -> str:
        self.requests.append(Asked(self._thread(upload, name), words, tuple(photos), upload, name))
        self.settled |= {upload, *photos}
        return "asked"

    def _settle(self, upload: Version, became: str) -> str:
        self.settled.add(upload)
        return became

    def _has_waited(self, upload: Version) -> bool:
        return self.clock() >= upload.at + self.grace

    def _too_late(self, upload: Version, code: str) -> str:
        """The code that it ends with after its wait."""
        return code if self._has_waited(upload) else "waits"

    def _shared(self, photo: Version) -> str | None:
        """The first shared words that exist: its text, the nearest folder's, the operator's."""
        lying = (self.bucket.newest(key) for key in _folder_instructions(photo.key))
        return next((text.data.decode() for text in lying if text and text.data), self.default_instruction or None)

    def _text_of(self, photo: Version) -> Version | None:
        """Its text of the same name, or the only one with a similar name."""
        same = self.bucket.newest(stem(photo) + ".txt")
        if same and same.data:
            return same
        if photo.key.startswith("threads/"):
            return None
        photos, texts = self._lying(photo.key)
        taken = {stem(other) for other in photos} - {stem(photo)}
        alike = [text for text in texts if _are_alike(text, photo) and stem(text) not in {*taken, stem(photo)}]
        rivals = {
            stem(other) for text in alike for other in photos
            if _are_alike(text, other) and not self.bucket.newest(stem(other) + ".txt")
        } - {stem(photo)}  # fmt: skip
        if len(alike) > 1 or rivals:
            raise AmbiguousError
        return alike[0] if alike and alike[0].data else None

    def _stem_of_text(self, text: Version) -> str:
        """Its own stem, or from now on the stem of the only photo with a similar name."""
        own, photos = stem(text), [other for other in self.heard if _is_photo(other.key)]
        if text.key.startswith("threads/") or own in map(stem, photos):
            return own
        if text.key in self.joined:
            return self.joined[text.key]
        if any(asked.stem == own for asked in self.requests):
            return own
        photos, texts = self._lying(text.key)
        alike = [photo for photo in photos if _are_alike(text, photo)]
        if not alike or own in map(stem, photos):
            return own
        rivals = [other for other in texts if other.key != text.key and any(_are_alike(other, each) for each in alike)]
        if rivals or len(set(map(stem, alike))) > 1:
            raise AmbiguousError
        self.joined[text.key] = stem(alike[0])
        return self.joined[text.key]

    def _is_met(self, text: Version, name: str) -> bool:
        """Whether a text that goes with a photo of another spelling has met one."""
        return stem(text) == name or any(stem(photo) == name and _holds_for(text, photo) for photo in self.heard_photos)

    def _lying(self, key: str) -> tuple[list[Version], list[Version]]:
        """The photos and the texts of its folder."""
        lying = [each for each in self._all_lying(key) if "_instruction" not in each.key]
        return [each for each in lying if _is_photo(each.key)], [each for each in lying if each.key.endswith(".txt")]

    def _all_lying(self, key: str) -> list[Version]:
        keys = sorted({version.key for version in self.bucket.versions if _folder(version.key) == _folder(key)})
        return [found for each in keys if (found := self.bucket.newest(each))]

    def _join(self, photo: Version, text: Version | None) -> None:
        """Join a text in another Unicode form to its photo: it shared the thread, so its request is not repeated."""
        if text is None or stem(text) == stem(photo) or text.key in self.joined:
            return
        self.joined[text.key] = stem(photo)
        heard = [version for version in (*self.heard, *self.settled) if version.key == text.key]
        newest = max(heard, key=_number, default=None)
        is_one_thread = unicodedata.normalize("NFC", stem(text)) == unicodedata.normalize("NFC", stem(photo))
        if newest and newest in self.settled and is_one_thread:
            self.known_before[stem(photo)] = (len(self.requests), (newest.data or b"").decode())

    def _is_stray(self, text: Version) -> bool:
        """Whether it is beside a photo without a text, or of a file that is no photo. A named thread makes it free."""
        is_free = text.key.startswith("threads/") or "thread-id" in text.metadata
        if is_free or stem(text) in map(stem, self.heard_photos) or text.key in self.joined:
            return False
        if any(_are_alike(text, other) for other in self._all_lying(text.key) if other.key.endswith(NO_PHOTO)):
            return True
        photos, texts = self._lying(text.key)
        return any(not any(_are_alike(each, photo) for each in texts) for photo in photos)

    def _has_photo_unheard_of(self, text: Version, name: str) -> bool:
        """Whether its photo exists, and was not announced yet."""
        photos, _ = self._lying(text.key)
        is_heard = any(stem(photo) == name and _holds_for(text, photo) for photo in self.heard_photos)
        return not is_heard and any(_are_alike(text, photo) for photo in photos)

    def _has_format_unheard_of(self, upload: Version, text: Version, name: str) -> bool:
        """Whether another format of the photo exists that was not announced yet, and the grace is not over."""
        heard = {photo.key for photo in self.heard_photos}
        unheard = [photo for photo in self._lying(upload.key)[0] if stem(photo) == name and photo.key not in heard]
        return any(_holds_for(text, photo) for photo in unheard) and not self._has_waited(upload)

    @property
    def heard_photos(self) -> list[Version]:
        return [version for version in self.heard if _is_photo(version.key)]

    def _thread(self, upload: Version, name: str) -> str:
        """The thread of an upload. A photo's metadata names it for its text, too."""
        if named := upload.metadata.get("thread-id"):
            return named
        beside = [photo for photo in self.heard_photos if stem(photo) == name]
        if upload.key.endswith(".txt") and beside and (named := beside[-1].metadata.get("thread-id")):
            return named
        if upload.key.startswith("threads/"):
            return upload.key.removeprefix("threads/").rpartition("/")[0]
        return unicodedata.normalize("NFC", name)

    def _without_words(self, thread: str, own: str, text: Version | None = None) -> list[Version]:
        """The thread's photos without an instruction: announced, existing, and in no request."""
        newest = {photo.key: photo for photo in sorted(self.heard, key=lambda version: version.number)}
        lying = [photo for photo in newest.values() if _is_photo(photo.key) and self._lies_there(photo)]
        free = [photo for photo in lying if photo.data and photo not in self.settled]
        left = [photo for photo in free if self._thread(photo, stem(photo)) == thread]
        left = [photo for photo in left if not text or stem(photo) != own or _holds_for(text, photo)]
        return sorted(left, key=lambda photo: (stem(photo) != own, photo.at))[:MOST_PHOTOS]

    def _lies_there(self, photo: Version) -> bool:
        """Whether it still exists, in the same thread."""
        lying = self.bucket.newest(photo.key)
        return lying is not None and self._thread(lying, stem(lying)) == self._thread(photo, stem(photo))

    def _before(self, upload: Version) -> Version | None:
        """The previous upload at its key, among those that were announced or used."""
        known = {version for version in (*self.heard, *self.settled) if version.key == upload.key}
        return max((version for version in known if version.number < upload.number), key=_number, default=None)

    def _says_again(self, text: Version) -> bool:
        """Whether it was saved without a change after its words were used."""
        before = self._before(text)
        if before is None or before.data != text.data:
            return False
        return before in self.settled or self._says_again(before)

    def _said_before(self, photo: Version) -> tuple[str, str | None] | None:
        before = self._before(photo)
        return (before.etag, before.metadata.get("instruction")) if before else None

    def _last_words(self, name: str) -> str | None:
        """The words of the stem's last request, or of the one that included its photo."""
        return next((asked.words for asked in reversed(self.requests) if asked.concerns(name)), None)

    def _last_pair(self, photo: Version) -> tuple[str, str] | None:
        """The last pair: this photo's entity tag as last sent, and its latest words."""
        for position, asked in reversed(list(enumerate(self.requests))):
            sent = next((sent for sent in asked.photos if sent.key == photo.key), None)
            if sent:
                texts = [later for later in self.requests[position:] if _is_by_text_of(later, photo)]
                before, words = self.known_before.get(stem(photo), (0, ""))
                if before > position and not [text for text in texts if self.requests.index(text) >= before]:
                    return sent.etag, words
                return sent.etag, (texts or [asked])[-1].words
        return None


def stem(version: Version) -> str:
    """The key without its last extension."""
    return version.key.rpartition(".")[0]


def _is_by_text_of(asked: Asked, photo: Version) -> bool:
    return asked.stem == stem(photo) and not _is_photo(asked.by.key) and _holds_for(asked.by, photo)


def _holds_for(text: Version, photo: Version) -> bool:
    """Whether the text applies to the photo: `a.jpg.txt` applies to one format, any other text to all."""
    return stem(text) == stem(photo) or _are_alike(text, photo) or photo.key.startswith("threads/")


def _is_photo(key: str) -> bool:
    return key.lower().endswith(PHOTOS)


def _folder(key: str) -> str:
    return key.rpartition("/")[0]


def _are_alike(text: Version, photo: Version) -> bool:
    """Whether the names differ only in case, Unicode form, or doubled endings: `a.jpg.txt`, `a.txt.txt`."""
    wanted, name = (_folded(version.key.rpartition("/")[2]) for version in (text, photo))
    wanted = re.sub(r"(\.txt)+$", "", wanted)
    return wanted in (name, re.sub(r"\.(jpg|png|cr2)$", "", name))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _folder_instructions(key: str) -> Iterator[str]:
    folders = key.split("/")[:-1]
    for depth in range(len(folders), -1, -1):
        yield "/".join([*folders[:depth], "_instruction.txt"])


def _number(version: Version) -> int:
    return version.number
