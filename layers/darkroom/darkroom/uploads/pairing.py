"""Decides what is new about an upload: pure functions of the state of its stem and its thread.

For each photo of a stem the state holds the last pair (entity tag, words), and for each file the last content. An
upload that changes neither starts nothing: it was uploaded again, touched, or announced twice or too late.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from darkroom.domain import keys, picture_formats
from darkroom.domain.request_schema import MAX_IMAGES, ImageRef
from darkroom.domain.upload import Upload

TEXT_EXTENSION = ".txt"


@dataclass(frozen=True, slots=True)
class Pair:
    """A photo's entity tag, and the SHA-256 of the words that go with it."""

    etag: str
    words_sha256: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest upload of one file of a stem. `used`: no more request follows from it.

    `found`: a photo found this file, which may therefore be newer than its sequencer; `at` is in whole seconds. A file
    that is found and not used repeats content that was used, and is held.
    """

    sequencer: str
    at: float
    content: str
    used: bool = False
    found: bool = False
    generation: int | None = None  # of the batch that it is


@dataclass(frozen=True, slots=True)
class Stem:
    """The state of a stem: `seen` by a file's slot (see `Upload`), `pairs` by a photo's extension.

    `words_sha256` is the hash of the last request's words.
    """

    version: int = 0
    generation: int = 0
    words_sha256: str | None = None
    pairs: Mapping[str, Pair] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    thread: str | None = None  # named in its photo's metadata, for the stem's other files too
    outbox: str | None = None  # a request or a batch that may not have been sent yet
    lane: str | None = None  # the lane that the request in the outbox has to pass
    goes_with: str | None = None  # the stem of the photo that its text belongs to, if that is spelled differently


@dataclass(frozen=True, slots=True)
class Waiting:
    """A photo without words, with its stem's name and the thread that its key gives."""

    home: str
    stem: str
    image: ImageRef
    etag: str
    at: float

    @property
    def extension(self) -> str:
        """The extension of its key."""
        return self.image.key.removeprefix(self.stem)


@dataclass(frozen=True, slots=True)
class Words:
    """An instruction found for a photo. `text_at` is when its text file was saved, if it has one. `text` is that file,
    if its name differs from the photo's.

    `shared_in` is the first folder of an instruction for all photos there; "" is the operator's.
    """

    words: str
    text_at: float | None = None
    shared_in: str | None = None
    text: Upload | None = None

    @property
    def slot(self) -> str:
        """The text's slot within the photo's stem."""
        return self.text.slot if self.text else TEXT_EXTENSION


@dataclass(frozen=True, slots=True)
class Ask:
    """A new request, and the waiting photos that it includes."""

    words: str
    images: tuple[ImageRef, ...]
    taken: tuple[Waiting, ...] = ()
    shared_in: str | None = None  # see `Words`; None if the words are its own


@dataclass(frozen=True, slots=True)
class Decision:
    """The new state of the stem; with a new request, or an upload that has to wait for its other half.

    `is_settled`: this very upload was dealt with before, for example when its other half came.
    `is_held`: it has its other half, and waits for another format of the photo.
    """

    stem: Stem
    ask: Ask | None = None
    waits: bool = False
    is_settled: bool = False
    is_held: bool = False


def is_late(stem: Stem, upload: Upload) -> bool:
    """Whether a newer upload under the same key was seen. Times decide if sequencers cannot."""
    last = stem.seen.get(upload.slot)
    if last is None:
        return False
    if last.sequencer and upload.sequencer:
        if _comparable(upload.sequencer, last.sequencer) < _comparable(last.sequencer, upload.sequencer):
            return True
        if not last.found:
            return False
    return upload.at < int(last.at)


def may_be_older(stem: Stem, text: Upload, words: str) -> bool:
    """Whether a photo may have found a newer version of the text, saved within the same second."""
    last = stem.seen.get(text.slot)
    is_of_one_second = last is not None and last.found and int(last.at) == int(text.at)
    return is_of_one_second and last is not None and last.content != keys.sha256(words)


def photo(
    stem: Stem,
    upload: Upload,
    own: str | None,
    found: Words | None,
    *,
    thread: str | None = None,
    formats: Sequence[Waiting] = (),
) -> Decision:
    """Decide on a photo. `own` are the words in its metadata, `found` those from elsewhere.

    `thread` is named in its metadata, for the stem's other files too. `formats` are the photo's other formats that
    wait: its text starts them together with it.
    """
    last, asked = stem.seen.get(upload.slot), stem.pairs.get(upload.slot)
    seen = _photo_seen(upload, own)
    if is_late(stem, upload) or _is_settled(last, seen):
        return Decision(stem, is_settled=_is_settled(last, seen))
    stem = replace(stem, thread=thread)
    words = own or (found.words if found else None)
    had_words = asked is not None and asked.etag == upload.etag
    if words is None:
        return Decision(_remembering(stem, upload.slot, replace(seen, used=had_words)), waits=not had_words)
    pair = Pair(upload.etag, keys.sha256(words))
    says_what_it_said = own is not None and last is not None and last.content == seen.content
    known = _remembering(stem, upload.slot, replace(seen, used=True))
    if asked == pair or (had_words and says_what_it_said):
        return Decision(known)
    image = ImageRef(upload.bucket, upload.key, upload.version_id)
    asking = _asking(known, pair.words_sha256, {upload.slot: pair})
    if own or found is None or found.text_at is None:
        return Decision(asking, Ask(words, (image,), shared_in=found.shared_in if found and not own else None))
    text = stem.seen.get(found.slot)
    used = Seen(text.sequencer if text else "", found.text_at, pair.words_sha256, used=True, found=True)
    taken = tuple(formats[: MAX_IMAGES - 1])
    asking = taken_along(_remembering(asking, found.slot, used), taken, pair.words_sha256)
    this = Waiting(upload.home, upload.stem, image, upload.etag, upload.at)
    images = tuple(photo.image for photo in sorted((this, *taken), key=lambda photo: photo.at))
    return Decision(asking, Ask(words, images, taken))


def held(before: Stem, upload: Upload, decision: Decision) -> Decision:
    """The decision instead, if an upload could start and should wait for another format of its photo."""
    seen = decision.stem.seen[upload.slot]
    seen = replace(seen, used=False, found=_says_again(before.seen.get(upload.slot), seen))
    stem = replace(before, thread=decision.stem.thread)
    return Decision(_remembering(stem, upload.slot, seen), waits=True, is_held=True)


def has_waiting_format(stem: Stem, photo: Upload) -> bool:
    """Whether another photo of the stem may be waiting."""
    return any(
        slot != photo.slot and slot.lower() in picture_formats.ENDINGS and not seen.used
        for slot, seen in stem.seen.items()
    )


def is_settled(stem: Stem, photo: Upload, own: str | None) -> bool:
    """Whether this very photo was dealt with, for example if it is announced twice."""
    return _is_settled(stem.seen.get(photo.slot), _photo_seen(photo, own))


def joined(stem: Stem, text: Upload, apart: Stem, *, is_one_thread: bool) -> Stem:
    """A photo's stem, with the state of its text from its own stem `apart`.

    `is_one_thread`: photo and text are two Unicode forms of one name, which shared a stem in earlier releases. Then
    touching them does not repeat a request.
    """
    seen = apart.seen.get(text.extension)
    if text.slot in stem.seen or seen is None:
        return stem
    stem = _remembering(stem, text.slot, seen)
    if not (is_one_thread and seen.used):
        return stem
    return replace(stem, pairs={slot: Pair(pair.etag, seen.content) for slot, pair in stem.pairs.items()})


def left(stem: Stem, text: Upload, photos: Stem) -> Stem:
    """A text's own stem, with its state from the stem of the photo that it went with.

    A photo of its own name may have used the same text meanwhile: then that asks for nothing more.
    """
    before, own = photos.seen.get(text.slot), stem.seen.get(text.extension)
    if before is None or (own is not None and int(own.at) > int(before.at)):
        return stem
    was_used = own is not None and own.used and (int(own.at), own.content) == (int(before.at), before.content)
    return _remembering(stem, text.extension, replace(before, used=before.used or was_used))


def knows_a_photo(stem: Stem) -> bool:
    """Whether a photo of the stem was announced."""
    return any(slot.lower() in picture_formats.ENDINGS for slot in stem.seen)


def in_turn(waiting: Iterable[Waiting], text: Upload) -> list[Waiting]:
    """The photos, oldest first; but the text's own photos come before all, as no other text belongs to them."""
    return sorted(waiting, key=lambda photo: (photo.stem != text.stem, photo.at))


def text(
    stem: Stem, upload: Upload, words: str, waiting: Sequence[Waiting], *, starts: bool, formats: Sequence[str]
) -> Decision:
    """Decide on a text. `waiting` are the thread's photos without words. `starts`: words alone are enough to begin.
    `formats` are the slots of the photos that it applies to.
    """
    last, content = stem.seen.get(upload.slot), keys.sha256(words)
    seen = Seen(upload.sequencer, upload.at, content, used=True)
    if is_late(stem, upload) or _is_settled(last, seen):
        return Decision(stem, is_settled=_is_settled(last, seen))
    known = _remembering(stem, upload.slot, seen)
    taken = tuple(in_turn(waiting, upload)[:MAX_IMAGES])
    own = [photo for photo in taken if photo.stem == upload.stem]
    if (_says_again(last, seen) and not own) or (stem.words_sha256 == content and not taken):
        return Decision(known)
    if taken or starts:
        paired = {slot: Pair(pair.etag, content) for slot, pair in known.pairs.items() if slot in formats}
        asking = taken_along(_asking(known, content, paired), own, content)
        return Decision(asking, Ask(words, tuple(photo.image for photo in taken), taken))
    return Decision(_remembering(stem, upload.slot, replace(seen, used=False)), waits=True)


def request(stem: Stem, upload: Upload, content: str, ask: Ask) -> Decision:
    """Decide on a request file: it is new if its content is."""
    known = _content_seen(stem, upload, content)
    return Decision(known) if known is not None else Decision(_numbered(_seeing(stem, upload, content)), ask)


def batch(stem: Stem, upload: Upload) -> Stem:
    """The stem after a batch file: other content makes another batch."""
    known = _content_seen(stem, upload, upload.etag)
    return known if known is not None else _numbered(_seeing(stem, upload, upload.etag, stem.generation + 1))


def _content_seen(stem: Stem, upload: Upload, content: str) -> Stem | None:
    """The stem, if the file brings nothing new to it."""
    if is_late(stem, upload):
        return stem
    last = stem.seen.get(upload.slot)
    return _seeing(stem, upload, content, last.generation) if last and last.content == content else None


def _seeing(stem: Stem, upload: Upload, content: str, generation: int | None = None) -> Stem:
    seen = Seen(upload.sequencer, upload.at, content, used=True, generation=generation)
    return _remembering(stem, upload.slot, seen)


def lane(upload: Upload, ask: Ask, *, begins: bool) -> str | None:
    """The lane of a request that may be one of many; None if it may be sent at once.

    A follow-up with its own words may be sent at once. A request that `begins` a thread may be one of many. Words for
    many photos share a lane, whichever photo they are for: one text may cover very many folders.
    """
    if ask.shared_in is not None:
        return f"folder:{ask.shared_in}"
    return f"own:{upload.top}" if begins else None


def taken_along(stem: Stem, photos: Iterable[Waiting], words_sha256: str) -> Stem:
    """The stem after a request with these words has included its photos."""
    for photo in photos:
        seen = stem.seen.get(photo.extension)
        if seen:
            stem = _remembering(stem, photo.extension, replace(seen, used=True))
        stem = replace(
            stem, words_sha256=words_sha256, pairs={**stem.pairs, photo.extension: Pair(photo.etag, words_sha256)}
        )
    return stem


def _photo_seen(photo: Upload, own: str | None) -> Seen:
    return Seen(photo.sequencer, photo.at, keys.sha256(f"{photo.etag}\n{own or ''}"))


def _remembering(stem: Stem, extension: str, seen: Seen) -> Stem:
    return replace(stem, seen={**stem.seen, extension: seen})


def _asking(stem: Stem, words_sha256: str, pairs: Mapping[str, Pair]) -> Stem:
    return _numbered(replace(stem, words_sha256=words_sha256, pairs={**stem.pairs, **pairs}))


def _numbered(stem: Stem) -> Stem:
    return replace(stem, generation=stem.generation + 1)


def _says_again(last: Seen | None, seen: Seen) -> bool:
    """Whether an upload repeats an earlier one that was used."""
    return last is not None and (last.used or last.found) and last.content == seen.content


def _is_settled(last: Seen | None, seen: Seen) -> bool:
    """Whether this very upload was dealt with."""
    if last is None or not last.used:
        return False
    if last.sequencer and last.sequencer == seen.sequencer:
        return True
    if last.sequencer and seen.sequencer and not last.found:
        return False
    return int(last.at) == int(seen.at) and last.content == seen.content


def _comparable(sequencer: str, other: str) -> str:
    """The sequencer padded with zeros on its right to the other's length, as S3 defines the comparison."""
    return sequencer.upper().ljust(len(other), "0")
