"""Fixtures that the tests of turns share."""

import pytest

from tests.unit.turns.world import World


@pytest.fixture
def world() -> World:
    return World()
