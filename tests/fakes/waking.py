"""The scout and the waker in memory, held to the contract tests of the real ones."""

from collections.abc import Callable, Sequence

from darkroom.domain.timing import PROBE_LEASE_SECONDS, PROBE_SECONDS
from tests.fakes.edge import Clock
from tests.fakes.ledger import MemoryLedger


class MemoryScout:
    """The scout in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks_until = 0.0
        self._request = ""

    def wants(self, request: str) -> bool:
        return self._leases(request, is_free=self._is_free())

    def keeps(self, request: str) -> bool:
        return self._leases(request, is_free=self._is_free() or self._request == request)

    def ends(self, request: str) -> bool:
        is_over = self._request == request
        if is_over:
            self._request, self._looks_until = "", 0.0
        return is_over

    def _is_free(self) -> bool:
        return self._looks_until < self._clock()

    def _leases(self, request: str, *, is_free: bool) -> bool:
        if is_free:
            self._request, self._looks_until = request, self._clock() + PROBE_LEASE_SECONDS
        return is_free


class MemoryWaker:
    """The waker in memory. `show` makes a message visible by its handle."""

    def __init__(self, clock: Clock, ledger: MemoryLedger, show: Callable[[str], None] = lambda _receipt: None) -> None:
        self._clock = clock
        self._ledger = ledger
        self._show = show

    def wake(self, most: int) -> int:
        asked = {where: self._ledger.entries[where].claim for where in self._ledger.waits}
        waiting = sorted(
            (where for where, claim in asked.items() if not claim.owner and self._sleeps(where)),
            key=lambda where: asked[where].requested_at,
        )
        for where in waiting[:most]:
            self._ledger.waits[where] = self._ledger.waits[where]._replace(until=self._clock())
            self.show(self._ledger.waits[where].receipts)
        return len(waiting[:most])

    def show(self, receipts: Sequence[str]) -> None:
        for receipt in receipts:
            self._show(receipt)

    def _sleeps(self, where: tuple[str, str]) -> bool:
        return self._ledger.waits[where].until > self._clock() + PROBE_SECONDS
