"""Looks up a photo's words: in its metadata, its text, its folders' instructions, or the operator's default."""

from collections.abc import Mapping
from dataclasses import replace

from darkroom.domain import upload
from darkroom.domain.ports import ObjectStore, Stored
from darkroom.domain.request_schema import INSTRUCTION_CHARACTERS, ImageRef, can_be_seen
from darkroom.domain.upload import Upload
from darkroom.errors import Rejected, TooLarge, Unreadable
from darkroom.uploads import beside, hints, instruction_text, pairing
from darkroom.uploads.pairing import Words

MAX_BYTES = INSTRUCTION_CHARACTERS * 4 + 3  # the longest instruction in UTF-8 or UTF-16, with a BOM


class Instructions:
    """Finds words in the bucket. `default` are the operator's.

    `is_shared`: words above all first folders apply to each of them.
    """

    def __init__(self, objects: ObjectStore, default: str, *, is_shared: bool = True) -> None:
        self._objects = objects
        self._passed_over = () if is_shared else upload.SHARED_INSTRUCTIONS
        self._default = default if can_be_seen(default) else ""

    def of_photo(
        self, arrived: Upload, metadata: Mapping[str, str]
    ) -> tuple[str | None, Words | None, Rejected | None]:
        """A photo's own words, or those found elsewhere; or the error of the first ones that cannot be used."""
        try:
            own = instruction_text.of_metadata(metadata.get("instruction", "")) or None
            return own, None if own else self._found(arrived), None
        except Rejected as unusable:
            return None, None, unusable

    def _found(self, arrived: Upload) -> Words | None:
        """The words for a photo besides its own: its text, the nearest folder's, the operator's."""
        if own_text := self._readable(arrived.bucket, arrived.stem + pairing.TEXT_EXTENSION):
            return own_text
        if alike := self._alike(arrived):
            return alike
        for key in upload.folder_instructions(arrived.key):
            if key not in self._passed_over and (found := self._readable(arrived.bucket, key)):
                return Words(found.words, shared_in=upload.top(key))
        return Words(self._default, shared_in="") if self._default else None

    def come_meanwhile(self, arrived: Upload) -> bool:
        """Whether the words of a photo's own folder are usable by now."""
        key = arrived.folder + upload.FOLDER_INSTRUCTION
        try:
            return key not in self._passed_over and self._readable(arrived.bucket, key) is not None
        except Rejected:
            return False

    def _alike(self, arrived: Upload) -> Words | None:
        """The words of a text with a similar name. In `threads/` any text goes with the photos that wait."""
        if arrived.is_in_threads:
            return None
        listed = self._objects.listed(arrived.bucket, arrived.folder, beside.MAX_KEYS)
        text = beside.text_of(arrived, listed)
        keys = [text.key] if text else beside.likely_texts(arrived) if listed.is_cut else []
        for key in keys:
            if found := self._readable(arrived.bucket, key):
                return replace(found, text=beside.with_photo(upload.of_key(arrived.bucket, key), arrived))
        return None

    def _readable(self, bucket: str, key: str) -> Words | None:
        """A text's words; None if it does not exist or is blank. Raises Rejected with the text's name."""
        try:
            stored = self.read(ImageRef(bucket, key))
            said = instruction_text.said(stored.data) if stored else ""
        except Rejected as rejection:
            raise hints.text_of_a_photo(key, rejection) from rejection
        except Unreadable as locked:
            raise hints.unreadable(key.rpartition("/")[2]) from locked
        return Words(said, stored.modified) if stored and said else None

    def read(self, ref: ImageRef) -> Stored | None:
        """Read a text file. Raises Rejected if it is longer than any instruction."""
        try:
            return self._objects.read(ref, most_bytes=MAX_BYTES)
        except TooLarge as error:
            raise instruction_text.too_long() from error
