"""An upload: what its name says it is, and the thread that it belongs to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from darkroom.domain import keys, picture_formats

FOLDER_INSTRUCTION = "_instruction.txt"
THREADS_PREFIX = "threads/"

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

    @property
    def name(self) -> str:
        """The key's last segment."""
        return self.key.rpartition("/")[2]

    @property
    def extension(self) -> str:
        """The last extension with its dot, as it was written; of a name that is all dots or dotless, none."""
        dot = self.name.rfind(".")
        return self.name[dot:] if dot > 0 else ""

    @property
    def stem(self) -> str:
        """The key without its last extension."""
        return self.key.removesuffix(self.extension) if self.extension else self.key

    @property
    def kind(self) -> Kind:
        """What the name says that the object is."""
        name, extension = self.name.lower(), self.extension.lower()
        # `.` and `..` hide nothing: S3 knows no folders, and they are names like others.
        hidden = any(segment.startswith(".") and segment.strip(".") for segment in self.key.split("/"))
        if not name or hidden or name == "thumbs.db" or extension in (".tmp", ".part"):
            return "noise"
        if name == FOLDER_INSTRUCTION:
            return "folder_instruction"
        if extension in picture_formats.ENDINGS:
            return "photo"
        return KINDS.get(extension, "unsupported")

    @property
    def thread(self) -> str:
        """The thread that its key says, where its metadata names none."""
        folder = self.key.removeprefix(THREADS_PREFIX).rpartition("/")
        if self.key.startswith(THREADS_PREFIX) and folder[1]:
            return keys.thread_of(folder[0])
        return keys.thread_of(self.stem)

    @property
    def top(self) -> str:
        """Where in the bucket it is, roughly."""
        return top(self.key)


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
