"""Objects with all of their versions, listed and erased."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from darkroom.aws.errors import translate_aws_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Version(NamedTuple):
    """One version of an object, or a mark that it was deleted; `modified` is in whole seconds, as S3 tells it."""

    key: str
    version_id: str
    modified: int


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
                    yield Version(found["Key"], found["VersionId"], int(found["LastModified"].timestamp()))

    def erase(self, bucket: str, versions: Iterable[Version]) -> int:
        """Erases them for good, and returns how many they were."""
        count = 0
        for version in versions:
            with translate_aws_errors():
                self._client.delete_object(Bucket=bucket, Key=version.key, VersionId=version.version_id)
            count += 1
        return count
