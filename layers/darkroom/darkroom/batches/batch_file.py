"""A batch file: an uploaded `.jsonl` or `.csv`, and its message in the batches' queue."""

import json
from dataclasses import asdict, dataclass

from darkroom.domain import keys
from darkroom.domain.request_schema import Folder, ImageRef
from darkroom.domain.upload import Upload

MAX_LINES = 50_000
MAX_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One upload of a batch file. `generation` numbers the uploads of its stem; `home` is the stem's."""

    bucket: str
    key: str
    etag: str
    version_id: str | None
    generation: int
    home: str
    stem: str

    @property
    def name(self) -> str:
        """The name of this batch."""
        return f"batch:{self.key}#{self.generation}"

    @property
    def extension(self) -> str:
        """Its slot within its stem."""
        return self.key.removeprefix(self.stem)

    @property
    def is_table(self) -> bool:
        """Whether its requests are rows with named columns rather than lines of JSON."""
        return self.extension.lower() == ".csv"

    @property
    def ref(self) -> ImageRef:
        """The exact version that was uploaded."""
        return ImageRef(self.bucket, self.key, self.version_id)

    @property
    def folder(self) -> Folder:
        """The folder that relative keys of pictures start from."""
        return folder_of(self.bucket, self.key)

    @property
    def body(self) -> str:
        """The body of its message."""
        return json.dumps(asdict(self))


def folder_of(bucket: str, key: str) -> Folder:
    """The folder that a file of requests lies in."""
    return Folder(bucket, key[: key.rfind("/") + 1])


def uploaded(upload: Upload, generation: int) -> BatchFile:
    """The batch that an upload begins."""
    return BatchFile(upload.bucket, upload.key, upload.etag, upload.version_id, generation, upload.home, upload.stem)


def from_body(body: str) -> BatchFile:
    """The batch file of a message. Only Darkroom writes into that queue, so the body is trusted."""
    return BatchFile(**json.loads(body))


def answer_key(key: str) -> str:
    """The key of a batch file's answers in the results bucket."""
    return f"batches/{keys.shortened(key)}.out"


def manifest_key(key: str) -> str:
    """The key of the counts of lines that succeeded and failed."""
    return f"batches/{keys.shortened(key)}.manifest.json"
