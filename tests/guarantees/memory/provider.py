"""The image API. It counts the calls that reach it, and knows its charges."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.errors import Ambiguous, Unavailable
from darkroom.providers.dialect import PreparedCall
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.reply import Reply
from tests.fakes import spoken
from tests.fakes.edge import Clock
from tests.fakes.image_api import ScriptedApi, made, png, stated

UNMARKED = (0, "no day")
Consequence = Literal["paid", "free", "waits", "lost"]
# paid: an answer that ends the request. free: it ends the request too, without a charge.
# waits: no charge, and the request may call again. lost: the outcome of the call cannot be known.


@dataclass(frozen=True, slots=True)
class Manner:
    """A way in which the API answers: a reply, or the client's error for a broken connection."""

    consequence: Consequence
    answer: Reply | Callable[[], Exception]
    seconds: float = 0.0


@cache
def manners() -> dict[str, Manner]:
    """Every way in which the API answers, by name."""
    return {
        "a picture": Manner("paid", made(png("green"))),
        "two pictures": Manner("paid", made(png("green"), png("blue"))),
        "words": Manner("paid", stated(200, {"data": [{"revised_prompt": "which cat?"}]})),
        "nothing": Manner("paid", stated(200, {"data": []})),
        "a refusal": Manner("free", stated(400, {"error": {"code": "prompt_blocked", "message": "no"}})),
        "a fault": Manner("free", stated(400, {"error": {"code": "invalid_request", "message": "no"}})),
        "throttled": Manner("waits", stated(429, {"code": 429, "msg": "slow down", "data": None})),
        "down": Manner("waits", stated(503, {"code": 503, "msg": "down", "data": None})),
        "bad key": Manner("waits", stated(401, {"error": {"code": "invalid_api_key", "message": "no"}})),
        "empty account": Manner("waits", stated(403, {"error": {"code": "insufficient_user_quota", "message": "no"}})),
        "unreachable": Manner("waits", lambda: Unavailable("unreachable", "no connection")),
        "garbage": Manner("lost", Reply(200, {"content-type": "text/html"}, b"<html>", 0.1)),
        "gateway": Manner("lost", Reply(504, {"content-type": "text/html"}, b"<html>", 100.0)),
        "cut": Manner("lost", lambda: Ambiguous("the line broke")),
        "hangs": Manner("lost", lambda: Ambiguous("no answer in time"), 300),
    }


@cache
def manners_in(name: str) -> dict[str, Manner]:
    """The same in a dialect: what its API itself says, as the stand-in says it."""
    if name == DEFAULT_DIALECT:
        return manners()
    dialect = DIALECTS[name]
    own = {
        "a picture": spoken.made(dialect, png("green")),
        "two pictures": spoken.made(dialect, png("green"), png("blue")),
        "words": spoken.made(dialect, words="which cat?"),
        "nothing": spoken.made(dialect),
        "throttled": spoken.problem(dialect, "429"),
        "down": spoken.problem(dialect, "503"),
        "bad key": spoken.problem(dialect, "401"),
        "empty account": spoken.problem(dialect, "402"),
    }
    refusal = spoken.problem(dialect, "refusal")  # some state it as an error, which is free, some in an answer
    ends = Manner("free" if refusal.status >= 400 else "paid", refusal)
    said = {name: replace(manners()[name], answer=reply) for name, reply in own.items()}
    return manners() | said | {"a refusal": ends}


@cache
def later_understood(name: str) -> list[bytes]:
    """The bodies of answers in which this release finds no picture, and a later one does."""
    answers = [manners_in(name)[manner].answer for manner in ("words", "garbage")]
    return [answer.body[:] for answer in answers if isinstance(answer, Reply)]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that reached the API: its words, the instruction last.

    `at` is in epoch seconds. `number` counts its request's calls; `day` is the UTC day that counts it.
    """

    words: tuple[str, ...]
    manner: Manner
    at: float
    number: int
    day: str

    @property
    def instruction(self) -> str:
        return self.words[-1]

    @property
    def is_certainly_free(self) -> bool:
        return self.manner.consequence in ("free", "waits")


class Provider(ScriptedApi):
    """Answers each call in the next of these manners, and with a picture when there are no more.

    `passes` lets time pass while a call hangs.
    """

    def __init__(
        self, clock: Clock, passes: Callable[[float], None], script: Iterable[str], dialect: str = DEFAULT_DIALECT
    ) -> None:
        super().__init__()
        self._dialect = dialect
        self._clock = clock
        self._passes = passes
        self._marks: Sequence[tuple[int, str]] = ()
        self.coming = list(script)
        self.calls: list[Call] = []

    def called_by(self, marks: Sequence[tuple[int, str]]) -> "Provider":
        """The same API for a process that marks its calls here, with number and day."""
        other = copy.copy(self)
        other._marks = marks
        return other

    def ask(self, prepared: PreparedCall) -> Reply:
        manner = manners_in(self._dialect)[self.coming.pop(0) if self.coming else "a picture"]
        said = self._prepared[int(prepared.call.body[:])].context.contents
        words = tuple(content.text for content in said if content.role == "user")
        self.calls.append(Call(words, manner, self._clock(), *(self._marks or [UNMARKED])[-1]))
        if manner.seconds:
            self._passes(manner.seconds)
        if isinstance(manner.answer, Reply):
            return manner.answer
        raise manner.answer()

    def of(self, instruction: str) -> list[Call]:
        """The calls with this instruction."""
        return [call for call in self.calls if call.instruction == instruction]
