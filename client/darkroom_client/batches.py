"""A batch file as the stack remembers it."""

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.batches import batch_file
from darkroom.batches.batch_file import BatchFile
from darkroom.domain.upload import Upload
from darkroom_client.errors import NotFound


def newest_batch(table: Table, bucket: str, key: str) -> BatchFile:
    """The newest batch of an upload's key. Raises NotFound where there is none."""
    upload = Upload(bucket, key, "", None, "", 0, 0.0)
    seen = DynamoUploadState(table).stem(upload.home, upload.stem).seen.get(upload.extension)
    if upload.kind != "batch" or seen is None:
        raise NotFound(f"No batch file {key!r} has been uploaded.", f"Give its key as it lies in {bucket}.")
    return batch_file.uploaded(upload, seen.generation or 0)
