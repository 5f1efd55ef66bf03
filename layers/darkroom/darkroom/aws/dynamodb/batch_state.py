"""The state of batches, each in a partition of its own: its progress, its lines, and items of five hundred ids."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Condition, ConditionFailed, Table
from darkroom.batches.line_reader import Place
from darkroom.batches.ports import Answered, Progress, Sent
from darkroom.domain.timing import BATCH_KEPT_SECONDS
from darkroom.errors import Outdated

PARTITIONS = "/batches/"  # no thread's id begins with a slash
STOPPED = "STOPPED"


class DynamoBatchState:
    """The batch state of `batches.ports`, in the threads table."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def progress(self, batch: str) -> Progress:
        """See `batches.ports.BatchState`."""
        item = self._table.item(PARTITIONS + batch, "PROGRESS")
        known: dict[str, Any] = {name: item[name] for name in Progress.__dataclass_fields__ if name in item}
        if known:
            known |= {
                "counted": Place(**known["counted"]),
                "read": Place(**known["read"]),
                "open": tuple(known["open"]),
            }
        return Progress(**known)

    def stop(self, batch: str) -> None:
        """Stop the batch: from now on none of its lines is sent."""
        self._table.write(self._table.put(PARTITIONS + batch, STOPPED, self._expires()))

    def is_stopped(self, batch: str) -> bool:
        """See `batches.ports.BatchState`."""
        return bool(self._table.item(PARTITIONS + batch, STOPPED))

    def save(self, batch: str, progress: Progress, line: Sent | Answered | None = None) -> Progress:
        """See `batches.ports.BatchState`."""
        known = replace(progress, version=progress.version + 1)
        partition, expires = PARTITIONS + batch, self._expires()
        unchanged = Condition("version = :before", {"before": progress.version})
        new = Condition("attribute_not_exists(sk)")
        condition = unchanged if progress.version else new
        writes = [self._table.put(partition, "PROGRESS", asdict(known) | expires | self._listed(known), condition)]
        if line:
            writes.append(self._table.put(partition, _line_sk(line.position), asdict(line) | expires))
        try:
            self._table.transact(*writes)
        except ConditionFailed as failed:
            raise Outdated from failed
        return known

    def save_ids(self, batch: str, first: int, ids: Sequence[str | None]) -> None:
        """See `batches.ports.BatchState`. Counting the lines again writes the same ids."""
        document = {"ids": list(ids), **self._expires()}
        self._table.write(self._table.put(PARTITIONS + batch, f"IDS#{first:05d}", document))

    def ids(self, batch: str) -> Mapping[int, str | None]:
        """See `batches.ports.BatchState`."""
        found = self._table.items(PARTITIONS + batch, "IDS#")
        parts = ((int(item["sk"].partition("#")[2]), item["ids"]) for item in found)
        return {first + place: custom_id for first, ids in parts for place, custom_id in enumerate(ids)}

    def sent(self, batch: str, position: int) -> Sent:
        """See `batches.ports.BatchState`."""
        item = self._table.item(PARTITIONS + batch, _line_sk(position))
        if "text" in item:
            raise Outdated
        known: dict[str, Any] = {name: item[name] for name in Sent.__dataclass_fields__ if name in item}
        return Sent(**{**known, "place": Place(**known["place"])})

    def answers(self, batch: str) -> Iterator[str]:
        """See `batches.ports.BatchState`."""
        for item in self._table.each(PARTITIONS + batch, "LINE#", "text"):
            if "text" in item:
                yield item["text"]

    def _listed(self, known: Progress) -> dict[str, str]:
        """The batch's keys in the index. They depend only on its start, so a step writes nothing there."""
        return listing.of_batch(known.began_at or self._clock())

    def _expires(self) -> dict[str, int]:
        return {"expires_at": int(self._clock()) + BATCH_KEPT_SECONDS}


def _line_sk(position: int) -> str:
    return f"LINE#{position:05d}"
