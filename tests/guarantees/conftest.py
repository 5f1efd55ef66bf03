"""Fixtures for the promise's tests: one world for all sweeps at the clients' edge, and the end of every worker."""

from collections.abc import Iterator

import pytest

from tests.guarantees.clients_edge.world import World, world
from tests.guarantees.memory import workers


@pytest.fixture(scope="module")
def swept_world() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture(autouse=True)
def _no_worker_is_left_standing() -> Iterator[None]:
    yield
    workers.end_all()
