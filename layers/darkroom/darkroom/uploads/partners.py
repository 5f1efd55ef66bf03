"""A photo and a text whose names are only alike: the text goes with the photo's stem, and that is remembered."""

from collections.abc import Callable
from dataclasses import replace

from darkroom.domain.ports import Listed
from darkroom.domain.upload import Upload
from darkroom.uploads import beside, pairing
from darkroom.uploads.pairing import Stem, Words
from darkroom.uploads.ports import UploadState


class Partners:
    """Finds and remembers what belongs together. `load` gives what is remembered of an upload's stem."""

    def __init__(self, state: UploadState, load: Callable[[Upload], Stem]) -> None:
        self._state = state
        self._load = load

    def stem(self, arrived: Upload) -> tuple[Upload, Stem]:
        """The upload, with what is remembered of its stem; of a text that goes with a photo, that of the photo's.

        It goes with it until there is a photo of its very name.
        """
        stem = self._load(arrived)
        if arrived.kind != "text" or not stem.goes_with:
            return arrived, stem
        joined = replace(arrived, goes_with=stem.goes_with)
        photos = self._load(joined)
        return (arrived, pairing.left(stem, joined, photos)) if pairing.knows_a_photo(stem) else (joined, photos)

    def with_its_photo(self, text: Upload, stem: Stem, listed: Listed | None) -> tuple[Upload, Stem]:
        """The text with its stem; or with its photo's, where it is spelled in another way. Raises Rejected."""
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
        """The text, going with a photo that is remembered, where the folder is too large to be looked at."""
        likely = (replace(text, goes_with=name) for name in beside.likely_stems(text))
        return next(
            (each for each in likely if beside.goes_with(each, self._state.stem(each.home, each.stem).seen)), text
        )

    def with_its_text(self, photo: Upload, stem: Stem, found: Words | None) -> Stem:
        """The stem, with what was remembered of the text that was found, should that be spelled in another way.

        A photo that is announced once more joins nothing: its text may have gone on by itself meanwhile.
        """
        if not found or not found.text or not found.text.goes_with or pairing.is_settled(stem, photo, None):
            return stem
        text = replace(found.text, goes_with=None)
        apart = self._state.stem(text.home, text.stem)
        if apart.goes_with != photo.stem:
            self._state.join(text, apart, photo.stem)
        return pairing.joined(stem, found.text, apart) if text.home == photo.home else stem
