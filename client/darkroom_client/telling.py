"""Names, moments, numbers and money as a person reads them."""

import re
from datetime import UTC, datetime
from typing import Any

from darkroom.worker.escaping import escaped

JOINERS = "\u200c\u200d"  # Persian and Hindi are written with them, and emoji are put together
_JOINED = re.compile(rf"((?<=[^\x00-\x7f])[{JOINERS}](?=[^\x00-\x7f]))")  # elsewhere they make two names look alike


def name(text: str) -> str:
    """A name that others chose, in one line that cannot steer the terminal."""
    parts = _JOINED.split(text)  # every second one is a joiner
    return "".join(part if place % 2 else escaped(part) for place, part in enumerate(parts))


def when(moment: str | None, now: datetime | None = None) -> str:
    """How long ago that was, or the day where it is long ago."""
    if moment is None:
        return ""
    at = datetime.fromisoformat(moment)
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{at:%Y-%m-%d}" if unit == "d" and seconds >= 7 * length else f"{seconds // length:.0f} {unit} ago"
    return "now" if seconds > -60 else clock(moment)


def clock(moment: str) -> str:
    """The time of day here; of another day with its date."""
    at = datetime.fromisoformat(moment).astimezone()
    is_today = at.date() == datetime.now(at.tzinfo).date()
    return f"{at:%H:%M:%S}" if is_today else f"{at:%Y-%m-%d %H:%M}"


def money(cost: Any) -> str:
    """The price of a request, from an outcome's or the index's `cost`; empty where nothing is known."""
    calls, amount, currency = (cost.get(each) for each in ("paid_calls", "amount", "currency"))
    if amount is not None:
        return f"{amount:.3f}".rstrip("0").ljust(len(f"{amount:.2f}"), "0") + (f" {currency}" if currency else "")
    return counted(calls, "call") if calls else ""


def counted(count: int, one: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"
