"""An upload: what S3 announced, what its name says it is, and the thread that it belongs to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from darkroom import naming
from darkroom.errors import Fault

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


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: Annotated[str, Field(min_length=1)]
    entity_tag: str = Field("", alias="eTag")
    version_id: str | None = Field(None, alias="versionId")
    sequencer: str = ""
    size: Annotated[int, Field(ge=0)] = 1  # where nobody says it, it is not taken for empty


class _Entity(BaseModel):
    bucket: _Bucket
    object: _Object


class _Record(BaseModel):
    """What S3 announces of one object; its time is one that can be written in UTC."""

    event_time: AwareDatetime = Field(
        alias="eventTime", ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC)
    )
    s3: _Entity


class _Notification(BaseModel):
    records: list[dict[str, Any]] = Field([], alias="Records")


def announced(body: str, *, heard_at: float = 0.0) -> list[Upload]:
    """The uploads in an S3 event notification; none in its test event. Raises Fault where it is no notification."""
    try:
        records = _Notification.model_validate_json(body.encode(errors="replace")).records
        return [_upload(_Record.model_validate(record), heard_at) for record in records if _is_creation(record)]
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise Fault(f"a message of the upload events' queue is no S3 event notification: {field or 'body'}") from error


def _is_creation(record: Mapping[str, Any]) -> bool:
    return str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:")


def _upload(record: _Record, heard_at: float) -> Upload:
    """Keys come form-encoded."""
    described = record.s3.object
    return Upload(
        bucket=record.s3.bucket.name,
        key=unquote_plus(described.key),
        etag=described.entity_tag.strip('"'),
        version_id=described.version_id,
        sequencer=described.sequencer,
        size=described.size,
        at=record.event_time.timestamp(),
        heard_at=heard_at,
    )
