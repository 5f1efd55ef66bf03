"""A batch that waits for weeks, with Lambda's loop detection and SQS's fourteen days between its deliveries."""

from tests.guarantees.memory.chains import MAX_IN_A_CHAIN, FunctionMapping, recursive_loop
from tests.guarantees.memory.fifo import FifoQueue
from tests.templates import all_resources
from tests.unit.batches.batch_world import KEY, BatchWorld, asking

ON_UPLOAD = all_resources()["OnUploadFunction"]
DELIVERIES = 3 * 7 * 4  # four a day, for three weeks


def waiting(*, is_loop_allowed: bool) -> tuple[BatchWorld, FunctionMapping, list[str]]:
    """The results of a batch whose request finds no room for three weeks."""
    world = BatchWorld(places=0)
    mapping = FunctionMapping("on_upload", FifoQueue(world.clock, visibility=360), is_loop_allowed=is_loop_allowed)
    mapping.queue.send(world.upload([asking("a")]).body, KEY, "first")
    results = []
    for _ in range(DELIVERIES):
        results += world.deliver(mapping)
        world.clock.advance(6 * 3600)
    world.places = 1
    return world, mapping, results


def test_a_batch_that_waits_for_three_weeks_is_answered() -> None:
    world, mapping, results = waiting(is_loop_allowed=recursive_loop(ON_UPLOAD))
    assert set(results) == {"renewed"}
    assert len(results) > MAX_IN_A_CHAIN
    assert world.deliver(mapping) == ["renewed"]
    assert world.answer_requests() == 1
    assert world.deliver(mapping) == ["answered"]
    assert mapping.queue.entries == []
    assert not mapping.refused


def test_without_leave_to_go_on_lambda_would_refuse_it_for_good() -> None:
    world, mapping, results = waiting(is_loop_allowed=False)
    assert len(results) == MAX_IN_A_CHAIN - 1
    assert len({message.message_id for message in mapping.refused}) == 1
    for _ in range(10):
        world.clock.advance(360)
        assert world.deliver(mapping) == []
