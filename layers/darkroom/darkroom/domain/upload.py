"""An upload: what its name says it is, and the thread that it belongs to."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from darkroom.domain import keys, picture_formats
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import FieldFault

FOLDER_INSTRUCTION = "_instruction.txt"
THREADS_PREFIX = "threads/"
SHARED_INSTRUCTIONS = (FOLDER_INSTRUCTION, THREADS_PREFIX + FOLDER_INSTRUCTION)  # they hold for many first folders
OWN_FOLDER = (
    "Name only threads and pictures of the upload's own first folder; at the root, only those of the file's own name. "
    "Put the file into the folder that it is about, or into a folder of its own, and upload that."
)
INSTRUCTION_NAMES = ("instruction", "instructions")

# What systems and programs leave beside a person's files, in small letters. They hold copies of photos, too.
_NOISE_FOLDERS = frozenset(
    ("@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler",
     "system volume information", "lost+found", "__macosx")
)  # fmt: skip
_NOISE_NAMES = frozenset(("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"))
_NOISE_ENDINGS = frozenset((".tmp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload"))

Kind = Literal["photo", "text", "folder_instruction", "request", "batch", "noise", "unsupported"]
KINDS: Mapping[str, Kind] = {".txt": "text", ".json": "request", ".jsonl": "batch", ".csv": "batch"}


@dataclass(frozen=True, slots=True)
class Upload:
    """One object's creation. `at` is in seconds since the epoch, as is `heard_at`, when its message was first received,
    which is later where much is going on; the entity tag is without quotes.
    """

    bucket: str
    key: str
    etag: str
    version_id: str | None
    sequencer: str
    size: int
    at: float
    heard_at: float = 0.0
    goes_with: str | None = None  # the stem of its photo, where a text is spelled in another way

    @property
    def name(self) -> str:
        """The key's last segment."""
        return self.key.rpartition("/")[2]

    @property
    def extension(self) -> str:
        """The last extension with its dot, as it was written; of a name that is all dots or dotless, none."""
        return extension(self.name)

    @property
    def stem(self) -> str:
        """The key without its last extension; or the stem that it goes with."""
        return self.goes_with or (self.key.removesuffix(self.extension) if self.extension else self.key)

    @property
    def slot(self) -> str:
        """By which its stem knows it: its extension, or its name where that is spelled in another way."""
        return f"/{self.name}" if self.goes_with else self.extension

    @property
    def folder(self) -> str:
        """The key up to and with its last slash."""
        return self.key[: len(self.key) - len(self.name)]

    @property
    def kind(self) -> Kind:
        """What the name says that the object is."""
        ending = self.extension.lower()
        if self._is_noise:
            return "noise"
        if self._is_meant_for_its_folder:
            return "folder_instruction"
        if ending in picture_formats.ENDINGS:
            return "photo"
        return KINDS.get(ending, "unsupported")

    @property
    def _is_noise(self) -> bool:
        """Whether no person has put it there."""
        *folders, name = self.key.lower().split("/")
        # `.` and `..` hide nothing: S3 knows no folders, and they are names like others.
        hidden = any(segment.startswith(".") and segment.strip(".") for segment in (*folders, name))
        left_over = name.startswith("~$") or name in _NOISE_NAMES or self.extension.lower() in _NOISE_ENDINGS
        return not name or hidden or left_over or not _NOISE_FOLDERS.isdisjoint(folders)

    @property
    def _is_meant_for_its_folder(self) -> bool:
        """Whether it is a folder's instruction, or nearly has the name of one. In `threads/` any text is a turn's."""
        if self.extension.lower() != ".txt":
            return False
        letters = "".join(filter(str.isalpha, self.name.lower().partition(".")[0]))
        named = any(is_near(letters, name) for name in INSTRUCTION_NAMES)
        return named and (self.name.startswith("_") or not self.is_in_threads)

    @property
    def thread(self) -> str:
        """The thread that its key says, where its metadata names none."""
        return keys.thread_of(self.home)

    @property
    def home(self) -> str:
        """Where it is remembered, by what its key says."""
        folder = self.key.removeprefix(THREADS_PREFIX).rpartition("/")
        if self.is_in_threads and folder[1]:
            return keys.home_of(folder[0])
        return keys.home_of(self.stem)

    @property
    def is_in_threads(self) -> bool:
        """Whether it lies where the folder, and not the name, says the thread."""
        return self.key.startswith(THREADS_PREFIX)

    @property
    def top(self) -> str:
        """Where in the bucket it is, roughly."""
        return top(self.key)


def of_key(bucket: str, key: str) -> Upload:
    """An object of which no more is known than its key."""
    return Upload(bucket, key, "", None, "", 1, 0.0)


def extension(name: str) -> str:
    """A name's last extension with its dot, as it was written; of one that is all dots or dotless, none."""
    dot = name.rfind(".")
    return name[dot:] if dot > 0 else ""


def is_near(given: str, wanted: str) -> bool:
    """Whether a name is the wanted one, but for a letter that was left out, added, changed or swapped with the next."""
    pairs = enumerate(zip(given, wanted, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(given), len(wanted)))
    rest, right = given[same:], wanted[same:]
    is_swapped = rest[:2] == right[1::-1] and rest[2:] == right[2:]
    return rest[1:] == right[1:] or rest[1:] == right or rest == right[1:] or is_swapped


def top(key: str) -> str:
    """A key's first folder, none at the root; or the whole folder of a thread."""
    if key.startswith(THREADS_PREFIX):
        return key.rpartition("/")[0]
    return key.partition("/")[0] if "/" in key else ""


def folder_instructions(key: str) -> Iterator[str]:
    """The keys of the folder instructions that may hold for an object, nearest first."""
    folder = key
    while folder:
        folder = folder.rpartition("/")[0]
        yield f"{folder}/{FOLDER_INSTRUCTION}" if folder else FOLDER_INSTRUCTION


class Owner(NamedTuple):
    """An upload as the owner of names, where folders are kept apart; `thread` is the one that its key says."""

    bucket: str
    key: str
    stem: str
    thread: str

    def strangers(self, thread: str, images: Sequence[ImageRef], field: str = "thread_id") -> list[FieldFault]:
        """What it names that is not its own; `field` is where it names the thread."""
        said = "is not of the upload's own folder, and this stack keeps folders apart"
        faults = [FieldFault(f"images.{at}", said) for at, image in enumerate(images) if not self._has(image)]
        return faults if self._may_name(thread) else [FieldFault(field, said), *faults]

    def _may_name(self, thread: str) -> bool:
        """A thread's id is in NFC, so a folder that is not would have the threads of another. One that is a hash is of
        the key that has this hash, and not of one that is spelled like it.
        """
        own, name = _folder(self.key), self.stem.removeprefix(THREADS_PREFIX)
        if is_decomposed(self.key) or (keys.is_hashed(thread) and name.startswith(thread)):
            return False
        return thread == self.thread or (own is not None and thread.partition("/")[0] == own)

    def _has(self, image: ImageRef) -> bool:
        """Uploads are told apart byte for byte; results lie where their thread says."""
        own, extension = _folder(self.key), image.key.removeprefix(self.stem)
        if image.bucket == self.bucket:
            is_of_stem = image.key.startswith(self.stem) and extension[:1] in ("", ".") and "/" not in extension
            return (is_of_stem and "." not in extension[1:]) if own is None else _folder(image.key) == own
        thread = image.key.removeprefix(THREADS_PREFIX).rpartition("/")[0].rpartition("/")[0]
        return image.key.startswith(THREADS_PREFIX) and self._may_name(thread)


def _folder(key: str) -> str | None:
    """A key's first folder, and of `threads/<x>/` the x; None at the root."""
    in_thread = key.removeprefix(THREADS_PREFIX)
    path = in_thread if "/" in in_thread else key
    return path.partition("/")[0] if "/" in path else None


def is_decomposed(key: str) -> bool:
    """Whether the key's first folder is not in NFC, as the ids of threads are."""
    own = _folder(key)
    return own is not None and not unicodedata.is_normalized("NFC", own)
