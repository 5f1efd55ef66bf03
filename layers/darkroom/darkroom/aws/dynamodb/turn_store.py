"""The turns of a thread in the table, with a summary beside some of them for readers who need only a part."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Condition, Table, Write
from darkroom.domain import outcome
from darkroom.domain.outcome import Outcome, Source
from darkroom.domain.thread import PAGE_TURNS, Past

FIRST = "TURN#00000"
LAST = "TURN#99999"


class DynamoTurns:
    """The turns of `thread`, in the thread's partition."""

    def __init__(self, table: Table, thread_id: str) -> None:
        self._table = table
        self._thread_id = thread_id

    def page(self, newest: int | None) -> Sequence[Outcome]:
        """See `thread.Turns`."""
        last = LAST if newest is None else _turn_sk(newest)
        return [of_item(item) for item in self._table.last(self._thread_id, FIRST, last, PAGE_TURNS)]

    def past(self, turn: int) -> Past | None:
        """See `thread.Turns`."""
        item: dict[str, Any] = self._table.item(self._thread_id, _past_sk(turn))
        if not item:
            return None
        first, left_over = item["first_source"], item["left_over"]
        return Past(item["succeeded"], first and Source(**first), tuple(Source(**source) for source in left_over))

    def one(self, turn: int) -> Outcome:
        """A turn that exists."""
        return of_item(self._table.item(self._thread_id, _turn_sk(turn)))

    def added(self, ended: Outcome, past: Past | None) -> list[Write]:
        """The writes that add a turn and its summary, if it has one. They fail if the turn's number is taken."""
        turn = int(ended.turn or 0)
        document = {**_document(ended), "dialect": ended.dialect, **listing.of_ended(ended)}
        if ended.has_state:
            document["has_state"] = True
        del document["thread_id"]  # it is the item's key
        is_new = Condition("attribute_not_exists(sk)")
        writes = [self._table.put(self._thread_id, _turn_sk(turn), document, is_new)]
        if past:
            writes.append(self._table.put(self._thread_id, _past_sk(turn), asdict(past)))
        return writes


def of_item(item: Mapping[str, Any]) -> Outcome:
    """The turn in an item."""
    if not item.get("provenance"):
        return outcome.from_document(item)
    beside = zip(item["images"], item["provenance"], strict=True)
    return outcome.from_document({**item, "images": [{**image, "provenance": said} for image, said in beside]})


def _document(ended: Outcome) -> dict[str, Any]:
    """Return the content of `result.json`, with each image's `provenance` beside the images.

    The keys of an image and of a cost are fixed: the release before this one fails on an unknown one, and ignores a
    turn's.
    """
    document = ended.as_document()
    if ended.cost.images == ended.cost.paid_calls:
        del document["cost"]["images"]
    return {**document, "provenance": [image.pop("provenance") for image in document["images"]]}


def _turn_sk(turn: int) -> str:
    return f"TURN#{turn:05d}"


def _past_sk(turn: int) -> str:
    return f"PAST#{turn:05d}"
