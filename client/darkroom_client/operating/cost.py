"""Adds up calls, pictures and money by day, thread, folder or model, from the index of ended requests."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from darkroom.aws.dynamodb.items import from_item, to_item
from darkroom.aws.dynamodb.table import Table
from darkroom_client.operating.ended import Ended, ended
from darkroom_client.stacks.aws_errors import OPERATOR, translated
from darkroom_client.stacks.stack import Stack

MAX_AT_ONCE = 100  # items that DynamoDB gives at once
KEYS: Mapping[str, Callable[[Ended], str]] = {
    "day": lambda each: each.at[:10],
    "thread": lambda each: each.thread_id or "",
    "folder": lambda each: (each.thread_id or "").rpartition("/")[0],
    "model": lambda each: each.model or "",
}


@dataclass
class Spent:
    """A sum. Amounts are kept by currency, because a price may have been stated in another one."""

    calls: int = 0
    images: int = 0
    unpriced_calls: int = 0
    amounts: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, each: Ended, images: int) -> None:
        """Adds what a request cost, and the pictures that it made."""
        self.calls += each.paid_calls
        self.images += images
        if each.amount is None:
            self.unpriced_calls += each.paid_calls
        else:
            self.amounts[each.currency or ""] += Decimal(str(each.amount))

    @property
    def amount(self) -> float | None:
        """The money, as far as the price was known; None where it never was, or in two currencies."""
        if len(self.amounts) > 1 or (not self.amounts and self.calls):
            return None
        return float(sum(self.amounts.values()))

    @property
    def currency(self) -> str | None:
        """Its currency, None where there is none or more than one."""
        return next(iter(self.amounts)) or None if len(self.amounts) == 1 else None


@dataclass
class Bill:
    """The spending in all, and by group."""

    total: Spent
    groups: dict[str, Spent]

    def document(self) -> dict[str, Any]:
        """As `--json` tells it."""
        total = self.total
        groups = [
            {"key": key, "calls": each.calls, "images": each.images, "amount": each.amount}
            for key, each in self.groups.items()
        ]
        summed = {"calls": total.calls, "images": total.images, "amount": total.amount, "currency": total.currency}
        return {**summed, "groups": groups}


def cost(stack: Stack, prefix: str, by: str, since: datetime) -> Bill:
    """Adds up the spending since then on the threads whose ids begin with `prefix`. Raises Trouble."""
    with translated(OPERATOR):
        table = Table(stack.dynamodb, stack.outputs["ThreadsTable"])
        found = [each for each in _ended(table, since, stack.now()) if (each.thread_id or "").startswith(prefix)]
        images = _images(stack, found)
    bill, key = Bill(Spent(), {}), KEYS[by]
    for each in found:
        made = images.get((each.thread_id, each.turn), 0)
        if each.paid_calls or made:
            bill.total.add(each, made)
            bill.groups.setdefault(key(each), Spent()).add(each, made)
    order = sorted(bill.groups.items(), key=lambda group: group[0] if by == "day" else (-group[1].calls, group[0]))
    bill.groups = dict(order)
    return bill


def _ended(table: Table, since: datetime, now: float) -> Iterator[Ended]:
    at, day, last = _timestamp(since), since.date(), datetime.fromtimestamp(now, UTC).date()
    while day <= last:
        yield from (each for each in ended(table, day.isoformat()) if each.at >= at)
        day += timedelta(days=1)


def _images(stack: Stack, found: Iterable[Ended]) -> dict[tuple[str | None, int | None], int]:
    """How many pictures each turn has: the index does not say it, and so they are looked up, a hundred at once."""
    name = stack.outputs["ThreadsTable"]
    keys = [{"thread_id": each.thread_id, "sk": f"TURN#{each.turn:05d}"} for each in found if not each.is_failed]
    images = {}
    for first in range(0, len(keys), MAX_AT_ONCE):
        some = [to_item(key) for key in keys[first : first + MAX_AT_ONCE]]
        left: Any = {name: {"Keys": some, "ProjectionExpression": "thread_id, turn, images"}}
        while left:
            answer = stack.dynamodb.batch_get_item(RequestItems=left)
            for item in map(from_item, answer["Responses"].get(name, [])):
                images[item["thread_id"], item["turn"]] = len(item["images"])
            left = answer.get("UnprocessedKeys")
    return images


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
