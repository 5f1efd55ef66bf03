"""Status: queues, breaker, limits, alarms, dead letters, and the cost of each day."""

from typing import TYPE_CHECKING, Any

from darkroom_client.console import addresses
from darkroom_client.operating.status import status

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

MAX_SLEEPERS = 100


def document(desk: "Desk") -> dict[str, Any]:
    """The document of `darkroom status --json`, with the waiting requests and the cost by day. Raises Trouble."""
    found = status(desk.room.stack)
    sleepers = [
        {**each._asdict(), "address": addresses.thread(each.thread_id)} for each in found.sleepers[:MAX_SLEEPERS]
    ]
    return found.document() | {"sleepers": sleepers, "cost": desk.spending.by_day()}
