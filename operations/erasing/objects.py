"""Objects with all of their versions, listed and erased."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from darkroom.aws.errors import translate_aws_errors
from darkroom.errors import Fault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

MAX_AT_ONCE = 1000


class Version(NamedTuple):
    """One version of an object, or a mark that it was deleted; `modified` is in seconds since the epoch."""

    key: str
    version_id: str
    modified: float


class Versions:
    """The versions of all objects in a stack's buckets."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def below(self, bucket: str, prefix: str) -> Iterator[Version]:
        """Those whose keys begin so. In a bucket without versions each object has one, `null`."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        with translate_aws_errors():
            for page in pages:
                for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    yield Version(found["Key"], found["VersionId"], found["LastModified"].timestamp())

    def erase(self, bucket: str, versions: Iterable[Version]) -> int:
        """Erases them for good, and returns how many they were. S3 answers 200 and tells what it did not delete."""
        left, count = iter(versions), 0
        while some := list(islice(left, MAX_AT_ONCE)):
            named: list[ObjectIdentifierTypeDef] = [{"Key": each.key, "VersionId": each.version_id} for each in some]
            with translate_aws_errors():
                told = self._client.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
            if errors := told.get("Errors"):
                raise Fault(f"S3 did not delete {len(errors)} objects of {bucket}: {errors[0].get('Code')}")
            count += len(some)
        return count
