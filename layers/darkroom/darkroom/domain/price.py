"""The price of one paid call, as the operator states it."""

import re
from typing import NamedTuple


class Price(NamedTuple):
    """What one paid call costs; None where nobody said."""

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
