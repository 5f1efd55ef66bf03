"""The end of a request: its outcome with its pictures, or the reason of its wait."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from darkroom.domain import outcome as outcomes
from darkroom.domain.outcome import Caution, Cost, Failure, Outcome, Picture, Status
from darkroom_client.errors import Failed
from darkroom_client.stacks.aws_errors import READER, translated
from darkroom_client.stacks.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1 << 20
PAUSED = "paused"  # a cause of waiting


class Image:
    """A picture that was made. `width` and `height` are pixels, `bytes` is its length; `primary` is what the next
    turn sees.
    """

    def __init__(self, picture: Picture, s3: "S3Client") -> None:
        self._picture = picture
        self._s3 = s3
        self.media_type = picture.media_type
        self.width = picture.width
        self.height = picture.height
        self.bytes = picture.bytes
        self.primary = picture.primary

    @property
    def uri(self) -> str:
        """Where it lies, as a later request may name it: `s3://bucket/key`."""
        return f"s3://{self._picture.bucket}/{self._picture.key}"

    @property
    def name(self) -> str:
        """The last part of its key: `image.png`."""
        return self._picture.key.rpartition("/")[2]

    def read(self) -> bytes:
        """The whole file. Raises Trouble."""
        return b"".join(self._chunks())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the file to `path`, or under its own name into a folder; what was there is replaced at the end.

        Returns where it is. Raises Trouble, and OSError where the disk says so.
        """
        target = Path(path)
        target = target / self.name if target.is_dir() else target
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                file.writelines(self._chunks())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def url(self, expires: int = 3600) -> str:
        """An address from which anybody may download it for so many seconds. AWS allows a week at most."""
        parameters = {
            "Bucket": self._picture.bucket,
            "Key": self._picture.key,
            "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(self.name)}",
        }
        with translated(READER):
            return self._s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=expires)

    def _chunks(self) -> Iterator[bytes]:
        with translated(READER):
            body = self._s3.get_object(Bucket=self._picture.bucket, Key=self._picture.key)["Body"]
            with body:
                yield from body.iter_chunks(_CHUNK_BYTES)


class Result:
    """How a request ended: a view of its `outcome`, whose fields are those of `result.json`."""

    def __init__(self, outcome: Outcome, s3: "S3Client") -> None:
        self.outcome = outcome
        self.images = [Image(picture, s3) for picture in outcome.images]

    @property
    def status(self) -> Status:
        return self.outcome.status

    @property
    def thread_id(self) -> str | None:
        """None where the request was refused before its thread was known."""
        return self.outcome.thread_id

    @property
    def turn(self) -> int | None:
        """Its number in the thread; None where it took no turn."""
        return self.outcome.turn

    @property
    def parent_turn(self) -> int | None:
        return self.outcome.parent_turn

    @property
    def request_id(self) -> str | None:
        return self.outcome.request_id

    @property
    def instruction(self) -> str | None:
        return self.outcome.instruction

    @property
    def text(self) -> str | None:
        """The model's own words."""
        return self.outcome.text

    @property
    def warnings(self) -> list[Caution]:
        """Points to check before you rely on the pictures."""
        return self.outcome.warnings

    @property
    def error(self) -> Failure | None:
        return self.outcome.error

    @property
    def cost(self) -> Cost:
        return self.outcome.cost

    def as_document(self) -> dict[str, Any]:
        """The document of `result.json`."""
        return self.outcome.as_document()

    def raise_for_status(self) -> "Result":
        """Itself. Raises Failed where there is no picture."""
        if self.outcome.error:
            raise Failed(self.outcome.error, self.outcome)
        return self


def of_document(document: Mapping[str, Any], s3: "S3Client") -> Result:
    """The result that a `result.json` holds."""
    return Result(outcomes.from_document(document), s3)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that has not ended. Times are ISO 8601 in UTC.

    `cause` is why it waits, as the log names it (`throttled`, `budget` …), and `until` when it looks again; both are
    None while it is under way. While the stack is paused the cause is `paused`, without `until`, if the caller may know
    that. `since` is when that began, or when it was asked. `instruction` is its beginning.
    """

    request_id: str
    instruction: str | None
    cause: str | None
    since: str | None
    until: str | None
    status: Literal["waiting"] = "waiting"

    def __str__(self) -> str:
        if self.cause is None:
            return "it is under way"
        if self.cause == PAUSED:
            return "it waits, because the stack is paused"
        return f"it waits ({self.cause}) since {self.since} and looks again at {self.until}"


def waiting_of(entry: Mapping[str, Any], stack: Stack) -> Waiting:
    """The wait that an open item of the ledger describes. A pause of the stack goes before its own cause."""
    is_waiting = not entry.get("owner") and "cause" in entry
    began = entry.get("waiting_since" if entry.get("cause") == "budget" else "refused_since") if is_waiting else None
    is_held = is_waiting and stack.seems_paused()
    return Waiting(
        request_id=entry["request_id"],
        instruction=entry.get("instruction"),
        cause=PAUSED if is_held else entry["cause"] if is_waiting else None,
        since=_moment(began) or entry.get("requested_at"),
        until=_moment(entry.get("waits_until")) if is_waiting and not is_held else None,
    )


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
