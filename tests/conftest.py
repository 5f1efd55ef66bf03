"""Settings of every test run: hypothesis, and the seed of what is random on purpose.

By default hypothesis tries the same examples on every run; `pytest --hypothesis-profile=exploring` looks further.
Tests marked `torture` take minutes, are left out unless `-m torture` asks for them, and draw from `seed`.
"""

import secrets

import pytest
from hypothesis import HealthCheck, settings

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
    parser.addoption("--seed", type=int, help="repeats the torture of the run that printed this seed")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = secrets.randbelow(10**9)


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests measured and gave to `record_property`."""
    reports = [report for ended in ("passed", "failed") for report in terminalreporter.getreports(ended)]
    for report in reports:
        if report.when == "call" and report.user_properties:
            told = ", ".join(f"{name} {value}" for name, value in report.user_properties)
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {told}")


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """What a random schedule is drawn from; `--seed` gives an old one again."""
    return int(request.config.option.seed)
