"""An upload: what S3 announced, what its name says it is, and the thread that it belongs to."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import unquote_plus

from darkroom import naming

PHOTO_EXTENSIONS = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif")
)
FOLDER_INSTRUCTION = "_instruction.txt"
THREADS_PREFIX = "threads/"

Kind = Literal["photo", "text", "folder_instruction", "noise", "unsupported"]


@dataclass(frozen=True, slots=True)
class Upload:
    """One object's creation. `at` is in seconds since the epoch; the entity tag is without quotes."""

    bucket: str
    key: str
    etag: str
    version_id: str | None
    sequencer: str
    size: int
    at: float

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
        if extension in PHOTO_EXTENSIONS:
            return "photo"
        return "text" if extension == ".txt" else "unsupported"

    @property
    def thread(self) -> str:
        """The thread that its key says, where its metadata names none."""
        folder = self.key.removeprefix(THREADS_PREFIX).rpartition("/")
        if self.key.startswith(THREADS_PREFIX) and folder[1]:
            return naming.thread_of(folder[0])
        return naming.thread_of(self.stem)


def folder_instructions(key: str) -> Iterator[str]:
    """The keys of the folder instructions that may hold for an object, nearest first."""
    folder = key
    while folder:
        folder = folder.rpartition("/")[0]
        yield f"{folder}/{FOLDER_INSTRUCTION}" if folder else FOLDER_INSTRUCTION


def announced(body: str) -> list[Upload]:
    """The uploads in an S3 event notification; none in its test event. Keys come form-encoded."""
    document = json.loads(body)
    if not isinstance(document, dict) or document.get("Event") == "s3:TestEvent":
        return []
    return [
        _upload(record)
        for record in document.get("Records", [])
        if str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:")
    ]


def _upload(record: Mapping[str, Any]) -> Upload:
    announced = record["s3"]["object"]
    return Upload(
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(announced["key"]),
        etag=announced.get("eTag", "").strip('"'),
        version_id=announced.get("versionId"),
        sequencer=announced.get("sequencer", ""),
        size=int(announced.get("size", 0)),
        at=datetime.fromisoformat(record["eventTime"]).timestamp(),
    )
