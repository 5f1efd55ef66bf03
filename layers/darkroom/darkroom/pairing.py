"""What is new about an upload: pure decisions on what is remembered of a stem and of its thread.

For each stem the last pair (the photo's entity tag, the words) is remembered, and for each of its files the last
content. What leaves both as they were starts nothing: uploaded again, touched, announced twice or too late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from darkroom import naming
from darkroom.form import MOST_IMAGES
from darkroom.request import ImageRef
from darkroom.upload import Upload

TEXT_EXTENSION = ".txt"


@dataclass(frozen=True, slots=True)
class Pair:
    """A photo's entity tag, None where there is none, and the SHA-256 of the words that go with it."""

    etag: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest upload of one file of a stem. `used`: its words are part of a request."""

    sequencer: str
    at: float
    content: str
    used: bool = False
    generation: int | None = None  # of the batch that it is


@dataclass(frozen=True, slots=True)
class Stem:
    """What is remembered of a stem; `seen` by the file's extension."""

    version: int = 0
    generation: int = 0
    pair: Pair | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    thread: str | None = None  # that its photo's metadata names, for the stem's other files too
    outbox: str | None = None  # a request or a batch that was decided on, and is not known to have been sent
    lane: str | None = None  # that the request in the outbox has to pass


@dataclass(frozen=True, slots=True)
class Waiting:
    """A photo without words, by its stem's name and the thread that its key says."""

    home: str
    stem: str
    image: ImageRef
    etag: str
    at: float


@dataclass(frozen=True, slots=True)
class Words:
    """An instruction that was found for a photo. `text_at` is when its own text file was saved, if it is from there."""

    words: str
    text_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A new request, and the photos that it takes along."""

    words: str
    images: tuple[ImageRef, ...]
    taken: tuple[Waiting, ...] = ()
    brings_words: bool = True  # and has not those of its folder, or of the operator


@dataclass(frozen=True, slots=True)
class Decision:
    """The stem as it is from now on; a new request, or an upload that has to wait for its other half."""

    stem: Stem
    ask: Ask | None = None
    waits: bool = False


def is_late(stem: Stem, upload: Upload) -> bool:
    """Whether something newer under the upload's key has been seen; by the time where no sequencer tells."""
    last = stem.seen.get(upload.extension)
    if last is None:
        return False
    if last.sequencer and upload.sequencer:
        return _comparable(upload.sequencer, last.sequencer) < _comparable(last.sequencer, upload.sequencer)
    return upload.at < int(last.at)


def photo(stem: Stem, upload: Upload, own: str | None, found: Words | None, *, thread: str | None = None) -> Decision:
    """`own` are the words in the photo's metadata, `found` those that hold for it otherwise.

    `thread` is the one that its metadata names, for the stem's other files too.
    """
    last = stem.seen.get(upload.extension)
    if is_late(stem, upload):
        return Decision(stem)
    if not upload.size:
        return Decision(stem, waits=True)  # not there yet, and nothing to remember
    seen = Seen(upload.sequencer, upload.at, naming.sha256(f"{upload.etag}\n{own or ''}"))
    known = _remembering(replace(stem, thread=thread), upload.extension, seen)
    is_repeated = last is not None and last.content == seen.content
    is_consumed = stem.pair is not None and stem.pair.etag == upload.etag
    if is_consumed and is_repeated and (own or _is_same(last, upload)):
        return Decision(known)
    if last is not None and last.used and _is_same(last, upload):
        return Decision(stem)  # announced twice; another photo of the stem may have the pair by now
    words = own or (found.words if found else None)
    if words is None:
        return Decision(known, waits=not is_consumed)
    if stem.pair == (pair := Pair(upload.etag, naming.sha256(words))):
        return Decision(known)
    if found and not own and found.text_at is not None:
        text = stem.seen.get(TEXT_EXTENSION)
        used = Seen(text.sequencer if text else "", found.text_at, naming.sha256(words), used=True)
        known = _remembering(known, TEXT_EXTENSION, used)
    known = _remembering(known, upload.extension, replace(seen, used=True))
    image = ImageRef(upload.bucket, upload.key, upload.version_id)
    brings_words = bool(own) or (found is not None and found.text_at is not None)
    return Decision(_asking(known, pair), Ask(words, (image,), brings_words=brings_words))


def text(stem: Stem, upload: Upload, words: str, waiting: Sequence[Waiting], *, starts: bool) -> Decision:
    """`waiting` are the thread's photos without words; `starts`: words alone are enough to begin with."""
    last = stem.seen.get(upload.extension)
    if is_late(stem, upload):
        return Decision(stem)
    content = naming.sha256(words)
    seen = Seen(upload.sequencer, upload.at, content, used=True)
    known = _remembering(stem, upload.extension, seen)
    taken = tuple(sorted(waiting, key=lambda photo: photo.at)[:MOST_IMAGES])
    own = next((photo.etag for photo in taken if photo.stem == upload.stem), None)
    if last and last.content == content and last.used and (own is None or _is_same(last, upload)):
        return Decision(known)
    pair = Pair(own or (stem.pair.etag if stem.pair else None), content)
    if pair == stem.pair and not taken:
        return Decision(known)
    if taken or starts:
        return Decision(_asking(known, pair), Ask(words, tuple(photo.image for photo in taken), taken))
    return Decision(_remembering(stem, upload.extension, replace(seen, used=False)), waits=True)


def request(stem: Stem, upload: Upload, content: str, ask: Ask) -> Decision:
    """A file that says all that it asks for: what is new about it is its content."""
    known = _content_seen(stem, upload, content)
    return Decision(known) if known is not None else Decision(_asking(_seeing(stem, upload, content), stem.pair), ask)


def batch(stem: Stem, upload: Upload) -> Stem:
    """A batch file: with other content it is another batch."""
    known = _content_seen(stem, upload, upload.etag)
    return known if known is not None else _asking(_seeing(stem, upload, upload.etag, stem.generation + 1), stem.pair)


def _content_seen(stem: Stem, upload: Upload, content: str) -> Stem | None:
    """The stem, where the file brings nothing new to it."""
    if is_late(stem, upload):
        return stem
    last = stem.seen.get(upload.extension)
    return _seeing(stem, upload, content, last.generation) if last and last.content == content else None


def _seeing(stem: Stem, upload: Upload, content: str, generation: int | None = None) -> Stem:
    seen = Seen(upload.sequencer, upload.at, content, used=True, generation=generation)
    return _remembering(stem, upload.extension, seen)


def lane(upload: Upload, ask: Ask, *, begins: bool) -> str | None:
    """Which source of perhaps many requests one is of; None where it may be sent at once.

    So may a follow-up in its own words. One that `begins` a thread may be one of many.
    """
    if ask.brings_words:
        return f"own:{upload.top}" if begins else None
    return f"folder:{upload.top}"


def _remembering(stem: Stem, extension: str, seen: Seen) -> Stem:
    return replace(stem, seen={**stem.seen, extension: seen})


def _asking(stem: Stem, pair: Pair | None) -> Stem:
    return replace(stem, pair=pair, generation=stem.generation + 1)


def _is_same(last: Seen | None, upload: Upload) -> bool:
    return last is not None and (last.sequencer, last.at) == (upload.sequencer, upload.at)


def _comparable(sequencer: str, other: str) -> str:
    """S3's rule: the shorter of two is padded with zeros on its right."""
    return sequencer.upper().ljust(len(other), "0")
