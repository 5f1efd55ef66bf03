"""What was refused before it became a turn: a small item each, which stands in the index of its day."""

import time
from collections.abc import Callable

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Table
from darkroom.domain.keys import sha256
from darkroom.domain.outcome import Outcome
from darkroom.domain.timing import LEDGER_KEPT_SECONDS

PARTITION = "/refused"  # no thread's id begins with a slash


class DynamoRefusals:
    """The refusals of `domain.ports`, in the threads table."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def note(self, refused: Outcome, key: str) -> None:
        """See `domain.ports.Refusals`."""
        told = {name: value for name, value in refused.as_document().items() if name in ("status", "error", "cost")}
        words = (refused.instruction or "")[: listing.INSTRUCTION_CHARACTERS]
        expires = {"expires_at": int(self._clock()) + LEDGER_KEPT_SECONDS}
        document = {**told, "key": key, "instruction": words, **listing.of_ended(refused), **expires}
        self._table.write(self._table.put(PARTITION, sha256(key), document))
