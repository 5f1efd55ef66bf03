"""The verdict on a load: it accepts a correct run, and finds every way of breaking a promise."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from io import BytesIO
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.e2e.load import Asked
from tests.e2e.provider import Call
from tests.e2e.verdict import Evidence, complaints
from tests.unit.samples import encoded

TURNS = 4
DEATH = 102.0  # just after the first call
TIMING = {"started_at": "1970-01-01T00:01:00.000Z", "finished_at": "1970-01-01T00:08:00.000Z"}


@dataclass
class Past:
    """The events of a run: four turns of a thread, each asked for once, each seeing the one before it."""

    asked: list[Asked] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    def add(self, number: int) -> None:
        asked = Asked("t", f"m-{number}", "a cat", (float(number),))
        data = encoded("PNG", (number, 1))
        sha256 = hashlib.sha256(data).hexdigest()
        seen = (encoded("PNG", (number - 1, 1)),) if self.calls else ()
        image = {"bucket": "b", "key": f"k{number}", "sha256": sha256, "bytes": len(data), "primary": True}
        self.asked.append(asked)
        self.calls.append(Call(asked.instruction, seen, number * 100.0, "fine", number * 100.0 + 1, True, sha256))
        self.results.append({
            "thread_id": "t", "turn": number, "parent_turn": number - 1 or None, "request_id": asked.mark,
            "instruction": asked.instruction, "status": "succeeded", "error": None, "images": [image],
            "cost": {"paid_calls": 1}, "timing": TIMING,
        })  # fmt: skip
        self.stored[f"k{number}"] = data

    def evidence(self, breaks: list[float]) -> Evidence:
        items = [{**result, "sk": f"TURN#{result['turn']:05}", "dialect": "nebula"} for result in self.results]
        head = {"thread_id": "t", "sk": "THREAD", "latest_turn": TURNS}
        s3 = SimpleNamespace(get_object=lambda Bucket, Key: {"Body": BytesIO(self.stored[Key])})  # noqa: ARG005, N803
        doors = SimpleNamespace(
            stack=SimpleNamespace(aws=SimpleNamespace(s3=s3)), left=lambda: self.left, keys=lambda _: []
        )
        provider = SimpleNamespace(calls=lambda words: [call for call in self.calls if words in call.words])
        return Evidence(cast(Any, doors), cast(Any, provider), self.asked, breaks, self.results, [*items, head])


@pytest.fixture
def past() -> Past:
    past = Past()
    for number in range(1, TURNS + 1):
        past.add(number)
    return past


def called_before(past: Past, mood: str, *, admitted: int) -> None:
    past.calls.insert(0, replace(past.calls[0], began=10.0, ended=11.0, mood=mood))
    past.results[0]["cost"]["paid_calls"] = admitted


def fail(past: Past, code: str) -> None:
    past.results[-1].update(status="failed", images=[], error={"code": code})


def swap(past: Past) -> None:
    one, other = past.results[1:3]
    for name in ("request_id", "instruction", "images"):
        one[name], other[name] = other[name], one[name]


def lose_twice(past: Past) -> None:
    past.calls[-1] = replace(past.calls[-1], mood="cut", is_answered=False)
    past.calls.append(past.calls[-1])
    past.results[-1]["cost"]["paid_calls"] = 2
    fail(past, "outcome_unknown")


@pytest.mark.parametrize(
    "happened",
    [
        lambda past: past.asked.reverse(),
        lambda past: called_before(past, "throttled", admitted=1),
        lambda past: called_before(past, "cut", admitted=2),
        lose_twice,
    ],
)
def test_what_may_happen_is_no_fault(past: Past, happened: Callable[[Past], object]) -> None:
    happened(past)
    assert complaints(past.evidence([])) == []


def test_a_death_explains_a_second_call(past: Past) -> None:
    past.calls.insert(1, replace(past.calls[0], began=DEATH + 60, ended=DEATH + 61))
    past.results[0]["cost"]["paid_calls"] = 2
    assert complaints(past.evidence([DEATH])) == []
    assert "called again without need" in str(complaints(past.evidence([])))


@pytest.mark.parametrize(("times", "is_fault"), [([DEATH, DEATH + 70], False), ([DEATH], True), ([1.0, 2.0], True)])
def test_calls_that_died_before_they_were_sent_are_seen_by_nobody(
    past: Past, times: list[float], is_fault: bool
) -> None:
    del past.calls[-1]
    fail(past, "outcome_unknown")
    assert bool(complaints(past.evidence(times))) == is_fault


@pytest.mark.parametrize(
    ("happened", "complaint"),
    [
        (lambda past: past.left.update(requests=1), "1 messages left in requests"),
        (lambda past: past.results.pop(1), "m-2: 0 outcomes"),
        (lambda past: past.results.append({**past.results[-1], "turn": TURNS + 1}), "m-4: 2 outcomes"),
        (lambda past: called_before(past, "fine", admitted=2), "called again without need"),
        (lambda past: called_before(past, "gateway", admitted=1), "admits 1 calls"),
        (lambda past: past.calls.extend(past.calls[:1] * 2), "paid 3 times"),
        (swap, "not in the order of sending"),
        (lambda past: past.results[3].update(parent_turn=2), "turn 4 answers 2"),
        (lambda past: setattr(past.calls[3], "pictures", ()), "turn 4 was asked for without the picture before it"),
        (lambda past: past.stored.update(k2=past.stored["k3"]), "k2 is not what its outcome says"),
        (lambda past: past.results[1].update(images=past.results[2]["images"]), "k3 was never made for it"),
        (lambda past: fail(past, "outcome_unknown"), "failed: {'code': 'outcome_unknown'}"),
        (lambda past: fail(past, "provider_unavailable"), "failed: {'code': 'provider_unavailable'}"),
        (lambda past: fail(past, "no_image"), "failed: {'code': 'no_image'}"),
    ],
)  # fmt: skip
def test_what_must_not_happen_is_found(past: Past, happened: Callable[[Past], object], complaint: str) -> None:
    happened(past)
    assert complaint in "\n".join(complaints(past.evidence([])))
