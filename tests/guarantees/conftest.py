"""Fixtures for the promise's tests: one world for all sweeps at the clients' edge, and the end of every worker."""

from collections.abc import Iterator

import pytest

from tests.guarantees.clients_edge.world import World, world
from tests.guarantees.memory import workers
from tests.guarantees.memory.world import World as WorldInMemory


@pytest.fixture(scope="module")
def swept_world() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture(scope="session", autouse=True)
def _worlds_speak_the_dialect(pytestconfig: pytest.Config) -> None:
    WorldInMemory.dialect = pytestconfig.option.dialect


@pytest.fixture(autouse=True)
def _no_worker_is_left_standing() -> Iterator[None]:
    yield
    workers.end_all()
