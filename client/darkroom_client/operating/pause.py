"""Pauses a stack, and lets it go on.

It disables the event source mappings of the requests' queue and of the probes' queue, because a copy of a request is
called as the request itself is. Calls that have begun come to their end. Uploads still become requests, which wait in
their place. A repetition changes nothing, and says how it stands.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from darkroom_client.errors import Trouble
from darkroom_client.stacks.stack import MAPPINGS, Stack

SETTLED = ("Enabled", "Disabled")  # in any other state Lambda takes no change
PATIENCE_SECONDS = 300
SECONDS_A_DAY = 86_400


class Held(NamedTuple):
    """The requests that a pause holds back, and how many days SQS keeps each."""

    requests: int
    days: float


class Pause:
    """Pauses one stack. `say` hears a line for each queue, once Lambda has stopped or begun to read it."""

    def __init__(
        self, stack: Stack, say: Callable[[str], None], *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._functions = stack.functions
        self._mappings = {queue: stack.resources[name] for queue, name in MAPPINGS.items()}
        self._sqs = stack.sqs
        self._requests = stack.outputs["RequestsQueueUrl"]
        self._say = say
        self._sleep = sleep

    def pause(self) -> Held:
        """Returns when Lambda reads neither queue. Raises Trouble where that takes too long."""
        self._bring_all_to("Disabled", "paused ")
        found = self._sqs.get_queue_attributes(
            QueueUrl=self._requests,
            AttributeNames=[
                "MessageRetentionPeriod",
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        days = int(found.pop("MessageRetentionPeriod")) / SECONDS_A_DAY
        held = Held(sum(map(int, found.values())), days)
        self._say(f"Requests that wait or are under way: about {held.requests}.")
        self._say(f"SQS deletes each {days:g} days after it was sent. `darkroom resume` lets them go on.")
        return held

    def resume(self) -> None:
        """Returns when Lambda reads both queues again. Raises Trouble where that takes too long."""
        self._bring_all_to("Enabled", "resumed")

    def _bring_all_to(self, wanted: str, said: str) -> None:
        left = list(self._mappings)
        for _ in range(PATIENCE_SECONDS):
            for queue in [each for each in left if self._is(self._mappings[each], wanted)]:
                self._say(f"{said}  {queue}")
                left.remove(queue)
            if not left:
                return
            self._sleep(1)
        raise Trouble(f"After {PATIENCE_SECONDS} s Lambda is not ready with {' and '.join(left)}.", "Run it again.")

    def _is(self, mapping: str, wanted: str) -> bool:
        """Whether the mapping is in this state. It is asked to be where it is not on its way already."""
        state = self._functions.get_event_source_mapping(UUID=mapping)["State"]
        if state != wanted and state in SETTLED:
            self._functions.update_event_source_mapping(UUID=mapping, Enabled=wanted == "Enabled")
        return state == wanted
