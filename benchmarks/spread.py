"""Statistics of a few runs: medians, and the spread between the rounds of one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the run's own spread around it: half the distance from the first to the third quartile."""

    value: float
    spread: float = 0.0


def estimate(values: Sequence[float]) -> Estimate:
    """The median and its spread. Raises ValueError without a value."""
    if not values:
        raise ValueError("nothing was measured")
    return Estimate(median(values), _half_of_the_middle(values))


def ratio(above: Sequence[float], below: Sequence[float]) -> Estimate:
    """The ratio of the medians. Its spread is that of the rounds, which each measured both."""
    rounds = [over / under for over, under in zip(above, below, strict=False)]
    return Estimate(estimate(above).value / estimate(below).value, _half_of_the_middle(rounds))


def _half_of_the_middle(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    first, _, third = quantiles(values, n=4, method="inclusive")
    return (third - first) / 2
