"""Of the functions that Lambda may refuse as a loop, none sends itself more than one message on."""

import pytest

from tests.fakes.edge import NOON
from tests.guarantees.memory.world import World

HOURS = 4


@pytest.mark.parametrize("trouble", ["bad key", "throttled"])
def test_a_copy_that_looks_after_the_provider_is_the_last_of_its_chain(trouble: str) -> None:
    world, chains = World([trouble] * 10_000), set[tuple[tuple[str, int], ...]]()
    world.send("t", "r", "the request")
    while world.clock() < NOON + HOURS * 3600:
        next_delivery = min(queue.next_visible_at for queue in (world.queue, world.probes) if queue.entries)
        world.clock.now = max(world.clock.now, next_delivery)
        world.deliver()
        chains |= {tuple(entry.lineage.items()) for entry in (*world.queue.entries, *world.probes.entries)}
    assert chains == {(), (("on_request", 1),)}
