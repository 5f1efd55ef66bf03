"""The world of the use case of messages: every port in memory, and helpers for the tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from darkroom.domain.keys import sha256
from darkroom.domain.outcome import Outcome
from darkroom.domain.price import Price
from darkroom.errors import Unavailable
from darkroom.pictures.renditions import Renditions
from darkroom.providers.dialect import Dialect
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.turns.call_plan import Defaults
from darkroom.turns.handler import TurnDependencies, TurnHandler
from darkroom.turns.paid_call import CallDependencies
from darkroom.turns.publisher import Publisher
from darkroom.turns.spool import Spool
from tests.fakes.breaker import MemoryBreaker
from tests.fakes.edge import Clock
from tests.fakes.image_api import MemoryFetcher, Scripted, ScriptedApi, stated
from tests.fakes.ledger import MemoryLedger
from tests.fakes.objects import MemoryObjects, developed
from tests.fakes.queue import MemoryOutbox, sent_message
from tests.fakes.stack import rules, turn_policy
from tests.fakes.waking import MemoryScout, MemoryWaker

REFUSED = stated(400, {"error": {"code": "prompt_blocked", "message": "not allowed"}})


THROTTLED = stated(429, {"code": 429, "msg": "slow down", "data": None})


@dataclass
class World:
    """All dependencies of the use case."""

    clock: Clock = field(default_factory=Clock)
    api: ScriptedApi = field(default_factory=ScriptedApi)
    fetcher: MemoryFetcher = field(default_factory=MemoryFetcher)
    dead: MemoryOutbox = field(default_factory=MemoryOutbox)
    probes: MemoryOutbox = field(default_factory=MemoryOutbox)
    daily_call_limit: int = 0
    max_paid_calls: int = 2
    max_turns: int = 200
    give_up_after: float = 86_400
    max_request_bytes: int = 20_000_000
    price: Price = field(default_factory=Price)
    renditions: Callable[[MemoryObjects], Renditions] = developed
    dialect: Dialect = NEBULA
    dialects: Mapping[str, Dialect] = field(default_factory=lambda: DIALECTS)
    model: str = "stack-model"
    is_marking: bool = True

    def __post_init__(self) -> None:
        self.objects = MemoryObjects(self.clock)
        self.ledger = MemoryLedger(self.clock, daily_call_limit=self.daily_call_limit)
        self.breaker = MemoryBreaker(self.clock)
        self.scout = MemoryScout(self.clock)
        self.waker = MemoryWaker(self.clock, self.ledger)

    def script(self, *script: Scripted) -> None:
        self.api.script[:] = script

    def answering(self) -> TurnHandler:
        policy = turn_policy(
            rules=rules("uploads", "results")._replace(options=self.dialect.options),
            defaults=Defaults(self.model, self.dialect),
            max_turns=self.max_turns,
            give_up_after=self.give_up_after,
            price=self.price,
            max_request_bytes=self.max_request_bytes,
        )
        spool = Spool(self.objects, "spool", self.dialects)
        return TurnHandler(
            policy,
            TurnDependencies(
                CallDependencies(self.ledger, spool, self.breaker, self.api, self.max_paid_calls),
                Publisher(self.objects, "results", is_marking=self.is_marking), self.renditions(self.objects),
                self.fetcher, self.dead, self.probes,
                lambda: self.scout, lambda: self.waker,
                clock=self.clock, jitter=lambda: 0.0,
            ),
        )  # fmt: skip

    def send(self, body: Mapping[str, Any] | str, *, time_left: float = 900, **about: Any) -> Outcome:
        """One delivery of a message; a request without an id has that of its message."""
        return self.answering().answer(sent_message(body, **about), lambda: time_left)

    def result(self, turn: int, request_id: str, thread: str = "t") -> dict[str, Any]:
        return self.objects.document("results", f"threads/{thread}/{turn:05d}-{sha256(request_id)[:8]}/result.json")

    def wait(self, body: Mapping[str, Any] | str, **about: Any) -> Unavailable:
        with pytest.raises(Unavailable) as caught:
            self.send(body, **about)
        return caught.value
