"""The runs of one benchmark, interleaved: each round runs each series once, so that disturbances hit all of them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.runs import Bench, Discarded, Measured, Series

TRIES_WITHOUT_ONE = 2  # a series that never gives a number is given up
LEAST = 3  # numbers for a median


class TooFew(Exception):
    """Too many numbers of a series were discarded. The text is the last reason."""


@dataclass
class Samples:
    """The measurements, one for each round; None if a number was discarded."""

    rounds: int
    found: dict[Series, list[Measured | None]] = field(default_factory=dict)
    reasons: dict[Series, str] = field(default_factory=dict)

    def values(self, value: Callable[[Measured], float], *compared: Series) -> list[list[float]]:
        """The values of each series from the rounds in which all of them have one. Raises TooFew."""
        rounds = zip(*(self.found[series] for series in compared), strict=True)
        whole = [each for each in rounds if all(each)]
        if len(whole) < min(LEAST, self.rounds):
            raise TooFew(next((self.reasons[series] for series in compared if series in self.reasons), "never tried"))
        return [[value(one) for one in column if one] for column in zip(*whole, strict=True)]


def sampled(bench: Bench, wanted: Sequence[Series], rounds: int, say: Callable[[str], None]) -> Samples:
    """Run all rounds of all series."""
    series = list(dict.fromkeys(wanted))
    samples = Samples(rounds, {each: [] for each in series})
    for number in range(rounds):
        if series:
            say(f"round {number + 1} of {rounds}")
        for each in _order(series, number):
            samples.found[each].append(_one(bench, each, samples, say))
    return samples


def _order(series: Sequence[Series], number: int) -> list[Series]:
    """The order of a round. It changes, because each run leaves memory and disk in a state for the next one. In the
    first round Darkroom comes before the floor, which needs its numbers.
    """
    shuffle = random.Random(number)  # noqa: S311 - no secret: the orders are the same in each run
    return shuffle.sample(series, len(series)) if number else list(series)


def _one(bench: Bench, series: Series, samples: Samples, say: Callable[[str], None]) -> Measured | None:
    before = samples.found[series]
    if len(before) >= TRIES_WITHOUT_ONE and not any(before):
        return None
    try:
        return bench.run(series)
    except Discarded as reason:
        samples.reasons[series] = str(reason)
        say(f"thrown away: {reason}")
        return None
