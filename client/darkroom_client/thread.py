"""A conversation as it stands in the stack's table: what has ended in it, and what still waits."""

from operator import itemgetter
from typing import Any

from darkroom_client.results import Result, Waiting, of_document, waiting_of
from darkroom_client.stacks.aws_errors import READER, translated
from darkroom_client.stacks.stack import Stack


class Thread:
    """The thread of this id."""

    def __init__(self, stack: Stack, thread_id: str) -> None:
        self._stack = stack
        self.id = thread_id

    def turns(self) -> list[Result | Waiting]:
        """Its turns in their order, and after them what has not ended, the oldest request first.

        Empty where there is no such thread. A message that nothing has taken up yet is not seen. Raises Trouble.
        """
        return self._stack.up_to_date(lambda: [*self._ended(), *self._open()])

    def exists(self) -> bool:
        """Whether a turn has ended in it, or a request is under way or waits. Raises Trouble."""
        return self._stack.up_to_date(lambda: bool(self._first() or self._open()))

    def latest_success(self) -> int:
        """The number of its newest turn that has a picture, 0 where none has. Raises Trouble."""
        ended = self._stack.up_to_date(self._ended)
        return max((each.turn or 0 for each in ended if each.status == "succeeded"), default=0)

    def request(self, request_id: str) -> dict[str, Any]:
        """The ledger's item of a request, empty where it has none."""
        with translated(READER):
            item: dict[str, Any] = self._table().item(self.id, f"REQUEST#{request_id}")
        return item

    def turn(self, number: int) -> Result | None:
        """The turn of this number, None where there is none. Raises Trouble."""
        with translated(READER):
            item = self._table().item(self.id, f"TURN#{number:05d}")
        return of_document(item, self._stack.s3) if item else None

    def _first(self) -> list[dict[str, Any]]:
        """Its first turn. Tombstones of an erased thread do not count."""
        with translated(READER):
            found: list[dict[str, Any]] = self._table().items(self.id, "TURN#", most=1)
        return found

    def _ended(self) -> list[Result]:
        with translated(READER):
            return [of_document(item, self._stack.s3) for item in self._table().items(self.id, "TURN#")]

    def _open(self) -> list[Waiting]:
        with translated(READER):
            entries = self._table().items(self.id, "REQUEST#")
        open_ones = (entry for entry in entries if entry.get("state") == "open")
        return [waiting_of(entry, self._stack) for entry in sorted(open_ones, key=itemgetter("requested_at"))]

    def _table(self) -> Any:
        from darkroom.aws.dynamodb.table import Table  # an import of the client alone stays with `darkroom.domain`

        return Table(self._stack.dynamodb, self._stack.outputs["ThreadsTable"])
