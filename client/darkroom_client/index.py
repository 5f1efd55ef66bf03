"""Reads the stack's index: its threads, and the requests that end during a watch. No bucket is listed, and no table is
scanned. A request that is under way stands in no index; one that waits does.
"""

import heapq
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal, NamedTuple

from darkroom.domain import keys, outcome
from darkroom_client.results import PAUSED
from darkroom_client.stacks.aws_errors import READER, translated
from darkroom_client.stacks.stack import Stack

MAX_WAITING = 5000  # the newest waiting requests; other threads have their newest turn
OVERLAP = timedelta(minutes=2)  # so much later than the moment that it names may an item appear
_DAY = timedelta(days=1)

Item = dict[str, Any]


class Summary(NamedTuple):
    """A thread by its newest turn, or by what waits in it. `latest_turn` is 0 where none has ended.

    `code` is the error's or, where it waits, the cause. `updated_at` is when that turn ended, or when the request was
    asked: ISO 8601 in UTC.
    """

    thread_id: str
    latest_turn: int
    status: Literal["succeeded", "failed", "waiting"]
    instruction: str
    updated_at: str
    code: str | None


class Ended(NamedTuple):
    """A request that has ended. `thread_id` and `turn` are None where it took no turn.

    `result_key` is where its `result.json` lies in the results bucket.
    """

    thread_id: str | None
    turn: int | None
    request_id: str | None
    status: Literal["succeeded", "failed"]
    instruction: str
    error: Mapping[str, Any] | None
    cost: Mapping[str, Any]
    ended_at: str
    result_key: str


class Index:
    """The index of a stack. `now` is the caller's clock, which says no more than which days there are."""

    def __init__(self, stack: Stack, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._stack = stack
        self._now = now

    def threads(self, since: datetime, prefix: str = "", words: str = "") -> Iterator[Summary]:
        """The threads in which something has ended since then, or waits, the newest first, each as it is found.

        One instruction of the thread since then holds all of the `words`, in any order, in small letters or capitals.
        Raises Trouble.
        """
        prefix, wanted = unicodedata.normalize("NFC", prefix), words.casefold().split()
        waiting = self._stack.up_to_date(self._waiting)
        newest: dict[str, Item | None] = {}  # a thread that has been told has None
        for item in heapq.merge(waiting.values(), self._since(since), key=_listed_at, reverse=True):
            thread = item["thread_id"]
            if _is_refusal(item) or not thread.startswith(prefix):
                continue
            first = newest.setdefault(thread, item)
            said = (item.get("instruction") or "").casefold()
            if first and all(word in said for word in wanted):
                newest[thread] = None
                yield self._summary(first, waiting.get(thread))

    def ended_from(self, moment: str, days: set[str]) -> Iterator[Item]:
        """The items that ended at this moment or later, on these days, the newest first."""
        from darkroom.aws.dynamodb import listing

        for day in sorted(days, reverse=True):
            with translated(READER):
                for item in listing.ended(self._table(), day):
                    if item["listed_at"] < moment:
                        return
                    yield item

    def around(self) -> set[str]:
        """The days on which something may have ended just now."""
        now = self._now()
        return {(now - OVERLAP).date().isoformat(), (now + OVERLAP).date().isoformat()}

    def _since(self, since: datetime) -> Iterator[Item]:
        """From tomorrow on, for this machine's clock may be late."""
        begin, last = since.astimezone(UTC), (self._now() + _DAY).date()
        count = (last - begin.date()).days + 1
        for day in ((last - number * _DAY).isoformat() for number in range(count)):
            yield from self.ended_from(outcome.timestamp(begin.timestamp()), {day})

    def _waiting(self) -> dict[str, Item]:
        """The newest waiting request of each thread, by its thread, the newest first."""
        from darkroom.aws.dynamodb import listing

        waiting: dict[str, Item] = {}
        with translated(READER):
            newest_first = self._table().listed(listing.INDEX, listing.WAITING, is_newest_first=True)
            for item in islice(newest_first, MAX_WAITING):
                waiting.setdefault(item["thread_id"], item)
        return waiting

    def _summary(self, newest: Item, waits: Item | None) -> Summary:
        thread, told = newest["thread_id"], waits or newest
        error = newest.get("error") or {}
        return Summary(
            thread,
            newest["turn"] if "turn" in newest else self._latest_turn(thread),
            "waiting" if waits else newest["status"],
            told.get("instruction") or "",
            newest["listed_at"],
            self._cause(waits) if waits else error.get("code"),
        )

    def _cause(self, waits: Item) -> str:
        return PAUSED if self._stack.seems_paused() else str(waits["cause"])

    def _latest_turn(self, thread: str) -> int:
        with translated(READER):
            return int(self._table().item(thread, "THREAD").get("latest_turn", 0))

    def _table(self) -> Any:
        from darkroom.aws.dynamodb.table import Table  # an import of the client alone stays with `darkroom.domain`

        return Table(self._stack.dynamodb, self._stack.outputs["ThreadsTable"])


class Watch:
    """The requests that end from now on, of the threads and uploads whose names begin so."""

    def __init__(self, index: Index, prefix: str = "") -> None:
        self._index = index
        self._prefix = unicodedata.normalize("NFC", prefix)
        self._seen: dict[tuple[str, str], str] = {}
        newest = next(index.ended_from("", index.around()), None)
        self._newest = newest["listed_at"] if newest else ""
        self.look()

    def look(self) -> list[Ended]:
        """The requests that ended since the last look, in their order. Raises Trouble."""
        edge = _before(self._newest)
        new = [item for item in self._index.ended_from(edge, self._index.around()) if _key(item) not in self._seen]
        self._seen = {key: at for key, at in self._seen.items() if at >= edge}
        self._seen |= {_key(item): item["listed_at"] for item in new}
        self._newest = max(self._newest, *self._seen.values(), "")
        return [each for each in map(_ended, sorted(new, key=_listed_at)) if self._is_wanted(each)]

    def _is_wanted(self, ended: Ended) -> bool:
        """An upload that became no request is known by its key."""
        name = ended.thread_id or ended.result_key.removeprefix("rejected/uploads/")
        return name.startswith(self._prefix)


def _ended(item: Item) -> Ended:
    is_refusal = _is_refusal(item)
    prefix = "" if is_refusal else keys.turn_prefix(item["thread_id"], item["turn"], item["request_id"])
    return Ended(
        thread_id=None if is_refusal else item["thread_id"],
        turn=item.get("turn"),
        request_id=item.get("request_id"),
        status=item["status"],
        instruction=item.get("instruction") or "",
        error=item.get("error"),
        cost=item["cost"],
        ended_at=item["listed_at"],
        result_key=item["sk"] if is_refusal else f"{prefix}result.json",
    )


def _before(moment: str) -> str:
    return outcome.timestamp((datetime.fromisoformat(moment) - OVERLAP).timestamp()) if moment else ""


def _is_refusal(item: Item) -> bool:
    return str(item["thread_id"]).startswith("/")  # no thread's id does


def _listed_at(item: Item) -> str:
    return str(item["listed_at"])


def _key(item: Item) -> tuple[str, str]:
    return item["thread_id"], item["sk"]
