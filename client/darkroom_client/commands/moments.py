"""Moments as people write them in an option: `2d` is two days ago, `2026-11-22` a day."""

import re
from datetime import UTC, datetime, timedelta

import click

_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since(said: str) -> datetime:
    """The moment of `30m`, `12h`, `2d`, `3w`, or of what ISO 8601 says; without a zone it is this machine's time.

    Raises BadParameter.
    """
    try:
        if found := re.fullmatch(r"(\d{1,6}) ?(m|min|h|d|w)", said, re.ASCII):
            return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
        return datetime.fromisoformat(said).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{said!r} is no time: write 30m, 12h, 2d, 3w, or a day such as 2026-11-22."
        ) from error
