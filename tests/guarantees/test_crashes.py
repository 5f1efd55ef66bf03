"""Breaks anywhere: at every call over a port the process may die, or AWS may fail.

This runs on the ports in memory. `test_clients_edge.py` sweeps the clients' edge.
"""

from collections.abc import Callable, Sequence

import pytest

from tests.figures import Figures
from tests.guarantees.memory import overtaking, sweep
from tests.guarantees.memory.courses import COURSES, ten_race_for_the_last_calls
from tests.guarantees.memory.sweep import JUDGED, LOOKED_AFTER, MODES, OF_DIALECTS, Mode, Schedule

WAYS = ["dies", "aws fails"]
every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)


@pytest.mark.parametrize("mode", [*MODES, *OF_DIALECTS, LOOKED_AFTER], ids=lambda mode: mode.name)
@pytest.mark.parametrize("way", WAYS)
def test_wherever_it_breaks_the_promise_is_kept(mode: Mode, way: str, figures: Figures) -> None:
    ran = list(sweep.singles(mode, way))
    figures.count(f"single breaks ({way})", mode.name, len(ran))
    assert {"before claim", "before ask", "after write_once", "before commit", "before end"} <= boundaries(ran)


@pytest.mark.parametrize("mode", JUDGED, ids=lambda mode: mode.name)
@pytest.mark.parametrize("way", WAYS)
def test_wherever_judging_breaks_nothing_is_called_and_it_is_one_turn(mode: Mode, way: str, figures: Figures) -> None:
    ran = list(sweep.singles(mode, way))
    figures.count(f"single breaks ({way})", mode.name, len(ran))
    assert {"before claim", "before ended", "after write_once", "before end"} <= boundaries(ran)
    assert not {"before mark", "before ask", "before admit", "before succeeded"} & boundaries(ran)


@pytest.mark.parametrize("mode", [*MODES, *JUDGED], ids=lambda mode: mode.name)
@pytest.mark.parametrize("renews", [True, False], ids=["lease lives", "lease ends"])
def test_wherever_a_worker_stalls_and_is_overtaken_the_promise_is_kept(
    mode: Mode, renews: bool, figures: Figures
) -> None:
    ran = list(overtaking.ended(mode, renews=renews))
    figures.count("stalls, overtaken by one that ends", mode.name, len(ran))
    assert len(ran) >= 20


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__.replace("_", " "))
def test_in_this_course_the_promise_is_kept(course: Callable[[], None]) -> None:
    course()


@pytest.mark.torture
def test_however_ten_race_for_the_last_calls_no_day_has_more(seed: int, figures: Figures) -> None:
    races = range(seed, seed + 500)
    for race in races:
        ten_race_for_the_last_calls(race)
    figures.count("races of ten for three calls", f"seed {seed}", len(races))


@pytest.mark.torture
@every_mode
@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
def test_wherever_it_breaks_twice_the_promise_is_kept(mode: Mode, first: str, second: str, figures: Figures) -> None:
    ran = list(sweep.pairs(mode, first, second))
    figures.count(f"pairs of breaks ({first}, then {second})", mode.name, len(ran))
    assert len(ran) >= 500


@pytest.mark.torture
@every_mode
@pytest.mark.parametrize("renews", [True, False], ids=["lease lives", "lease ends"])
@pytest.mark.parametrize("dies", [True, False], ids=["second dies", "second ends"])
def test_wherever_two_stall_over_one_request_the_promise_is_kept(
    mode: Mode, renews: bool, dies: bool, figures: Figures
) -> None:
    ran = list(overtaking.sweep(mode, renews=renews, dies=dies))
    figures.count("pairs of stalls", mode.name, len(ran))
    assert len(ran) >= 500


def boundaries(ran: Sequence[Schedule]) -> set[str]:
    """The boundary of each schedule's first break, without the kind of break."""
    return {" ".join(schedule.broke[0].split()[-2:]) for schedule in ran}
