"""The price of one picture, as the operator states it, and how many pictures a call is paid for."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

PICTURES = "n"  # the option that says how many


class Price(NamedTuple):
    """What one picture costs; None where nobody said."""

    amount: float | None = None
    currency: str | None = None


def parsed(text: str) -> Price:
    """`0.039` or `0.039 USD`; empty is unknown."""
    if not text.strip():
        return Price()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?: ([A-Z]{3}))?", text.strip())
    if not found:
        raise ValueError(f"PRICE_PER_IMAGE must be a number, with or without a currency (`0.039 USD`), and is {text!r}")
    return Price(float(found[1]), found[2])


def of_pictures(count: int, each: Price) -> float | None:
    """What so many pictures cost; None where nobody said."""
    return None if each.amount is None else round(each.amount * count, 6)


def pictures_asked(options: Mapping[str, Any] | None) -> int:
    """How many pictures one call with these options asks for."""
    return int((options or {}).get(PICTURES, 1))


def pictures_paid(options: Mapping[str, Any], made: int | None) -> int:
    """For how many pictures an answered call is paid: for each that was asked for and came, and for one at least.

    More than were asked for are drafts. `made` is None where nobody knows it: it may have been all.
    """
    asked = pictures_asked(options)
    return asked if made is None else max(1, min(made, asked))
