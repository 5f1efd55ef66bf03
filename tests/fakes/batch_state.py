"""The batch state in memory, held to the contract tests of the real one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from darkroom.batches.ports import Answered, Progress, Sent
from darkroom.errors import Outdated


class MemoryBatchState:
    """The batch state in memory, shared by all processes."""

    def __init__(self) -> None:
        self.batches: dict[str, Progress] = {}
        self.lines: dict[str, dict[int, Sent | Answered]] = {}
        self.stopped: set[str] = set()
        self.known_ids: dict[str, dict[int, str | None]] = {}

    def progress(self, batch: str) -> Progress:
        return self.batches.get(batch, Progress())

    def stop(self, batch: str) -> None:
        self.stopped.add(batch)

    def is_stopped(self, batch: str) -> bool:
        return batch in self.stopped

    def save(self, batch: str, progress: Progress, line: Sent | Answered | None = None) -> Progress:
        if self.progress(batch).version != progress.version:
            raise Outdated
        self.batches[batch] = replace(progress, version=progress.version + 1)
        if line:
            self.lines.setdefault(batch, {})[line.position] = line
        return self.batches[batch]

    def save_ids(self, batch: str, first: int, ids: Sequence[str | None]) -> None:
        self.known_ids.setdefault(batch, {}).update(enumerate(ids, start=first))

    def ids(self, batch: str) -> Mapping[int, str | None]:
        return self.known_ids.get(batch, {})

    def sent(self, batch: str, position: int) -> Sent:
        line = self.lines[batch][position]
        if isinstance(line, Answered):
            raise Outdated
        return line

    def answers(self, batch: str) -> Iterator[str]:
        for _, line in sorted(self.lines.get(batch, {}).items()):
            if isinstance(line, Answered):
                yield line.text
