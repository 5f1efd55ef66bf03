"""Objects in S3: read whole or in parts, written once or over."""

import base64
import binascii
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.errors import code_of, status_of, translate_aws_errors
from darkroom.domain.ports import Fetched, Listed, Stored
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Fault, TooLarge, Unreadable
from darkroom.streaming.blob import CHUNK_BYTES, Blob, File, Hashed, HashedBlob, as_file, sha256

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_MISSING = frozenset(("NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404", "MethodNotAllowed", "405"))
_LOCKED = frozenset(("AccessDenied", "InvalidObjectState", "InvalidRequest"))  # KMS or a policy, an archive, SSE-C
_UNNAMED = (400, 403)  # a HEAD's error has no body with the reason
CONFLICT_TRIES = 5
PART_BYTES = 4 << 20
FETCHED_AT_ONCE = 2  # more of them slow each other down, so that every call would go out late


class S3Objects:
    """The object store of `domain.ports`, on S3."""

    def __init__(self, client: "S3Client", *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self._places = threading.BoundedSemaphore(FETCHED_AT_ONCE)

    def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Stored | None:
        """See `domain.ports.ObjectStore`."""
        with self._opened(ref, most_bytes) as found:
            if found is None:
                return None
            data = found["Body"].read()
        return Stored(data, found["ETag"].strip('"'), found["Metadata"], found["LastModified"].timestamp())

    def fetch(
        self, ref: ImageRef, *, most_bytes: int | None = None, known: Mapping[str, str] | None = None
    ) -> Fetched | None:
        """See `domain.ports.ObjectStore`."""
        with self._places, self._opened(ref, most_bytes) as found:
            if found is None:
                return None
            etag = found["ETag"].strip('"')
            kept = _kept_sha256(found) or (known or {}).get(etag)
            data = (File if kept else Hashed)(found["Body"].iter_chunks(CHUNK_BYTES))
        return Fetched(data, etag, kept or sha256(data), found["Metadata"])

    @contextmanager
    def _opened(self, ref: ImageRef, most_bytes: int | None) -> Iterator["GetObjectOutputTypeDef | None"]:
        with translate_aws_errors():
            found = _answer(self._client.get_object, ref)
            if found is None:
                yield None
                return
            with found["Body"]:
                if most_bytes is not None and found["ContentLength"] > most_bytes:
                    raise TooLarge(f"s3://{ref.bucket}/{ref.key} is over {most_bytes:,} bytes")
                yield found

    def metadata(self, ref: ImageRef) -> Mapping[str, str] | None:
        """See `domain.ports.ObjectStore`."""
        with translate_aws_errors():
            try:
                found = _answer(self._client.head_object, ref)
            except ClientError as error:
                if status_of(error) not in _UNNAMED:
                    raise
                with self._opened(ref, None) as found:
                    return found["Metadata"] if found else None
            return found["Metadata"] if found else None

    def write_once(
        self, bucket: str, key: str, data: Blob, media_type: str, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """See `domain.ports.ObjectStore`. A 409 means that another write to the key is in progress."""
        body = data if isinstance(data, bytes) else as_file(data)  # botocore sends a file only after S3 agrees
        checksum: Any = {}
        if isinstance(data, Hashed | HashedBlob):
            checksum = {"ChecksumSHA256": base64.b64encode(bytes.fromhex(data.sha256)).decode()}
        for tries_left in reversed(range(CONFLICT_TRIES)):
            with translate_aws_errors():
                try:
                    self._client.put_object(
                        Bucket=bucket, Key=key, Body=body, ContentType=media_type, IfNoneMatch="*",
                        Metadata=dict(metadata or {}), **checksum,
                    )  # fmt: skip
                except ClientError as error:
                    if status_of(error) == 412:
                        return False
                    if status_of(error) != 409 or not tries_left:
                        raise
                    self._sleep(0.2)
                else:
                    return True
        raise AssertionError("unreachable: the last try returns or raises")

    def listed(self, bucket: str, folder: str, most: int) -> Listed:
        """See `domain.ports.ObjectStore`. Folders inside it count too, so there may be fewer keys than `most`."""
        with translate_aws_errors():
            found = self._client.list_objects_v2(Bucket=bucket, Prefix=folder, Delimiter="/", MaxKeys=most)
        return Listed([item["Key"] for item in found.get("Contents", [])], found["IsTruncated"])

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        """See `domain.ports.ObjectStore`."""
        bounds = f"bytes={offset}-{offset + PART_BYTES - 1}"
        with translate_aws_errors():
            try:
                found = _answer(self._client.get_object, ref, Range=bounds)
            except ClientError as error:
                if status_of(error) == 416:
                    return b""
                raise
            if found is None:
                return None
            with found["Body"] as body:
                to_skip = 0 if "ContentRange" in found else offset  # a server may answer with the whole object
                while to_skip and (skipped := body.read(min(to_skip, PART_BYTES))):
                    to_skip -= len(skipped)
                piece: bytes = body.read(PART_BYTES)
                return piece

    def write(
        self, bucket: str, key: str, data: IO[bytes], media_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """See `domain.ports.ObjectStore`."""
        with translate_aws_errors():
            self._client.put_object(
                Bucket=bucket, Key=key, Body=data, ContentType=media_type, Metadata=dict(metadata or {})
            )

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """See `domain.ports.ObjectStore`. S3 answers 200 with a list of the objects that it did not delete."""
        with translate_aws_errors():
            told = self._client.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        if errors := told.get("Errors"):
            raise Fault(f"S3 did not delete {len(errors)} objects of {bucket}: {errors[0].get('Code')}")


def _kept_sha256(found: "GetObjectOutputTypeDef") -> str | None:
    """The SHA-256 that S3 keeps for an object written with it. For a multipart object S3 has none of the whole."""
    try:
        return base64.b64decode(found["ChecksumSHA256"], validate=True).hex()
    except (KeyError, binascii.Error):
        return None


def _version(ref: ImageRef) -> dict[str, Any]:
    return {"VersionId": ref.version_id} if ref.version_id else {}


def _answer(ask: Callable[..., Any], ref: ImageRef, **more: Any) -> Any:
    """S3's answer to a read, None if the object does not exist. Raises Unreadable if it may not be read."""
    try:
        return ask(Bucket=ref.bucket, Key=ref.key, **_version(ref), **more)
    except ClientError as error:
        if code_of(error) in _MISSING or _names_no_version(error):
            return None
        if _is_locked(error):
            raise Unreadable(f"s3://{ref.bucket}/{ref.key} may not be read: {code_of(error)}") from error
        raise


def _names_no_version(error: ClientError) -> bool:
    """Whether S3 says that the version id cannot be one."""
    return code_of(error) == "InvalidArgument" and "version id" in _words_of(error)


def _is_locked(error: ClientError) -> bool:
    """Whether the object itself is locked. If the role may not read at all, that is a fault of the deployment."""
    is_the_roles = "no identity-based policy allows the s3:" in _words_of(error)
    return (code_of(error) in _LOCKED and not is_the_roles) or code_of(error).startswith("KMS.")


def _words_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Message", "")
