"""The price of one picture, as the operator states it, and the number of pictures that a call is paid for."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

PICTURES = "n"  # the option that states their number


class Price(NamedTuple):
    """The price of one picture; None if it is unknown."""

    amount: float | None = None
    currency: str | None = None


def parsed(text: str) -> Price:
    """The price in a text such as `0.039` or `0.039 USD`. Empty is unknown. Raises ValueError."""
    if not text.strip():
        return Price()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?: ([A-Z]{3}))?", text.strip())
    if not found:
        raise ValueError(f"PRICE_PER_IMAGE must be a number, with or without a currency (`0.039 USD`), and is {text!r}")
    return Price(float(found[1]), found[2])


def of_pictures(count: int, each: Price) -> float | None:
    """The price of so many pictures; None if it is unknown."""
    return None if each.amount is None else round(each.amount * count, 6)


def pictures_asked(options: Mapping[str, Any] | None) -> int:
    """The number of pictures that one call with these options asks for."""
    return int((options or {}).get(PICTURES, 1))


def pictures_paid(options: Mapping[str, Any], made: int | None) -> int:
    """The number of pictures that an answered call is paid for: each requested one that came, and at least one.

    Pictures beyond the requested number are drafts. `made` is None if it is unknown: it may have been all.
    """
    asked = pictures_asked(options)
    return asked if made is None else max(1, min(made, asked))
