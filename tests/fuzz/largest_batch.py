"""Works through the largest batch on the fakes, and prints the megabytes that it took: `python -m …`."""

import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

from darkroom.aws.s3 import PART_BYTES
from darkroom.batches.batch_file import MAX_LINES, uploaded
from darkroom.batches.ports import Answered, Progress, Sent
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from tests.fakes.batch_state import MemoryBatchState
from tests.unit.batches.batch_world import KEY, BatchWorld, VersionedObjects

LINE = b"x" * 5999 + b"\n"
UNITS_IN_MEGABYTE = 1 << (20 if sys.platform == "darwin" else 10)


class Endless(VersionedObjects):
    """A bucket with one file that is never whole in memory: it repeats one line."""

    def part(self, ref: ImageRef, offset: int) -> bytes:
        end = min(len(LINE) * MAX_LINES, offset + PART_BYTES)
        skip = offset % len(LINE)
        return (LINE * ((end - offset) // len(LINE) + 2))[skip : skip + end - offset]


class OnDisk(MemoryBatchState):
    """A batch state that keeps the answers outside this process's memory, as DynamoDB does."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__()
        self._file = file

    def save(self, batch: str, progress: Progress, line: Sent | Answered | None = None) -> Progress:
        if isinstance(line, Answered):
            self._file.write(line.text + "\n")
            line = Answered(line.position, "")
        return super().save(batch, progress)

    def answers(self, batch: str) -> Iterator[str]:
        self._file.seek(0)
        return (text.rstrip("\n") for text in self._file)


def megabytes() -> int:
    """The peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // UNITS_IN_MEGABYTE


def main() -> None:
    world = BatchWorld()
    world.objects = Endless(world.clock)
    arrived = Upload("uploads", KEY, "etag", None, "0A", len(LINE) * MAX_LINES, 0.0)
    batch = uploaded(arrived, world.upload("x").generation)
    before = megabytes()
    with tempfile.TemporaryFile("w+") as file:
        world.register = OnDisk(file)
        ended = world.run(batch)
    last = world.out[-1]["error"]["message"]
    print(json.dumps({"failed": ended.failed, "last": last, "megabytes": megabytes() - before}))


if __name__ == "__main__":
    main()
