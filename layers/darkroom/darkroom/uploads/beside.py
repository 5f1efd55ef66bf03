"""The text of a photo, by the files in their folder: the one of the same name, or the only one with a similar name.
The text of a file that is no photo here.

Similar names differ only in case, in their Unicode form, or by doubled endings (`mug.jpg.txt`, `mug.txt.txt`): systems
that hide endings or decompose letters make such names. Folders are compared byte for byte.
"""

import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from darkroom.domain import picture_formats, upload
from darkroom.domain.ports import Listed
from darkroom.domain.request_schema import KEY_BYTES
from darkroom.domain.upload import Upload
from darkroom.uploads import hints
from darkroom.uploads.pairing import TEXT_EXTENSION

MAX_KEYS = 50  # how much of a folder is looked at


def text_of(photo: Upload, listed: Listed) -> Upload | None:
    """The text with a name similar to the photo's. The one of the same name is looked up elsewhere. Raises Rejected."""
    photos, texts = _sorted_out(photo.bucket, listed)
    taken = {other.stem for other in photos} - {photo.stem}
    own = photo.stem + TEXT_EXTENSION
    alike = [text for text in texts if text.stem not in taken and text.key != own and _are_alike(text, photo)]
    if not alike:
        return None
    alike = [text for text in alike if text.stem == photo.stem] or alike
    without = [photo, *(other for other in photos if other.key != photo.key and not _has_own(other, texts, photo.stem))]
    if len(alike) > 1 or (alike[0].stem != photo.stem and not _is_one(alike[0], without)):
        raise hints.ambiguous(photo)
    return with_photo(alike[0], photo)


def with_its_photo(text: Upload, listed: Listed) -> Upload:
    """The text, joined to the one photo with a similar name, unless a photo has its very name. Raises Rejected."""
    photos, texts = _sorted_out(text.bucket, listed)
    alike = [photo for photo in photos if _are_alike(text, photo)]
    if not alike or any(photo.stem == text.stem for photo in photos):
        return text
    rivals = [other for other in texts if other.key != text.key and any(_are_alike(other, photo) for photo in alike)]
    if rivals or not _is_one(text, photos):
        raise hints.ambiguous(text)
    return with_photo(text, alike[0])


def has_photo(text: Upload, listed: Listed) -> bool:
    """Whether the folder has a photo whose name is the text's or similar."""
    return any(_are_alike(text, photo) for photo in _sorted_out(text.bucket, listed)[0])


def has_other_format(of: Upload, text: Upload | None, listed: Listed, heard: Container[str]) -> bool:
    """Whether the folder has another photo of the upload's stem for the text, which is not in `heard`.

    `heard` holds the slots that were announced.
    """
    photos = (photo for photo in _sorted_out(of.bucket, listed)[0] if photo.stem == of.stem)
    return any(holds_for(text, photo) and photo.slot not in heard for photo in photos)


def holds_for(text: Upload | None, photo: Upload) -> bool:
    """Whether a text applies to this format of its photo: `mug.jpg.txt` applies to one. None stands for `mug.txt`."""
    return text is None or not text.goes_with or _are_alike(text, photo)


def formats(text: Upload, slots: Iterable[str]) -> list[str]:
    """The slots of the photos that a text applies to, out of those that its stem knows."""
    photos = (upload.of_key(text.bucket, text.stem + slot) for slot in slots if slot.lower() in picture_formats.ENDINGS)
    return [photo.slot for photo in photos if holds_for(text, photo)]


def beginning(text: Upload) -> str:
    """The prefix of the keys that a text's photo may have, spelled like the photo if that is known."""
    name = _without(text.name, picture_formats.ENDINGS | {TEXT_EXTENSION})
    if hints.is_known(ending := upload.extension(name)):
        name = name.removesuffix(ending)
    return f"{text.goes_with or text.folder + name}."


def goes_with(text: Upload, slots: Iterable[str]) -> bool:
    """Whether exactly one photo of the stem fits the text and has no other text. The stem knows these `slots`."""
    names = [slot for slot in slots if slot != text.slot]
    photos = [upload.of_key(text.bucket, text.stem + slot) for slot in formats(text, names)]
    keys = [text.folder + name[1:] if name.startswith("/") else text.stem + name for name in names]
    others = (upload.of_key(text.bucket, key) for key in keys if key.lower().endswith(TEXT_EXTENSION))
    return len(photos) == 1 and not any(_are_alike(other, photos[0]) for other in others)


def likely_stems(text: Upload) -> list[str]:
    """The stems that its photo may have, if the text has a doubled ending or letters with two Unicode forms."""
    name = _without(text.name, frozenset((TEXT_EXTENSION,)))
    names = (name, _without(name, picture_formats.ENDINGS))
    forms = {unicodedata.normalize(form, each) for each in names for form in ("NFC", "NFD")} if _is_short(name) else ()
    return sorted({text.folder + form for form in (*names, *forms)} - {text.stem})


def likely_texts(photo: Upload) -> list[str]:
    """The keys that its text may have, likewise."""
    name = photo.stem.removeprefix(photo.folder)
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} - {name} if _is_short(name) else ()
    doubled = (photo.name, name + TEXT_EXTENSION)
    return [photo.folder + form + TEXT_EXTENSION for form in (*doubled, *sorted(forms))]


def without_text(bucket: str, listed: Listed) -> Upload | None:
    """A photo of the folder without a text, as far as the folder was listed."""
    photos, texts = _sorted_out(bucket, listed)
    last = listed.keys[-1] if listed.is_cut else None
    known = (photo for photo in photos if last is None or photo.stem + TEXT_EXTENSION <= last)
    return next((photo for photo in known if not any(_are_alike(text, photo) for text in texts)), None)


def no_photo_of(text: Upload, listed: Listed) -> Upload | None:
    """A file of an unsupported kind that the text is named after."""
    there = (upload.of_key(text.bucket, key) for key in listed.keys)
    others = (each for each in there if each.kind == "unsupported" and hints.may_have_a_text(each))
    return next((each for each in others if _is_named_after(text, each)), None)


def _sorted_out(bucket: str, listed: Listed) -> tuple[list[Upload], list[Upload]]:
    """The photos and the texts of the listing."""
    there = [upload.of_key(bucket, key) for key in listed.keys]
    return [each for each in there if each.kind == "photo"], [each for each in there if each.kind == "text"]


def with_photo(text: Upload, photo: Upload) -> Upload:
    """The text, joined to this photo."""
    return text if text.stem == photo.stem else replace(text, goes_with=photo.stem)


def _is_one(text: Upload, photos: Sequence[Upload]) -> bool:
    """Whether a text can belong to one photo only, in any number of formats."""
    return len({photo.stem for photo in photos if _are_alike(text, photo)}) == 1


def _has_own(photo: Upload, texts: Sequence[Upload], but: str) -> bool:
    return photo.stem != but and any(text.stem == photo.stem for text in texts)


def _are_alike(text: Upload, photo: Upload) -> bool:
    return _folded(_without(text.name, frozenset((TEXT_EXTENSION,)))) in map(_folded, _names(photo.name))


def _is_named_after(text: Upload, other: Upload) -> bool:
    """Whether the names are similar. The other file's ending is not a photo's."""
    names = (other.name, *_names(other.name.removesuffix(other.extension)))
    return _folded(_without(text.name, frozenset((TEXT_EXTENSION,)))) in map(_folded, names)


def _names(name: str) -> Iterator[str]:
    """A photo's name, and the names left after each ending is removed."""
    yield name
    while (ending := upload.extension(name)).lower() in picture_formats.ENDINGS:
        name = name.removesuffix(ending)
        yield name


def _without(name: str, endings: frozenset[str]) -> str:
    while (ending := upload.extension(name)).lower() in endings:
        name = name.removesuffix(ending)
    return name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()) if _is_short(name) else name


def _is_short(name: str) -> bool:
    """Whether S3 could hold the name. Normalizing a longer one with endless marks takes quadratic time."""
    return len(name) <= KEY_BYTES
