"""The texts on a page for numbers, moments, money and the causes of waiting."""

from datetime import UTC, datetime
from typing import Any

from darkroom_client import telling

CAUSES = {
    "under_way": "under way",
    "queued": "not taken up yet",
    "paused": "the stack is paused",
    "unreachable": "the provider cannot be reached",
    "throttled": "the provider asks for patience",
    "credentials": "the provider refuses the key",
    "account": "the provider's account is empty",
    "model": "the model is unknown or retired",
    "configuration": "the provider's address is wrong",
    "budget": "the daily limit is reached",
    "ambiguous": "an answer was lost, and one more call is allowed",
    "aws": "a service of AWS is unavailable",
}


def cause(code: str | None) -> str:
    """The cause of waiting as words. An unknown cause keeps its own name."""
    return CAUSES.get(code or "under_way", code or "")


def money(cost: Any) -> str:
    """`0.04 USD`, or `1 call` if the price is unknown."""
    names = ("paid_calls", "amount", "currency")
    return telling.money(cost if isinstance(cost, dict) else {name: getattr(cost, name) for name in names})


def ago(moment: str | None) -> str:
    """The time since the moment. The page's script keeps it up to date."""
    return telling.when(moment)


def at(moment: str | None) -> str:
    """The date and the time, in this machine's time zone."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}" if moment else ""


def size(count: int) -> str:
    """`3.4 MB`."""
    for unit, length in (("MB", 1_000_000), ("kB", 1000)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} B"


def day(date: str) -> str:
    """`29 Nov`."""
    return f"{datetime.fromisoformat(date).replace(tzinfo=UTC):%-d %b}"
