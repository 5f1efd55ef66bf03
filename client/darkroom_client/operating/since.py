"""Since when: `30m`, `12h`, `7d`, `2w` back from now, or a day of UTC (`2026-11-29`)."""

import re
from datetime import UTC, datetime, timedelta

from darkroom_client.errors import Invalid

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime) -> datetime:
    """The moment that is meant. Raises Invalid."""
    found = re.fullmatch(r"(\d{1,5})([mhdw])", text.strip(), re.ASCII)
    try:
        if found:
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{text!r} is no time. Write 30m, 12h, 7d, 2w, or a day such as 2026-11-29") from error
