"""The entity tag of an object as if it were uploaded in one part. A multipart tag depends on how the client cuts it.

Copying an object onto itself (another time, another mode) joins its parts, and S3 then gives it the one-part tag.
"""

import hashlib
from dataclasses import replace

from darkroom.domain.ports import ObjectStore
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.pictures.decoding import MAX_FILE_BYTES

_MARK = "-"  # before the number of parts


def in_one(objects: ObjectStore, arrived: Upload) -> Upload:
    """The upload with its one-part entity tag, which is its MD5. Unchanged if it is over `MAX_FILE_BYTES`."""
    if _MARK not in arrived.etag or arrived.size > MAX_FILE_BYTES:
        return arrived
    image = ImageRef(arrived.bucket, arrived.key, arrived.version_id)
    digest, offset = hashlib.md5(usedforsecurity=False), 0
    while part := objects.part(image, offset):
        digest.update(part)
        offset += len(part)
    return arrived if part is None else replace(arrived, etag=digest.hexdigest())
