"""The pictures that a batch file names: whether they lie in the uploads bucket, for a batch uploads none."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from darkroom.domain.request import Request
from darkroom_client.checking.lines import Fault
from darkroom_client.errors import Denied
from darkroom_client.stacks.aws_errors import OPERATOR, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOKED_AT = 2000  # at most, so that the upload begins soon
AT_ONCE = 8
HINT = "Upload the pictures first: batch does not upload them."


def missing(asked: Iterable[tuple[int, Request]], bucket: str, s3: "S3Client") -> list[Fault]:
    """A fault for each picture that is not in the uploads bucket. None where the caller may not look. Raises Trouble.

    A picture with a version is left to the stack, and so is one that lies in another bucket.
    """
    places: dict[str, list[tuple[int, int]]] = {}
    for line, request in asked:
        for position, image in enumerate(request.images):
            if image.bucket == bucket and not image.version_id:
                places.setdefault(image.key, []).append((line, position))
    keys = list(places)[:LOOKED_AT]
    try:
        with translated(OPERATOR), ThreadPoolExecutor(AT_ONCE) as pool:
            there = list(pool.map(lambda key: _is_there(s3, bucket, key), keys))
    except Denied:
        return []
    gone = [(*place, key) for key, is_there in zip(keys, there, strict=True) if not is_there for place in places[key]]
    return [Fault(line, _said(position, bucket, key), HINT) for line, position, key in sorted(gone)]


def _said(position: int, bucket: str, key: str) -> str:
    way_out = "upload the picture first (batch does not upload pictures)"
    return f"images.{position}: there is no object s3://{bucket}/{key}; {way_out}"


def _is_there(s3: "S3Client", bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return True
