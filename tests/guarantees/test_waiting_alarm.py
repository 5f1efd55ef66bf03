"""A request that waits for an outage rings its alarm, though SQS leaves it out of the age of the oldest message."""

import json

import pytest
from aws_lambda_powertools import Logger

from darkroom.domain.message import Message
from darkroom.errors import Unavailable
from darkroom.worker.telemetry import RequestTelemetry
from tests.fakes.edge import NOON
from tests.guarantees.memory.world import Journal, World
from tests.templates import all_resources

ALARM = all_resources()["OldestRequestAlarm"]["Properties"]
HOURS = 20


class Telling(Journal):
    """A journal that also writes the metrics."""

    def __init__(self, telemetry: RequestTelemetry) -> None:
        super().__init__()
        self._telemetry = telemetry

    def deferred(self, message: Message, trouble: Unavailable) -> None:
        super().deferred(message, trouble)
        self._telemetry.deferred(message, trouble)


def highest(written: str) -> float:
    """The highest value of the alarm's metric."""
    documents = [json.loads(line) for line in written.splitlines() if '"_aws"' in line]
    return max((sum(each[ALARM["MetricName"]]) for each in documents if ALARM["MetricName"] in each), default=0)


def test_it_rings_from_an_hour_on_and_until_the_outage_ends(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(["down"] * 10_000)
    world.journal = Telling(RequestTelemetry(Logger("a request that waits"), clock=world.clock))
    world.send("t", "r", "the request")
    heard: list[tuple[float, float]] = []
    ages: list[float] = []
    while world.clock() < NOON + HOURS * 3600:
        next_delivery = min(queue.next_visible_at for queue in (world.queue, world.probes) if queue.entries)
        world.clock.now = max(world.clock.now, next_delivery)
        ages.append(world.queue.age_of_oldest)
        world.deliver()
        heard.append((world.clock(), highest(capsys.readouterr().out)))
    assert max(ages) < ALARM["Threshold"], "SQS's own metric would have told nobody"
    looks_back = ALARM["Period"] * ALARM["EvaluationPeriods"]
    for minute in range(65, HOURS * 60):
        now = NOON + minute * 60
        assert any(now - looks_back < at <= now and waited > ALARM["Threshold"] for at, waited in heard), minute
