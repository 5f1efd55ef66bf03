"""A stack of the tests' own: real template, real tools, on free ports, in a folder that goes away again."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.stack import aws, lifecycle, ports

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that is up: what `.local/env` says of it, and clients of its services."""

    env: dict[str, str]
    aws: aws.Clients

    @property
    def port(self) -> int:
        return int(self.env["AWS_ENDPOINT_URL"].rpartition(":")[2])


BringUp = Callable[..., Stack]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick ones first: a stack takes a while."""
    items.sort(key=lambda item: _HERE in item.path.parents)


@pytest.fixture(scope="session")
def bring_up(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[BringUp]:
    """Brings up stacks, each on a port of its own; all of them go down in the end.

    `bring_up(image_api_url=…, image_api_key=…, parameters={…})`; with `port=` that of one that is up, it is
    brought up to date. Without an image API of the test's own there is the project's stand-in.
    """
    homes = tmp_path_factory.mktemp("stacks")
    try:
        yield lambda **wanted: _bring_up(homes, **wanted)
    finally:
        lifecycle.down(homes, None, print)
        # Its logs are worth their hundred megabytes only where something failed.
        if not request.session.testsfailed:
            shutil.rmtree(homes)


@pytest.fixture(scope="session")
def stack(bring_up: BringUp) -> Stack:
    """The stack as `make up` gives it to everybody. Who changes it puts it right again."""
    return bring_up()


def _bring_up(
    homes: Path,
    *,
    port: int | None = None,
    image_api_url: str | None = None,
    image_api_key: str | None = None,
    parameters: dict[str, str] | None = None,
) -> Stack:
    wanted = lifecycle.Wanted(
        port=port or ports.any_free(),
        image_api_url=image_api_url,
        image_api_key=image_api_key,
        parameters=parameters or {},
        homes=homes,
    )
    env = lifecycle.up(wanted, print)
    return Stack(env, aws.clients(env["AWS_ENDPOINT_URL"]))
