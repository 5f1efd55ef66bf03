"""Settings of every test run: hypothesis, the seed of random schedules, the dialect, and the figures at the end.

By default hypothesis tries the same examples on every run; `pytest --hypothesis-profile=exploring` looks further.
Tests marked `slow` run only in `make test-all`. Those marked `torture` take minutes, and draw from `seed`.
`--dialect` deploys every stack with another dialect, unless its test names one; `nebula` marks tests of that one alone.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.providers.dialect_table import NAMES
from tests.browser.driver import Absent, Browser, browser
from tests.figures import Figures

settings.register_profile(
    "darkroom",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("exploring", settings.get_profile("darkroom"), derandomize=False, max_examples=2000)
settings.load_profile("darkroom")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-interface", action="store_true", help="see tests/contract/test_interface.py")
    parser.addoption("--dialect", choices=NAMES, default=DEFAULT_DIALECT, help="of the stacks whose test names none")
    parser.addoption("--seed", type=int, help="repeats the torture of the run that printed this seed")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = secrets.randbelow(10**9)


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed}, dialect: {config.option.dialect}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another dialect cannot do; each mark says why."""
    for item in items:
        if config.option.dialect != DEFAULT_DIALECT and (marker := item.get_closest_marker("nebula")):
            item.add_marker(pytest.mark.skip(reason=f"{config.option.dialect}: {marker.args[0]}"))


_FIGURES = pytest.StashKey[Figures]()


@pytest.hookimpl(trylast=True)  # after the fixtures of the session have added their figures
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the figures of an xdist worker over."""
    if hasattr(session.config, "workeroutput") and _FIGURES in session.config.stash:
        session.config.workeroutput["figures"] = session.config.stash[_FIGURES].handed_over()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in the figures of an xdist worker."""
    if handed_over := getattr(node, "workeroutput", {}).get("figures"):
        node.config.stash.setdefault(_FIGURES, Figures()).take_in(handed_over)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _FIGURES in config.stash:
        terminalreporter.section("figures")
        for line in config.stash[_FIGURES].lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    return pytestconfig.stash.setdefault(_FIGURES, Figures())


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of random schedules. `--seed` repeats an old one."""
    return int(request.config.option.seed)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that the tests of a worker share, each with pages of its own."""
    try:
        with browser(tmp_path_factory.mktemp("chromium")) as started:
            yield started
    except Absent as absent:
        pytest.skip(str(absent))
