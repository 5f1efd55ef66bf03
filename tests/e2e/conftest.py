"""Stacks for the tests: real template, real tools, on free ports, in a folder that is removed."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.image_api import StandInServer, running
from local.stack import aws, emulator, lifecycle, ports
from local.stack.home import Home
from tests.e2e import leaks
from tests.e2e.road import GRACE_SECONDS, MOST_TURNS, Doors, Road, eventually
from tests.figures import Figures

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: its folder, its `.local/env`, and clients of its services."""

    home: Home
    env: dict[str, str]
    aws: aws.Clients

    @property
    def port(self) -> int:
        return self.home.port


BringUp = Callable[..., Stack]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the quick ones first: a stack takes a while."""
    items.sort(key=lambda item: _HERE in item.path.parents)


@pytest.fixture(scope="session")
def bring_up(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, figures: Figures
) -> Iterator[BringUp]:
    """Bring up stacks, each on a port of its own. All of them go down at the end.

    `bring_up(image_api_url=…, image_api_key=…, parameters={…})`; `port=` updates the stack on that port. Without an
    image API from the test, the stack uses the project's stand-in. Unless the test names a dialect, it is `--dialect`.
    """
    spoken = {"ImageApiDialect": request.config.option.dialect}
    homes = tmp_path_factory.mktemp("stacks")
    stacks: dict[int, Stack] = {}

    def bring_up_and_remember(*, parameters: Mapping[str, str] | None = None, **wanted: Any) -> Stack:
        stack = _bring_up(homes, parameters=spoken | dict(parameters or {}), **wanted)
        stacks[stack.port] = stack
        return stack

    is_wanted = True
    try:
        yield bring_up_and_remember
        _nothing_leaked([stack for stack in stacks.values() if emulator.running(stack.home)], figures)
        is_wanted = bool(request.session.testsfailed)
    finally:
        lifecycle.down(homes, None, print)
        # The logs take hundreds of megabytes, so they are kept only after a failure.
        if not is_wanted:
            shutil.rmtree(homes)


def _nothing_leaked(stacks: list[Stack], figures: Figures) -> None:
    """Check that no log of the whole run has a secret, a person's words or a picture."""
    searches = [leaks.search(stack) for stack in stacks]
    lines, said = sum(search.lines for search in searches), sum(search.looked_for for search in searches)
    figures.tell(
        f"{lines} different log lines of {len(searches)} stacks searched for {said} texts and secrets, and pictures"
    )
    if leaked := [leak for search in searches for leak in search.leaks]:
        pytest.fail("\n".join(["These were logged:", *leaked]))


@pytest.fixture(scope="session")
def road(bring_up: BringUp) -> Iterator[Road]:
    """The stack that most tests share. Each test uses threads of its own."""
    parameters = {
        "PairingGraceSeconds": str(GRACE_SECONDS),
        "MaxTurnsPerThread": str(MOST_TURNS),
        "GiveUpAfterSeconds": "5",
        "PricePerImage": "0.039 USD",
    }
    with running(StandInServer(key="sk-road")) as server:
        yield Road(bring_up(image_api_url=server.url, image_api_key=server.key, parameters=parameters), server)


@pytest.fixture(scope="session")
def stack(bring_up: BringUp) -> Stack:
    """The stack as `make up` makes it. A test that changes it restores it."""
    return bring_up()


def _bring_up(
    homes: Path,
    *,
    port: int | None = None,
    image_api_url: str | None = None,
    image_api_key: str | None = None,
    parameters: Mapping[str, str],
) -> Stack:
    home = Home(homes, port or ports.any_free())
    wanted = lifecycle.Wanted(
        port=home.port,
        image_api_url=image_api_url,
        image_api_key=image_api_key,
        parameters=parameters,
        homes=homes,
        emulator="tests/e2e/recording_ministack.py",
    )
    env = lifecycle.up(wanted, print)
    stack = Stack(home, env, aws.clients(env["AWS_ENDPOINT_URL"]))
    # S3 sends a test event. A change removes the function's worker, and the event then hides for six minutes.
    eventually(lambda: not any(name.endswith("upload-events") for name in Doors(stack).left()) or None)
    log_everything(stack)
    return stack


def log_everything(stack: Stack) -> None:
    """Log at the level DEBUG: a secret must not be logged at any level."""
    functions = stack.aws.functions
    for name in (stack.env[f"ON_{door}_FUNCTION"] for door in ("UPLOAD", "REQUEST", "PICTURE")):
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        if variables["POWERTOOLS_LOG_LEVEL"] != "DEBUG":
            wanted = {**variables, "POWERTOOLS_LOG_LEVEL": "DEBUG"}
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": wanted})
            functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
