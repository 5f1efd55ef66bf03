"""One world for all sweeps at the clients' edge."""

from collections.abc import Iterator

import pytest

from tests.promise.clients_edge.world import World, world


@pytest.fixture(scope="module")
def swept_world() -> Iterator[World]:
    with world() as made:
        yield made
