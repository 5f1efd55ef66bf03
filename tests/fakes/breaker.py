"""The breaker in memory, held to the contract tests of the real one."""

from dataclasses import dataclass

from darkroom.aws.dynamodb.breaker import is_doubtful, is_open, weight
from darkroom.domain.timing import (
    BREAKER_OPENS_AT,
    BREAKER_PAUSE_SECONDS,
    MAX_BREAKER_PAUSE_SECONDS,
    NEW_CALL_PAUSE_SECONDS,
    PROBE_CALL_SECONDS,
    PROBE_LEASE_SECONDS,
)
from darkroom.errors import PROVIDER_CAUSES, Cause, Unavailable
from darkroom.turns.ports import Admission
from tests.fakes.edge import Clock


@dataclass
class Circuit:
    """A model's item, as in the table."""

    failures: int
    cause: Cause
    next_call_at: float
    probed_until: float = 0.0
    culprit: str = ""
    next_new_call_at: float = 0.0
    is_doubtful: bool = False


class MemoryBreaker:
    """The breaker in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.circuits: dict[str, Circuit] = {}

    def admit(self, model: str, request: str, *, is_last: bool, is_new: bool) -> Admission:
        circuit = self.circuits.get(model)
        if circuit is None or not is_open(circuit.failures, circuit.culprit, request):
            return Admission(circuit.cause if circuit else None, is_probe=False)
        if is_new and circuit.is_doubtful and not is_last:
            if circuit.next_new_call_at > self._clock():
                raise Unavailable(circuit.cause, "held back")
            circuit.next_new_call_at = self._clock() + NEW_CALL_PAUSE_SECONDS
        elif not is_last:
            if circuit.next_call_at > self._clock():
                raise Unavailable(circuit.cause, "held back")
            circuit.next_call_at = self._clock() + PROBE_CALL_SECONDS
        return Admission(circuit.cause, is_probe=True)

    def failed(self, model: str, request: str, trouble: Unavailable, *, is_first: bool) -> None:
        cause: Cause = trouble.cause if trouble.cause in PROVIDER_CAUSES else "unreachable"
        circuit = self.circuits.setdefault(model, Circuit(0, cause, 0, culprit=request))
        if weight(trouble, is_first=is_first) >= BREAKER_OPENS_AT or circuit.culprit != request:
            circuit.culprit = ""
        pause = max(BREAKER_PAUSE_SECONDS, min(trouble.retry_after or 0, MAX_BREAKER_PAUSE_SECONDS))
        circuit.failures += weight(trouble, is_first=is_first)
        circuit.cause, circuit.next_call_at = cause, self._clock() + pause
        circuit.is_doubtful = is_doubtful(trouble)

    def succeeded(self, model: str, known_trouble: Cause | None) -> None:
        circuit = self.circuits.get(model)
        if circuit and (known_trouble or circuit.failures < BREAKER_OPENS_AT):
            del self.circuits[model]

    def wants_probe(self, model: str) -> bool:
        circuit = self.circuits.get(model)
        return circuit is not None and circuit.probed_until < self._clock() and self.keeps_probe(model)

    def keeps_probe(self, model: str) -> bool:
        circuit = self.circuits.get(model)
        if circuit is None or circuit.failures < BREAKER_OPENS_AT:
            return False
        circuit.probed_until = self._clock() + PROBE_LEASE_SECONDS
        return True
