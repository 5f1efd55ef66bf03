"""The message about a waiting request."""

import pytest

from darkroom_client.commands import terminal
from darkroom_client.commands.talking import progress
from darkroom_client.results import Waiting

SINCE, UNTIL = "2026-11-22T12:00:00Z", "2026-11-22T12:10:00Z"


@pytest.mark.parametrize(
    ("cause", "way_out"),
    [
        ("model", " The image API has no such model: check --model."),
        ("budget", " The day's calls are used up. The operator can raise DailyCallLimit."),
        ("throttled", ""),
    ],
)
def test_the_cause_is_told_with_the_way_out_where_somebody_has_to_take_it(cause: str, way_out: str) -> None:
    said = f"waits ({cause}) since {terminal.clock(SINCE)}; looks again at {terminal.clock(UNTIL)}.{way_out}"
    assert progress.cause(Waiting("r", "a cat", cause, SINCE, UNTIL)) == said
