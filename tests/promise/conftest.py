"""One world for all sweeps, and their figures at the end of the run: `docs/reliability.md` quotes them."""

from collections.abc import Iterator

import pytest

from tests.promise.world import World, world


@pytest.fixture(scope="module")
def swept_world() -> Iterator[World]:
    with world() as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed")
    lines = [text for report in reports for name, text in report.user_properties if name == "sweep"]
    if lines:
        terminalreporter.section("crash sweep at the clients' edge")
        for line in lines:
            terminalreporter.write_line(str(line))
