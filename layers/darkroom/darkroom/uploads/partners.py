"""Finds files that belong together: a thread's waiting photos, and a photo and a text with similar names.

Such a text is joined to the photo's stem, and the state keeps that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from darkroom.domain import keys, upload
from darkroom.domain.ports import Listed, ObjectStore
from darkroom.domain.request_schema import MAX_IMAGES, ImageRef
from darkroom.domain.upload import Upload
from darkroom.errors import Unreadable
from darkroom.uploads import beside, hints, instruction_text, pairing
from darkroom.uploads.pairing import Stem, Waiting, Words
from darkroom.uploads.ports import UploadState


class Partners:
    """Finds partners and stores them. `load` returns the state of an upload's stem."""

    def __init__(self, state: UploadState, objects: ObjectStore, load: Callable[[Upload], Stem]) -> None:
        self._state = state
        self._objects = objects
        self._load = load

    def stem(self, arrived: Upload) -> tuple[Upload, Stem]:
        """The upload, and the state of its stem. For a text joined to a photo, that of the photo's stem.

        The text stays joined until there is a photo of its very name.
        """
        stem = self._load(arrived)
        if arrived.kind != "text" or not stem.goes_with:
            return arrived, stem
        joined = replace(arrived, goes_with=stem.goes_with)
        photos = self._load(joined)
        return (arrived, pairing.left(stem, joined, photos)) if pairing.knows_a_photo(stem) else (joined, photos)

    def with_its_photo(self, text: Upload, stem: Stem, listed: Listed | None) -> tuple[Upload, Stem]:
        """The text with its own stem, or joined to the photo with a similar name. Raises Rejected."""
        if listed is None or stem.generation:
            return text, stem
        joined = beside.with_its_photo(text, listed)
        if not joined.goes_with and listed.is_cut:
            joined = self._with_likely_photo(text)
        if not joined.goes_with:
            return text, stem
        self._state.join(text, stem, joined.stem)
        return joined, self._load(joined)

    def _with_likely_photo(self, text: Upload) -> Upload:
        """The text, joined to a photo known from the state, if the folder is too large to list."""
        likely = (replace(text, goes_with=name) for name in beside.likely_stems(text))
        return next(
            (each for each in likely if beside.goes_with(each, self._state.stem(each.home, each.stem).seen)), text
        )

    def with_its_text(self, photo: Upload, stem: Stem, found: Words | None) -> Stem:
        """The stem, with the state of the found text if its name differs.

        A photo that is announced again joins nothing: its text may have gone on by itself meanwhile.
        """
        if not found or not found.text or not found.text.goes_with or pairing.is_settled(stem, photo, None):
            return stem
        text = replace(found.text, goes_with=None)
        apart = self._state.stem(text.home, text.stem)
        if apart.goes_with != photo.stem:
            self._state.join(text, apart, photo.stem)
        return pairing.joined(stem, found.text, apart, is_one_thread=text.home == photo.home)

    def waiting(self, thread: str, text: Upload) -> list[Waiting]:
        """The thread's photos without words, up to the number that one request may have."""
        in_turn = pairing.in_turn(self._state.waiting(thread), text)
        meant = (photo for photo in in_turn if photo.stem != text.stem or _holds_for(text, photo))
        return list(islice(self._still_waiting(thread, meant), MAX_IMAGES))

    def formats(self, thread: str, photo: Upload, stem: Stem, text: Upload | None) -> list[Waiting]:
        """The photo's other formats that wait in its thread and that its text applies to."""
        if not pairing.has_waiting_format(stem, photo):
            return []
        waiting = (each for each in self._state.waiting(thread) if each.stem == photo.stem)
        others = (each for each in waiting if _holds_for(text, each))
        return list(self._still_waiting(thread, (each for each in others if each.image.key != photo.key)))

    def _still_waiting(self, thread: str, photos: Iterable[Waiting]) -> Iterator[Waiting]:
        return (photo for photo in photos if self._still_waits(thread, photo))

    def _still_waits(self, thread: str, photo: Waiting) -> bool:
        """Whether the photo still exists, and still belongs to this thread."""
        try:
            metadata = self._objects.metadata(ImageRef(photo.image.bucket, photo.image.key))
        except Unreadable:
            return False  # the object in its place gets its own error
        return metadata is not None and (named_thread(metadata) or keys.thread_of(photo.home)) == thread


def _holds_for(text: Upload | None, photo: Waiting) -> bool:
    return beside.holds_for(text, upload.of_key(photo.image.bucket, photo.image.key))


def named_thread(metadata: Mapping[str, str]) -> str | None:
    """The thread that an object's metadata names. Raises Rejected if the name looks like a turn's folder."""
    name = instruction_text.thread_in_metadata(metadata.get("thread-id", ""))
    if name and keys.has_turn_folder(name):
        raise hints.named_like_a_turn(name)
    return keys.thread_of(name) if name else None
