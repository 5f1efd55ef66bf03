"""Moments in the forms that people write."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from darkroom_client.commands.moments import since


@pytest.mark.parametrize(
    ("said", "ago"),
    [("30m", timedelta(minutes=30)), ("12h", timedelta(hours=12)), ("7d", timedelta(7)), ("2w", timedelta(14))],
)
def test_since_is_back_from_now(said: str, ago: timedelta) -> None:
    assert abs(datetime.now(UTC) - ago - since(said)) < timedelta(minutes=1)


def test_since_may_be_a_moment() -> None:
    assert since("2026-11-29T12:00:00Z") == datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert since("2026-11-29").utcoffset() == timedelta(0)


@pytest.mark.parametrize("said", ["", "7", "yesterday", "7y", "99999w9", "2026-13-01", "١d"])
def test_what_is_no_time_is_told(said: str) -> None:
    with pytest.raises(click.BadParameter, match="write 30m"):
        since(said)
