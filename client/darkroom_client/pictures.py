"""A person's own pictures on their way to a request: they lie below `.client/` in the uploads bucket, once each.

An object in a folder whose name begins with a dot starts nothing. The key follows from the bytes and the name, so that
a request that is sent again names the same picture.
"""

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from darkroom.domain import picture_formats, upload
from darkroom_client.errors import Invalid
from darkroom_client.stacks.aws_errors import SENDER, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Given = str | bytes | os.PathLike[str]
"""A picture as a caller names it: a path, its bytes, or the `s3://` URI of one that is there already."""

FOLDER = ".client/"
MAX_FILE_BYTES = 100_000_000  # the functions take no larger one
KEPT_DAYS = 400  # the bucket's lifecycle rule
FRESH_DAYS = 300  # an older one is uploaded again, and so outlives whatever waits for it
_MAGIC = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"), (b"RIFF", ".webp"), (b"BM", ".bmp"))


@dataclass(frozen=True, slots=True)
class LocalPicture:
    """A picture of this machine's, by its bytes."""

    name: str
    data: bytes

    @property
    def key(self) -> str:
        """Its place in the uploads bucket."""
        return f"{FOLDER}{hashlib.sha256(self.data).hexdigest()}/{self.name}"

    def upload(self, s3: "S3Client", bucket: str) -> None:
        """Puts it there, unless it lies there already. Raises Trouble."""
        with translated(SENDER):
            listed = s3.list_objects_v2(Bucket=bucket, Prefix=self.key).get("Contents", [])
            oldest = datetime.now(UTC) - timedelta(days=FRESH_DAYS)
            if any(each["Key"] == self.key and each["LastModified"] > oldest for each in listed):
                return
            s3.put_object(
                Bucket=bucket,
                Key=self.key,
                Body=self.data,
                ContentType=_media_type(self.name),
                ContentDisposition=f"attachment; filename*=UTF-8''{quote(self.name)}",
            )


def placed(given: Sequence[Given], bucket: str) -> tuple[list[str], list[LocalPicture]]:
    """The URIs of all of the pictures, in their order, and those of them that have to be uploaded. Raises Invalid."""
    uris, ours = [], []
    for each in given:
        if isinstance(each, str) and each.startswith("s3://"):
            uris.append(each)
            continue
        picture = _of_bytes(each) if isinstance(each, bytes) else _of_file(Path(each))
        uris.append(f"s3://{bucket}/{picture.key}")
        ours.append(picture)
    return uris, ours


def _of_bytes(data: bytes) -> LocalPicture:
    ending = next((ending for magic, ending in _MAGIC if data.startswith(magic)), "")
    return _of_size(LocalPicture(f"picture{ending}", data), "The picture")


def _of_file(path: Path) -> LocalPicture:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _too_large(str(path))
        data = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    name = unicodedata.normalize("NFC", path.name)
    printable = "".join("_" if unicodedata.category(each) in ("Cc", "Cs") else each for each in name)
    return _of_size(LocalPicture(printable, data), str(path))


def _of_size(picture: LocalPicture, named: str) -> LocalPicture:
    if not picture.data:
        raise Invalid(f"{named} is empty")
    if len(picture.data) > MAX_FILE_BYTES:
        raise _too_large(named)
    return picture


def _too_large(named: str) -> Invalid:
    return Invalid(f"{named} is larger than {MAX_FILE_BYTES // 1_000_000} MB", "Make the picture smaller.")


def _media_type(name: str) -> str:
    ending = upload.extension(name).lower()
    known = (each.media_type for each in picture_formats.FORMATS.values() if ending in each.endings)
    return next(known, "application/octet-stream")
