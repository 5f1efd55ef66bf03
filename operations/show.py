"""Shows what waits and what has ended: `python -m operations.show [DAY] [--failed] [--batch KEY] [--stack NAME |
--port PORT]`.

Without a day it shows what waits, and why; with one (`2026-11-29`, of UTC) what ended on it, the newest first, and
what that cost. All of it is read from one index: no bucket is listed, and the table is not scanned.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.table import Table
from darkroom_client.batches import newest_batch
from darkroom_client.stacks.stack import Stack
from operations import command

WORDS = 60  # characters of an instruction


def waiting(table: Table) -> Iterator[str]:
    """A line for each request that waits, and their sum by cause."""
    causes: Counter[str] = Counter()
    for item in listing.waiting(table):
        causes[item["cause"]] += 1
        until = datetime.fromtimestamp(item["waits_until"], UTC).strftime("%H:%M:%S")
        tried = "once" if item["attempts"] == 1 else f"{item['attempts']} times"
        yield f"{item['cause']:<13} until {until}  tried {tried:<9}  {_named(item)}"
    yield _sum(sum(causes.values()), "waits", "wait", causes)


def ended(table: Table, day: str, *, only_failed: bool = False) -> Iterator[str]:
    """A line for each request that ended on the day, and their sum by code, with the calls that were paid."""
    codes: Counter[str] = Counter()
    paid, amounts = 0, Counter[str]()
    for item in listing.ended(table, day):
        code = item["error"]["code"] if item.get("error") else item["status"]
        codes[code] += 1
        cost = item.get("cost") or {}
        paid += cost.get("paid_calls", 0)
        if cost.get("amount") is not None:
            amounts[str(cost.get("currency") or "")] += cost["amount"]
        if not (only_failed and code == "succeeded"):
            yield f"{item['listed_at'][11:19]}  {code:<20} {_named(item)}"
    yield _sum(sum(codes.values()), "ended", "ended", codes)
    money = "".join(f", {amount:.2f} {currency}".rstrip() for currency, amount in sorted(amounts.items()))
    yield f"{paid} paid calls{money}"


def batch(table: Table, bucket: str, key: str) -> Iterator[str]:
    """How far the newest batch of an upload's key is, and when it may end."""
    state, name = DynamoBatchState(table), newest_batch(table, bucket, key).name
    known = state.progress(name)
    if not known.is_counted:
        yield f"{known.total} lines counted so far"
        return
    ended, under_way = known.succeeded + known.failed, len(known.open)
    stopped = ", stopped" if state.is_stopped(name) else ""
    parts = f"{known.position} taken, {under_way} under way, {ended} ended, {known.failed} failed{stopped}"
    yield f"{known.total} lines: {parts}"
    bound = f" of {known.max_calls} that its first line allows" if known.max_calls else ""
    yield f"{known.paid_calls} paid calls{bound}"
    if 0 < ended < known.total and known.began_at:
        rate = (known.moved_at - known.began_at) / ended
        end = datetime.fromtimestamp(known.moved_at + rate * (known.total - ended), UTC)
        yield f"at this pace it ends at {end.isoformat(timespec='minutes').replace('+00:00', 'Z')}"


def _named(item: dict[str, Any]) -> str:
    is_refusal = item["thread_id"] == listing.REFUSED
    where = item["sk"] if is_refusal else f"{item['thread_id']}  {item['request_id']}"
    words = " ".join(str(item.get("instruction") or "").split())
    return f"{where}  {words[:WORDS]}{'…' if len(words) > WORDS else ''}".rstrip()


def _sum(count: int, one: str, many: str, kinds: Counter[str]) -> str:
    parts = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    return f"{count} {one if count == 1 else many}" + (f": {parts}" if parts else "")


def _asked(table: Table, bucket: str, given: argparse.Namespace) -> Iterator[str]:
    if given.batch:
        return batch(table, bucket, given.batch)
    return ended(table, given.day, only_failed=given.failed) if given.day else waiting(table)


def main() -> int:
    options = command.options("show", "Shows what waits, or what ended.")
    options.add_argument("day", nargs="?", help="what ended on this day of UTC (2026-11-29); default: what waits")
    options.add_argument("--batch", metavar="KEY", help="how far the batch file of this key is")
    options.add_argument("--failed", action="store_true", help="of that only what failed")
    given = options.parse_args()

    def work(stack: Stack) -> None:
        for line in _asked(Table(stack.dynamodb, stack.outputs["ThreadsTable"]), stack.outputs["UploadsBucket"], given):
            command.say(line)

    return command.run(given, work)


if __name__ == "__main__":
    sys.exit(main())
