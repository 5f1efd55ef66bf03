"""The state machine: a modest number of runs always, and very many from a seed."""

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.figures import Figures
from tests.guarantees.memory.machine import PromiseMachine

RUNS = 200
TORTURE_RUNS = 5_000
STEPS = 40
# Shrinking a run takes minutes. A seed repeats it as it was.
PHASES = (Phase.explicit, Phase.generate)


def test_whatever_is_done_to_it_the_promise_is_kept(figures: Figures) -> None:
    run_state_machine_as_test(
        PromiseMachine, settings=settings(max_examples=RUNS, stateful_step_count=STEPS, phases=PHASES)
    )
    figures.count("runs of the state machine", f"{STEPS} steps at most", RUNS)


@pytest.mark.torture
def test_whatever_is_done_to_it_for_long_the_promise_is_kept(seed: int, figures: Figures) -> None:
    class Seeded(PromiseMachine):
        pass

    hypothesis.seed(seed)(Seeded)
    run_state_machine_as_test(
        Seeded,
        settings=settings(
            max_examples=TORTURE_RUNS,
            stateful_step_count=STEPS,
            phases=PHASES,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    figures.count("runs of the state machine", f"seed {seed}", TORTURE_RUNS)
