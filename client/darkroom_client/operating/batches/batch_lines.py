"""The batch files of a backfill: a line a picture, and names that follow from what is asked of what."""

import json
from collections.abc import Iterable, Iterator

from darkroom.batches.batch_file import MAX_LINES
from darkroom.domain import keys
from darkroom.domain.request import Request
from darkroom.domain.upload import Upload

MAX_BYTES = 250_000_000  # of a batch file, whose lines are all held at once here


def key(prefix: str, instruction: str, number: int) -> str:
    """Where the first file lies in the uploads bucket, or the second and each after it."""
    digest = keys.sha256(json.dumps([prefix, instruction]))[:16]
    return f"backfill/{digest}.jsonl" if number == 1 else f"backfill/{digest}-{number}.jsonl"


def custom_id(instruction: str, picture: Upload, attempt: int) -> str:
    """The same for the same words and the same picture at the same key."""
    digest = keys.sha256(json.dumps([instruction, picture.key, picture.etag]))[:16]
    return f"backfill-{digest}" if attempt == 1 else f"backfill-{digest}-{attempt}"


def line(request: Request) -> bytes:
    """The request as a line; its pictures by their names, as everybody may write them."""
    fields = {
        "custom_id": request.request_id,
        "thread_id": request.thread_id,
        "images": [f"s3://{image.bucket}/{image.key}" for image in request.images],
        "parent_turn": request.parent_turn,
        "instruction": request.instruction,
    }
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def bound(max_calls: int) -> bytes:
    """The first line of a file whose lines shall make no more calls than that."""
    return json.dumps({"max_calls": max_calls}).encode() + b"\n"


def parts(lines: Iterable[bytes], most_lines: int = MAX_LINES, most_bytes: int = MAX_BYTES) -> Iterator[list[bytes]]:
    """The lines in files of at most so many lines and bytes."""
    part: list[bytes] = []
    room = most_bytes
    for each in lines:
        if part and (len(part) == most_lines or len(each) > room):
            yield part
            part, room = [], most_bytes
        part.append(each)
        room -= len(each)
    if part:
        yield part
