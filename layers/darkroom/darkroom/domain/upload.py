"""An upload: the kind that its name gives it, and the thread that it belongs to."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from darkroom.domain import keys, picture_formats
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import FieldFault

FOLDER_INSTRUCTION = "_instruction.txt"
THREADS_PREFIX = "threads/"
SHARED_INSTRUCTIONS = (FOLDER_INSTRUCTION, THREADS_PREFIX + FOLDER_INSTRUCTION)  # they cover many first folders
OWN_FOLDER = (
    "Name only threads and pictures of the upload's own first folder; at the root, only those of the file's own name. "
    "Put the file into the folder that it is about, or into a folder of its own, and upload that."
)
INSTRUCTION_NAMES = ("instruction", "instructions")

# Files that systems and programs leave beside a person's own, in lower case. Some are copies of photos.
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
    """The creation of one object. `at` is in seconds since the epoch. `heard_at` is the first receipt of its message,
    which comes later under load. The entity tag is without quotes.
    """

    bucket: str
    key: str
    etag: str
    version_id: str | None
    sequencer: str
    size: int
    at: float
    heard_at: float = 0.0
    goes_with: str | None = None  # the stem of its photo, if a text's name is spelled differently

    @property
    def name(self) -> str:
        """The key's last segment."""
        return self.key.rpartition("/")[2]

    @property
    def extension(self) -> str:
        """The last extension with its dot, as written. Empty for a name of dots only or without a dot."""
        return extension(self.name)

    @property
    def stem(self) -> str:
        """The key without its last extension, or the stem that it goes with."""
        return self.goes_with or (self.key.removesuffix(self.extension) if self.extension else self.key)

    @property
    def slot(self) -> str:
        """Its name within its stem: its extension, or its whole name if that is spelled differently."""
        return f"/{self.name}" if self.goes_with else self.extension

    @property
    def folder(self) -> str:
        """The key including its last slash."""
        return self.key[: len(self.key) - len(self.name)]

    @property
    def kind(self) -> Kind:
        """The kind of the object, from its name."""
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
        """Whether a system or a program left it, rather than a person."""
        *folders, name = self.key.lower().split("/")
        # `.` and `..` hide nothing: S3 knows no folders, and they are names like others.
        hidden = any(segment.startswith(".") and segment.strip(".") for segment in (*folders, name))
        left_over = name.startswith("~$") or name in _NOISE_NAMES or self.extension.lower() in _NOISE_ENDINGS
        return not name or hidden or left_over or not _NOISE_FOLDERS.isdisjoint(folders)

    @property
    def _is_meant_for_its_folder(self) -> bool:
        """Whether it is a folder's instruction, or nearly has that name. In `threads/` any text belongs to a turn."""
        if self.extension.lower() != ".txt":
            return False
        letters = "".join(filter(str.isalpha, self.name.lower().partition(".")[0]))
        named = any(is_near(letters, name) for name in INSTRUCTION_NAMES)
        return named and (self.name.startswith("_") or not self.is_in_threads)

    @property
    def thread(self) -> str:
        """The thread that its key gives, unless its metadata names one."""
        return keys.thread_of(self.home)

    @property
    def home(self) -> str:
        """The partition of its state, from its key."""
        folder = self.key.removeprefix(THREADS_PREFIX).rpartition("/")
        if self.is_in_threads and folder[1]:
            return keys.home_of(folder[0])
        return keys.home_of(self.stem)

    @property
    def is_in_threads(self) -> bool:
        """Whether the folder gives the thread, and not the name."""
        return self.key.startswith(THREADS_PREFIX)

    @property
    def top(self) -> str:
        """Its first folder, or its thread's folder."""
        return top(self.key)


def of_key(bucket: str, key: str) -> Upload:
    """An object with only its key known."""
    return Upload(bucket, key, "", None, "", 1, 0.0)


def extension(name: str) -> str:
    """A name's last extension with its dot, as written. Empty for a name of dots only or without a dot."""
    dot = name.rfind(".")
    return name[dot:] if dot > 0 else ""


def is_near(given: str, wanted: str) -> bool:
    """Whether a name differs from the wanted one by at most one letter left out, added, changed or swapped."""
    pairs = enumerate(zip(given, wanted, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(given), len(wanted)))
    rest, right = given[same:], wanted[same:]
    is_swapped = rest[:2] == right[1::-1] and rest[2:] == right[2:]
    return rest[1:] == right[1:] or rest[1:] == right or rest == right[1:] or is_swapped


def top(key: str) -> str:
    """A key's first folder, empty at the root; in `threads/`, the whole folder."""
    if key.startswith(THREADS_PREFIX):
        return key.rpartition("/")[0]
    return key.partition("/")[0] if "/" in key else ""


def folder_instructions(key: str) -> Iterator[str]:
    """The keys of the folder instructions that may apply to an object, nearest first."""
    folder = key
    while folder:
        folder = folder.rpartition("/")[0]
        yield f"{folder}/{FOLDER_INSTRUCTION}" if folder else FOLDER_INSTRUCTION


class Owner(NamedTuple):
    """An upload and the names that it may use, where folders are kept apart. `thread` is the one that its key gives."""

    bucket: str
    key: str
    stem: str
    thread: str

    def strangers(self, thread: str, images: Sequence[ImageRef], field: str = "thread_id") -> list[FieldFault]:
        """Faults for the names that are not its own. `field` is the place of the thread's name."""
        said = "is not of the upload's own folder, and this stack keeps folders apart"
        faults = [FieldFault(f"images.{at}", said) for at, image in enumerate(images) if not self._has(image)]
        return faults if self._may_name(thread) else [FieldFault(field, said), *faults]

    def _may_name(self, thread: str) -> bool:
        """Whether the thread is its own. Thread ids are in NFC, so a folder in another form would share its
        threads with the NFC one. A hashed id belongs to the key with that hash, not to a key spelled like it.
        """
        own, name = _folder(self.key), self.stem.removeprefix(THREADS_PREFIX)
        if is_decomposed(self.key) or (keys.is_hashed(thread) and name.startswith(thread)):
            return False
        return thread == self.thread or (own is not None and thread.partition("/")[0] == own)

    def _has(self, image: ImageRef) -> bool:
        """Whether the picture is its own. Uploads are compared byte for byte; a result belongs to its thread."""
        own, extension = _folder(self.key), image.key.removeprefix(self.stem)
        if image.bucket == self.bucket:
            is_of_stem = image.key.startswith(self.stem) and extension[:1] in ("", ".") and "/" not in extension
            return (is_of_stem and "." not in extension[1:]) if own is None else _folder(image.key) == own
        thread = image.key.removeprefix(THREADS_PREFIX).rpartition("/")[0].rpartition("/")[0]
        return image.key.startswith(THREADS_PREFIX) and self._may_name(thread)


def _folder(key: str) -> str | None:
    """A key's first folder, or the x of `threads/<x>/`; None at the root."""
    in_thread = key.removeprefix(THREADS_PREFIX)
    path = in_thread if "/" in in_thread else key
    return path.partition("/")[0] if "/" in path else None


def is_decomposed(key: str) -> bool:
    """Whether the key's first folder differs from its NFC form, which thread ids use."""
    own = _folder(key)
    return own is not None and not unicodedata.is_normalized("NFC", own)
