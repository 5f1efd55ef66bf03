"""An upload: what S3 announced, what its name says it is, and the thread that it belongs to."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote_plus

from darkroom import naming
from darkroom.errors import Fault
from darkroom.reading import Faults, Shape, array, optional, record, text, value, whole

PHOTO_EXTENSIONS = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif")
)
FOLDER_INSTRUCTION = "_instruction.txt"
THREADS_PREFIX = "threads/"

Kind = Literal["photo", "text", "folder_instruction", "request", "batch", "noise", "unsupported"]
KINDS: Mapping[str, Kind] = {".txt": "text", ".json": "request", ".jsonl": "batch"}


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
        if extension in PHOTO_EXTENSIONS:
            return "photo"
        return KINDS.get(extension, "unsupported")

    @property
    def thread(self) -> str:
        """The thread that its key says, where its metadata names none."""
        folder = self.key.removeprefix(THREADS_PREFIX).rpartition("/")
        if self.key.startswith(THREADS_PREFIX) and folder[1]:
            return naming.thread_of(folder[0])
        return naming.thread_of(self.stem)

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


def _moment(given: Any) -> datetime:
    """A time with its zone that can be written in UTC."""
    if not isinstance(given, str) or (moment := datetime.fromisoformat(given)).tzinfo is None:
        raise ValueError("must be a time with its zone")
    if not _FIRST <= moment < _LAST:
        raise ValueError("must be between 1970 and 9999")
    return moment


_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_TEXT = value(text(0))
_OBJECT = record(
    {
        "key": value(text(1)),
        "eTag": _TEXT,
        "versionId": optional(_TEXT),
        "sequencer": _TEXT,
        "size": value(whole(0)),
    },
    required=("key",),
    is_open=True,
)
_ENTITY = record(
    {"bucket": record({"name": _TEXT}, required=("name",), is_open=True), "object": _OBJECT},
    required=("bucket", "object"),
    is_open=True,
)
# What S3 announces of one object.
_RECORD = record({"eventTime": value(_moment), "s3": _ENTITY}, required=("eventTime", "s3"), is_open=True)
_NOTIFICATION = record({"Records": array(record({}, is_open=True))}, is_open=True)


def announced(body: str, *, heard_at: float = 0.0) -> list[Upload]:
    """The uploads in an S3 event notification; none in its test event. Raises Fault where it is no notification."""
    try:
        notification = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _no_notification("body") from error
    _read(_NOTIFICATION, notification)
    records = notification.get("Records", [])
    return [_upload(_read(_RECORD, record), heard_at) for record in records if _is_creation(record)]


def _read(shape: Shape, document: object) -> Any:
    faults: Faults = []
    taken = shape("", document, faults)
    if faults:
        raise _no_notification(faults[0].field)
    return taken


def _no_notification(field: str) -> Fault:
    return Fault(f"a message of the upload events' queue is no S3 event notification: {field}")


def _is_creation(record: Mapping[str, Any]) -> bool:
    return str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:")


def _upload(record: Mapping[str, Any], heard_at: float) -> Upload:
    """Keys come form-encoded."""
    described = record["s3"]["object"]
    return Upload(
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(described["key"]),
        etag=described.get("eTag", "").strip('"'),
        version_id=described.get("versionId"),
        sequencer=described.get("sequencer", ""),
        size=described.get("size", 1),
        at=record["eventTime"].timestamp(),
        heard_at=heard_at,
    )
