"""Settings of every test run: hypothesis, and the seed of what is random on purpose.

By default hypothesis tries the same examples on every run; `pytest --hypothesis-profile=exploring` looks further.
Tests marked `torture` take minutes, are left out unless `-m torture` asks for them, and draw from `seed`.
"""

import secrets
from collections import defaultdict

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
    """What tests measured and gave to `record_property`: `docs/reliability.md` quotes it.

    A property `figures` is of what was counted, of which kind it was, and how many; these are added up.
    """
    kinds: dict[str, dict[str, int]] = defaultdict(dict)
    lines = []
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties if report.when == "call" else ():
            if name == "figures" and isinstance(value, tuple):
                what, kind, number = value
                kinds[what][kind] = kinds[what].get(kind, 0) + number
            else:
                lines.append(f"{report.nodeid.rpartition('::')[2]}: {name} {value}")
    for what, numbers in kinds.items():
        each = "" if len(numbers) > 15 else ": " + ", ".join(f"{kind} {number}" for kind, number in numbers.items())
        lines.append(f"{sum(numbers.values())} {what}{each}")
    if lines:
        terminalreporter.section("figures")
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """What a random schedule is drawn from; `--seed` gives an old one again."""
    return int(request.config.option.seed)
