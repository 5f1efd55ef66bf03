"""Lambda's loop detection: it counts the invocations of a function in one chain of messages, and refuses the 16th.

A message carries on the count of its invocation (`Lineage` of the trace header, which botocore adds to `SendMessage`).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darkroom.domain.message import Message
    from tests.guarantees.memory.fifo import FifoQueue

MAX_IN_A_CHAIN = 16
Lineage = Mapping[str, int]  # invocations of each function on the way to a message
NO_LINEAGE: Lineage = MappingProxyType({})


def recursive_loop(resource: Mapping[str, Any]) -> bool:
    """Whether the template allows a function to loop for ever. Lambda's default forbids it."""
    return bool(resource["Properties"].get("RecursiveLoop", "Terminate") == "Allow")


class FunctionMapping:
    """The messages that Lambda delivers to a function from a queue. `is_loop_allowed` is `RecursiveLoop: Allow`."""

    def __init__(self, function: str, queue: "FifoQueue", *, is_loop_allowed: bool = False) -> None:
        self.queue = queue
        self.refused: list[Message] = []
        self._function = function
        self._is_loop_allowed = is_loop_allowed

    def receive(self, most: int = 10, *, most_groups: int = 10) -> "list[Message]":
        """The next messages. A refused one stays in flight until its visibility ends, and is refused again."""
        received = self.queue.receive(most, most_groups=most_groups)
        refused = [message for message in received if not self._goes_on(message)]
        self.refused += refused
        return [message for message in received if message not in refused]

    def lineage(self, messages: "Sequence[Message]") -> Lineage:
        """The lineage of the messages that an invocation with these messages sends."""
        longest: dict[str, int] = {}
        for message in messages:
            for function, times in self.queue.lineage(message).items():
                longest[function] = max(times, longest.get(function, 0))
        return {**longest, self._function: longest.get(self._function, 0) + 1}

    def _goes_on(self, message: "Message") -> bool:
        return self._is_loop_allowed or self.lineage([message])[self._function] < MAX_IN_A_CHAIN
