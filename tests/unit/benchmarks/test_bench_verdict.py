"""A missed goal fails the run, and a doubtful number does not count."""

from dataclasses import replace

import pytest

from benchmarks.rows.scenarios import CONVERSATION_10
from benchmarks.rows.turns import MEMORY, Above
from benchmarks.runs import Measured, Series
from benchmarks.samples import Samples, TooFew
from benchmarks.spread import Estimate, estimate, ratio
from benchmarks.terminal import cells, table
from benchmarks.verdict import Line, conclusion, failures
from darkroom.providers.dialect_table import NAMES

LINE = Line("cpu", "CPU of a turn", "ms", 500.0, 200.0, None, Estimate(0.40, 0.02), "naive", goal=0.35)
RUN = Measured(wall=1.0, cpu=0.5, growth=8e6, peak=9e7, served=0.1, read_units=1, write_units=1, spooled=0, calls={})
OURS, NAIVE = Series("darkroom", CONVERSATION_10), Series("naive", CONVERSATION_10)


def test_a_goal_that_is_missed_by_more_than_the_spread_fails_the_run() -> None:
    assert LINE.verdict == "missed"
    assert failures([LINE]) == [LINE]


def test_a_goal_that_is_missed_by_less_than_the_spread_does_not() -> None:
    close = replace(LINE, found=Estimate(0.36, 0.02))
    assert close.verdict == "within the spread"
    assert failures([close]) == []


def test_a_goal_that_is_reached_exactly_is_met() -> None:
    assert replace(LINE, found=Estimate(0.35)).verdict == "met"


def test_what_was_not_measured_fails_the_run() -> None:
    assert failures([replace(LINE, found=None, problem="killed")])


def test_what_cannot_be_measured_here_says_so_and_fails_nothing() -> None:
    untold = replace(LINE, found=None, missing="Valgrind is missing")
    assert untold.verdict == "not measured"
    assert failures([untold]) == []
    assert table([untold]).endswith("CPU of a turn:\n  Valgrind is missing")


def test_what_repeats_is_told_with_more_digits() -> None:
    assert cells(LINE)[4:6] == ("40 ± 2 % of naive", "≤ 35 %")
    repeating = replace(LINE, found=Estimate(1.39494, 0.00001), goal=1.4)
    assert cells(repeating)[4:6] == ("139.49 ± 0.00 % of naive", "≤ 140 %")


def test_what_has_no_goal_is_only_told() -> None:
    assert failures([replace(LINE, goal=None)]) == []


def test_what_is_met_only_within_the_spread_is_not_told_as_met() -> None:
    close, unmeasured = replace(LINE, found=Estimate(0.36, 0.02)), replace(LINE, problem="killed")
    met, untold = replace(LINE, found=Estimate(0.3)), replace(LINE, goal=None)
    assert conclusion([met, close, met, untold]) == "Goals: 2 met, 1 within the spread."
    assert conclusion([LINE, unmeasured]) == "Goals: 1 missed, 1 not measured."


def test_the_spread_of_a_ratio_is_that_of_the_rounds_and_not_that_of_the_machine() -> None:
    assert ratio([1.0, 2.0, 4.0], [2.0, 4.0, 8.0]) == Estimate(0.5, 0.0)


def test_one_round_that_went_wrong_does_not_move_the_median() -> None:
    found = ratio([1.0, 1.0, 1.0, 1.0, 9.0], [2.0, 2.0, 2.0, 2.0, 2.0])
    assert found == Estimate(0.5, 0.0)


def test_nothing_has_no_median() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        estimate([])


def test_a_round_counts_only_where_both_numbers_of_it_do() -> None:
    other = replace(RUN, growth=1e8)
    samples = Samples(5, {OURS: [RUN, None, RUN, RUN, RUN], NAIVE: [other, other, other, other, None]})
    assert samples.values(lambda run: run.growth, OURS, NAIVE) == [[8e6] * 3, [1e8] * 3]


def test_too_few_numbers_are_none_and_say_why() -> None:
    samples = Samples(5, {OURS: [RUN, None, None, None, RUN], NAIVE: [RUN] * 5}, {OURS: "the API was not sent it"})
    with pytest.raises(TooFew, match="the API was not sent it"):
        samples.values(lambda run: run.growth, OURS, NAIVE)


def test_a_row_whose_numbers_were_thrown_away_fails_the_run() -> None:
    samples = Samples(5, {OURS: [None] * 5, NAIVE: [RUN] * 5}, {OURS: "the API was not sent it"})
    line = MEMORY.compared[0].line("memory", samples)
    assert line.verdict == "not measured"
    assert failures([line]) == [line]


@pytest.mark.parametrize("above", MEMORY.above, ids=lambda above: above.what)
@pytest.mark.parametrize(("more", "verdict"), [(2e6, "met"), (2.1e6, "missed")])
def test_a_dialect_or_a_size_that_takes_a_picture_into_memory_fails_the_run(
    above: Above, more: float, verdict: str
) -> None:
    runs: dict[Series, list[Measured | None]] = {
        above.other: [RUN] * 5,
        above.darkroom: [replace(RUN, growth=RUN.growth + more)] * 5,
    }
    line = above.line("memory", Samples(5, runs))
    assert (line.darkroom, line.verdict) == ((RUN.growth + more) / 1e6, verdict)
    assert cells(line)[5] == f"≤ 2 {above.per}"


def test_the_memory_of_every_dialect_is_measured() -> None:
    measured = [each.scenario.dialect for each in MEMORY.series if each.client == "darkroom"]
    assert set(measured) == set(NAMES)
